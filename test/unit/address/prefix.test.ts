import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatIP } from '../../../src/address/ip.js';
import { describeMask, maskOfPrefix, prefixOfMask } from '../../../src/address/prefix.js';

test.each([
  [0, '0.0.0.0'],
  [1, '128.0.0.0'],
  [8, '255.0.0.0'],
  [20, '255.255.240.0'],
  [24, '255.255.255.0'],
  [31, '255.255.255.254'],
  [32, '255.255.255.255'],
])('/%d is %s', (prefix, mask) => {
  expect(formatIP(maskOfPrefix(prefix))).toBe(mask);
});

test('every prefix length survives the way to a mask and back', () => {
  for (let prefix = 0; prefix <= 32; prefix++) expect(prefixOfMask(maskOfPrefix(prefix))).toBe(prefix);
});

test.each([[[255, 0, 255, 0]], [[0, 0, 0, 1]], [[255, 255, 255, 253]], [[127, 255, 255, 255]]])(
  '%j has no prefix length',
  (bytes) => {
    expect(prefixOfMask(Uint8Array.from(bytes))).toBeUndefined();
    expect(describeMask(Uint8Array.from(bytes))).toBe(bytes.join('.'));
  },
);

test('a described mask says all there is to it', () => {
  const prefixed = fc.nat(32).map(maskOfPrefix);
  fc.assert(
    fc.property(fc.oneof(prefixed, fc.uint8Array({ minLength: 4, maxLength: 4 })), (mask) => {
      const text = describeMask(mask);
      expect(typeof text === 'number' ? formatIP(maskOfPrefix(text)) : text).toBe(formatIP(mask));
    }),
  );
});
