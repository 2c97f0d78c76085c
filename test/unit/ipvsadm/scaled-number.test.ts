import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exactNumber, scaledNumber } from '../../../src/ipvsadm/scaled-number.js';

describe('counters in nine columns', () => {
  // Both sides of every boundary in print_largenum.
  it.each<[bigint, string]>([
    [0n, '        0'],
    [9_999_999n, '  9999999'],
    [10_000_000n, ' 10000000'],
    [99_999_999n, ' 99999999'],
    [100_000_000n, '  100000K'],
    [100_000_999n, '  100000K'],
    [100_001_000n, '  100001K'],
    [999_999_999n, '  999999K'],
    [1_000_000_000n, '    1000M'],
    [2n ** 32n - 1n, '    4294M'],
    [2n ** 32n, '    4294M'],
    [99_999_999_999n, '   99999M'],
    [100_000_000_000n, '     100G'],
    [99_999_999_999_999n, '   99999G'],
    [100_000_000_000_000n, '     100T'],
    [2n ** 53n + 1n, '    9007T'],
    [2n ** 63n, ' 9223372T'],
    [2n ** 64n - 1n, '18446744T'],
  ])('%d is "%s"', (count, text) => {
    expect(scaledNumber(count)).toBe(text);
    if (count <= Number.MAX_SAFE_INTEGER) expect(scaledNumber(Number(count))).toBe(text);
  });

  it('are nine characters wide whatever they count, and are cut off, not rounded', () => {
    const factors = { K: 10n ** 3n, M: 10n ** 6n, G: 10n ** 9n, T: 10n ** 12n };
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.nat(63).map((bits) => 2n ** BigInt(bits)),
        (any, divisor) => {
          const count = any / divisor;
          const text = scaledNumber(count);
          expect(text).toMatch(/^ *\d+[KMGT ]?$/);
          expect(text).toHaveLength(9);
          const unit = /[KMGT]$/.exec(text)?.[0] as keyof typeof factors | undefined;
          const factor = unit === undefined ? 1n : factors[unit];
          expect(BigInt(Number.parseInt(text, 10))).toBe(count / factor);
        },
      ),
    );
  });
});

describe('exact numbers', () => {
  it.each<[bigint, string]>([
    [0n, '        0'],
    [99_999_999n, ' 99999999'],
    [100_000_000n, ' 100000000'],
    [2n ** 64n - 1n, ' 18446744073709551615'],
  ])('%d is "%s"', (count, text) => {
    expect(exactNumber(count)).toBe(text);
  });
});
