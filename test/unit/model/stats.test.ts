import { expect, test } from 'vitest';
import { Stats } from '../../../src/model/stats.js';

const rates = { connections: 1, inPackets: 2, outPackets: 3, inBytes: 4, outBytes: 5 };
const counters = {
  connections: 10n,
  inPackets: 2n ** 53n + 1n,
  outPackets: 0n,
  inBytes: 2n ** 64n - 1n,
  outBytes: 50n,
};

test('are counters and rates', () => {
  expect({ ...new Stats(counters, rates) }).toStrictEqual({ ...counters, rates });
});

test('in JSON, counters are decimal strings that lose nothing, and rates are numbers', () => {
  const json = {
    connections: '10',
    inPackets: '9007199254740993',
    outPackets: '0',
    inBytes: '18446744073709551615',
    outBytes: '50',
    rates,
  };
  expect(new Stats(counters, rates).toJSON()).toStrictEqual(json);
  expect(JSON.parse(JSON.stringify({ services: [{ stats: new Stats(counters, rates) }] }))).toStrictEqual({
    services: [{ stats: json }],
  });
});
