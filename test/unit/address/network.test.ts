import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatIP, parseIP } from '../../../src/address/ip.js';
import {
  contains,
  describeMask,
  inNetwork,
  maskOfPrefix,
  parseNetwork,
  prefixOfMask,
} from '../../../src/address/network.js';

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

test.each([
  ['10.0.0.0/24', '10.0.0.255', true],
  ['10.0.0.7/24', '10.0.0.1', true],
  ['10.0.0.0/24', '10.0.1.0', false],
  ['10.0.0.0/23', '10.0.1.255', true],
  ['10.0.0.1', '10.0.0.1', true],
  ['10.0.0.1', '10.0.0.2', false],
  ['0.0.0.0/0', '203.0.113.1', true],
  ['::/0', '203.0.113.1', false],
  ['2001:db8::/33', '2001:db8:7fff::1', true],
  ['2001:db8::/33', '2001:db8:8000::1', false],
  ['2001:db8::1/128', '2001:db8::1', true],
])('%s has %s: %s', (text, address, inside) => {
  const [network, bytes] = [parseNetwork(text), parseIP(address)];
  if (network === undefined || bytes === undefined) throw new Error('not a network or not an address');
  expect(contains(network, bytes)).toBe(inside);
  expect(inNetwork(address, { address: formatIP(network.bytes), prefix: network.prefix })).toBe(inside);
});

test.each(['', '/24', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/024', '10.0.0.0/24/8', '::/129', 'blue/24'])(
  '%j is not a network',
  (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  },
);

test('an address contains those that agree in the first bits', () => {
  const same = fc.constantFrom(4, 16).chain((length) => {
    const bytes = fc.uint8Array({ minLength: length, maxLength: length });
    return fc.tuple(bytes, bytes, fc.nat(8 * length));
  });
  const bits = (bytes: Uint8Array, prefix: number) =>
    Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0'))
      .join('')
      .slice(0, prefix);
  fc.assert(
    fc.property(same, ([network, address, prefix]) => {
      expect(contains({ bytes: network, prefix }, address)).toBe(bits(network, prefix) === bits(address, prefix));
    }),
  );
});
