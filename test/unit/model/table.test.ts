import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDestinationKey } from '../../../src/model/destination.js';
import { formatServiceKey, parseServiceKey, type ServiceKeyText } from '../../../src/model/service-key.js';
import { compareDestinationKeys, compareServiceKeys } from '../../../src/model/table.js';
import { anyAddress, anyPort, anyServiceKey } from './random-keys.js';

const anyDestinationKey = fc.record({ address: anyAddress, port: anyPort });

/** Holds a comparison to the laws of an order in which only values of one name are equal. */
function expectStrictOrder<T>(values: fc.Arbitrary<T>, compare: (a: T, b: T) => number, name: (value: T) => string) {
  fc.assert(
    fc.property(values, values, values, (a, b, c) => {
      const sign = Math.sign(compare(a, b));
      expect(sign === 0).toBe(name(a) === name(b));
      expect(Math.sign(compare(b, a)) + sign).toBe(0);
      if (compare(a, b) <= 0 && compare(b, c) <= 0) expect(compare(a, c)).toBeLessThanOrEqual(0);
    }),
    { numRuns: 2000 },
  );
}

describe('services', () => {
  test('have a strict order', () => {
    expectStrictOrder(anyServiceKey, compareServiceKeys, formatServiceKey);
  });

  test('come by mark, family, protocol number, address and port', () => {
    const ordered: ServiceKeyText[] = [
      'ip0://10.0.0.1:80',
      'tcp://9.255.255.255:80',
      'tcp://10.0.0.1:79',
      'tcp://10.0.0.1:80',
      'tcp://255.0.0.1:1',
      'udp://10.0.0.1:53',
      'ip47://10.0.0.1:0',
      'sctp://10.0.0.1:80',
      'ip255://10.0.0.1:80',
      'tcp://[::1]:80',
      'tcp://[fd00::1]:80',
      'udp://[::1]:80',
      'fwmark://1',
      'fwmark://1?family=ipv6',
      'fwmark://2',
      'fwmark://2147483648',
      'fwmark://4294967295',
    ];
    const sorted = ordered.toReversed().map(parseServiceKey).sort(compareServiceKeys);
    expect(sorted.map(formatServiceKey)).toEqual(ordered);
  });
});

describe('destinations', () => {
  test('have a strict order', () => {
    // Apart from the one pair of addresses that the last test is about.
    const keys = anyDestinationKey.filter(({ address }) => address !== 'a00:1::');
    expectStrictOrder(keys, compareDestinationKeys, formatDestinationKey);
  });

  test('come by address, then port; IPv4 as if padded with zeros', () => {
    const ordered = [
      { address: '::1', port: 80 },
      { address: '9.0.0.1', port: 80 },
      { address: '10.0.0.1', port: 79 },
      { address: '10.0.0.1', port: 80 },
      { address: '10.0.0.2', port: 1 },
      { address: 'a00:2::1', port: 1 },
      { address: '200.0.0.1', port: 80 },
      { address: 'fd00::1', port: 80 },
    ];
    expect(ordered.toReversed().sort(compareDestinationKeys)).toEqual(ordered);
  });

  test('of two families are never equal, even with the same bytes in front', () => {
    const [ipv4, ipv6] = [
      { address: '10.0.0.1', port: 80 },
      { address: 'a00:1::', port: 80 },
    ];
    expect(compareDestinationKeys(ipv4, ipv6)).toBeLessThan(0);
    expect(compareDestinationKeys(ipv6, ipv4)).toBeGreaterThan(0);
  });
});
