import { expect, test } from 'vitest';
import { parseIP } from '../../../src/address/ip.js';
import { addressRange } from '../../../src/address/range.js';

function rangeOf(first: string, last: string) {
  const [low, high] = [parseIP(first), parseIP(last)];
  if (low === undefined || high === undefined) throw new Error('not an address');
  return addressRange(low, high);
}

test.each([
  ['10.0.0.1', '10.0.0.1', ['10.0.0.1']],
  ['10.0.0.254', '10.0.1.1', ['10.0.0.254', '10.0.0.255', '10.0.1.0', '10.0.1.1']],
  ['2001:db8::ffff', '2001:db8::1:1', ['2001:db8::ffff', '2001:db8::1:0', '2001:db8::1:1']],
  ['255.255.255.254', '255.255.255.255', ['255.255.255.254', '255.255.255.255']],
])('from %s to %s', (first, last, all) => {
  expect(rangeOf(first, last)?.count).toBe(BigInt(all.length));
  expect(rangeOf(first, last)?.list()).toEqual(all);
});

test('a family is counted without being listed', () => {
  expect(rangeOf('::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')?.count).toBe(2n ** 128n);
});

test('a range that ends before it begins is none', () => {
  expect(rangeOf('10.0.0.2', '10.0.0.1')).toBeUndefined();
});
