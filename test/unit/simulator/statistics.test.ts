import { describe, expect, it } from 'vitest';
import { readStats32, readStats64 } from '../../../src/kernel/stats-codec.js';
import { AttributeReader, AttributeWriter, Bytes } from '../../../src/netlink/attributes.js';
import type { Padding } from '../../../src/simulator/netlink/u64.js';
import { Counters, Statistics, writeStatistics } from '../../../src/simulator/table/statistics.js';

/** Both nests, as a client reads them. */
function written(statistics: Statistics, padding: Padding) {
  const writer = new AttributeWriter();
  writeStatistics(writer, [1, 2], statistics, padding);
  const reader = new AttributeReader(new Bytes(writer.written), 0, writer.length, 'statistics');
  reader.next();
  const narrow = readStats32(reader.nested('STATS'));
  reader.next();
  return { narrow, wide: readStats64(reader.nested('STATS64')), length: writer.length };
}

describe.each<[Padding, number]>([
  ['none', 216],
  ['aligned', 256],
])('statistics with padding %s', (padding, length) => {
  it('have 64 bits in one nest, and wrap at 32 in the other but for the bytes', () => {
    const statistics = new Statistics();
    Object.assign(statistics.counters, { connections: 2 ** 32 + 5, inPackets: 2 ** 40, inBytes: 2 ** 53 - 1 });
    statistics.rates = Object.assign(new Counters(), { connections: 7, outBytes: 2 ** 33 });
    const { narrow, wide, length: total } = written(statistics, padding);
    expect(wide).toMatchObject({ connections: 2n ** 32n + 5n, inPackets: 2n ** 40n, inBytes: 2n ** 53n - 1n });
    expect(wide.rates).toMatchObject({ connections: 7, outBytes: 2 ** 33 });
    expect(narrow).toMatchObject({ connections: 5n, inPackets: 0n, inBytes: 2n ** 53n - 1n });
    expect(narrow.rates).toMatchObject({ connections: 7, outBytes: 0 });
    expect(total).toBe(length);
  });
});

it('zero starts what is shown anew, and the counters go on', () => {
  const statistics = new Statistics();
  statistics.counters.connections = 5;
  statistics.rates = Object.assign(new Counters(), { connections: 2 });
  statistics.zero();
  expect(statistics.shown.connections).toBe(0);
  expect(statistics.rates.connections).toBe(0);
  statistics.counters.connections += 3;
  expect(statistics.shown.connections).toBe(3);
  expect(statistics.counters.connections).toBe(8);
  statistics.zero();
  expect(statistics.shown.connections).toBe(0);
});
