import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scaled } from '../../../../src/cli/top/columns.js';

test.each<[number, string]>([
  [0, '0'],
  [99_999, '99999'],
  [100_000, '100K'],
  [999_999, '999K'],
  [1_000_000, '1.0M'],
  [1_999_999, '1.9M'],
  [8_200_000, '8.2M'],
  [99_999_999, '99.9M'],
  [100_000_000, '100M'],
  [999_999_999, '999M'],
  [1e9, '1.0G'],
  [1e12, '1.0T'],
  [1e15, '1.0P'],
  [1.8e19, '18.0E'],
])('%d is %s', (value, text) => {
  expect(scaled(value)).toBe(text);
});

test('never longer than five characters, nor more than there is', () => {
  const powers = { K: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 };
  fc.assert(
    fc.property(fc.oneof(fc.nat(), fc.maxSafeNat()), (value) => {
      const text = scaled(value);
      expect(text.length).toBeLessThanOrEqual(5);
      const unit = Object.entries(powers).find(([letter]) => text.endsWith(letter))?.[1] ?? 1;
      const shown = Number.parseFloat(text) * unit;
      expect(shown).toBeLessThanOrEqual(value * (1 + Number.EPSILON));
      expect(value - shown).toBeLessThan(unit);
    }),
  );
});
