import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { Stats } from '../../../src/model/stats.js';
import { readProcStats } from '../../../src/proc/stats.js';
import { cut, damaged, expectNoSurprise, inPieces, whole } from './text.js';

const TEXT = `   Total Incoming Outgoing         Incoming         Outgoing
   Conns  Packets  Packets            Bytes            Bytes
       A       21       16              7F0             1958

 Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s
       0        1        1               32               94
`;

const STATS = new Stats(
  { connections: 10n, inPackets: 33n, outPackets: 22n, inBytes: 2032n, outBytes: 6488n },
  { connections: 0, inPackets: 1, outPackets: 1, inBytes: 50, outBytes: 148 },
);

/** A file with such counters, as the kernel's `%8LX %8LX %8LX %16LX %16LX` prints them. */
function textOf(counters: readonly bigint[]): string {
  const widths = [8, 8, 8, 16, 16];
  const row = counters
    .map((value, index) =>
      value
        .toString(16)
        .toUpperCase()
        .padStart(widths[index] ?? 0),
    )
    .join(' ');
  return TEXT.replace(/^ +A .*$/m, row);
}

test('are hexadecimal', async () => {
  expect(await readProcStats(whole(TEXT))).toStrictEqual(STATS);
});

test('come in whatever pieces', async () => {
  await fc.assert(
    fc.asyncProperty(cut(TEXT), async (pieces) => {
      expect(await readProcStats(inPieces(pieces))).toStrictEqual(STATS);
    }),
  );
});

test('lose nothing up to 64 bits, even where a number is wider than its column', async () => {
  const counter = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  await fc.assert(
    fc.asyncProperty(fc.tuple(counter, counter, counter, counter, counter), async (counters) => {
      const stats = await readProcStats(whole(textOf(counters)));
      const { connections, inPackets, outPackets, inBytes, outBytes } = stats;
      expect([connections, inPackets, outPackets, inBytes, outBytes]).toEqual(counters);
      expect(stats.rates).toEqual(STATS.rates);
    }),
  );
});

describe('refuses', () => {
  test.each([
    ['nothing', ''],
    ['titles alone', TEXT.split('\n').slice(0, 2).join('\n')],
    ['no rates', TEXT.split('\n').slice(0, 5).join('\n')],
    ['four counters', TEXT.replace(' 1958', '')],
    ['a counter that is no number', TEXT.replace('7F0', '7G0')],
  ])('%s', async (_, text) => {
    await expect(readProcStats(whole(text))).rejects.toThrow(ProtocolError);
  });

  test('damaged text as such, if at all', async () => {
    await expectNoSurprise(damaged(TEXT), (text) => readProcStats(whole(text)));
    await expectNoSurprise(fc.string(), (text) => readProcStats(whole(text)));
  });
});
