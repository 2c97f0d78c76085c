import net from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compareBytes,
  familyOf,
  formatIP,
  formatIPv4,
  parseIP,
  parseIPv4,
  parseIPv6,
} from '../../../src/address/ip.js';

const ipv4Bytes = fc.uint8Array({ minLength: 4, maxLength: 4 });

/** Eight groups, mostly zeros and other values that inet_ntop treats in a way of their own. */
const ipv6Bytes = fc
  .array(fc.oneof(fc.constant(0), fc.constantFrom(1, 0xffff), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));

/** Text that is nearly an address, and sometimes is one. */
const nearlyIPv6 = fc
  .array(fc.constantFrom('0', '1', 'ff', 'ABCD', '12345', 'g', ':', '::', '1:2', '1.2.3.4', '.', '01', ' '), {
    maxLength: 12,
  })
  .map((pieces) => pieces.join(''));
const nearlyIPv4 = fc
  .array(fc.constantFrom('0', '1', '00', '255', '256', '010', '-1', 'a', ' ', ''), { minLength: 3, maxLength: 5 })
  .map((parts) => parts.join('.'));

/** libuv's inet_ntop, which agrees with glibc's. */
function ntop(address: string): string {
  return new net.SocketAddress({ address, family: 'ipv6' }).address;
}

function fullText(bytes: Uint8Array): string {
  return (Buffer.from(bytes).toString('hex').match(/.{4}/g) ?? []).join(':');
}

describe('IPv4', () => {
  test.each([
    ['0.0.0.0', [0, 0, 0, 0]],
    ['10.0.0.1', [10, 0, 0, 1]],
    ['255.255.255.255', [255, 255, 255, 255]],
  ])('%s', (text, bytes) => {
    expect(parseIPv4(text)).toEqual(Uint8Array.from(bytes));
  });

  test.each([
    ['octal to inet_aton', '010.0.0.1'],
    ['octal to inet_aton, at the end', '10.0.0.01'],
    ['two zeros', '10.0.0.00'],
    ['hexadecimal to inet_aton', '0x0a.0.0.1'],
    ['three parts', '10.0.1'],
    ['one number', '167772161'],
    ['five parts', '10.0.0.0.1'],
    ['above 255', '10.0.0.256'],
    ['four digits', '10.0.0.1000'],
    ['negative', '10.0.0.-1'],
    ['plus', '10.0.0.+1'],
    ['exponent', '10.0.0.1e1'],
    ['empty part', '10..0.1'],
    ['trailing dot', '10.0.0.1.'],
    ['leading blank', ' 10.0.0.1'],
    ['trailing line feed', '10.0.0.1\n'],
    ['a port', '10.0.0.1:80'],
    ['a prefix', '10.0.0.0/8'],
    ['other digits', '１０.0.0.1'],
    ['nothing', ''],
  ])('refuses %s: %j', (_, text) => {
    expect(parseIPv4(text)).toBeUndefined();
    expect(parseIP(text)).toBeUndefined();
  });

  test('takes exactly what Node takes for IPv4', () => {
    fc.assert(
      fc.property(nearlyIPv4, (text) => {
        expect(parseIPv4(text) !== undefined).toBe(net.isIPv4(text));
      }),
    );
  });

  test('text and back', () => {
    fc.assert(
      fc.property(ipv4Bytes, (bytes) => {
        expect(parseIP(formatIP(bytes))).toEqual(bytes);
      }),
    );
  });
});

describe('IPv6', () => {
  test.each([
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:0db8:0000:0000:0000:0000:0000:0005', '2001:db8::5'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
    ['::FFFF:0a00:0001', '::ffff:10.0.0.1'],
    ['::10.0.0.1', '::10.0.0.1'],
    ['::1:0', '::0.1.0.0'],
    ['::ffff:0:10.0.0.1', '::ffff:0:a00:1'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
    ['1:2:3:4:5:6:10.0.0.1', '1:2:3:4:5:6:a00:1'],
  ])('%s is written %s', (text, normal) => {
    const bytes = parseIPv6(text);
    expect(bytes).toHaveLength(16);
    expect(bytes && formatIP(bytes)).toBe(normal);
  });

  test.each([
    ['a zone', 'fe80::1%eth0'],
    ['a numeric zone', 'fe80::1%2'],
    ['three colons', ':::'],
    ['three colons inside', '1:::2'],
    ['two gaps', '1::2::3'],
    ['nine groups', '1:2:3:4:5:6:7:8:9'],
    ['eight groups and a gap', '1:2:3:4::5:6:7:8'],
    ['seven groups', '1:2:3:4:5:6:7'],
    ['five digits', '12345::'],
    ['a letter above f', 'g::'],
    ['a colon at the start', ':1:2:3:4:5:6:7'],
    ['a colon at the end', '1:2:3:4:5:6:7:'],
    ['IPv4 not at the end', '::10.0.0.1:1'],
    ['IPv4 before the gap', '10.0.0.1::'],
    ['IPv4 for one group', '1:2:3:4:5:6:7:10.0.0.1'],
    ['octal-looking IPv4 inside', '::ffff:010.0.0.1'],
    ['short IPv4 inside', '::ffff:10.1'],
    ['brackets', '[::1]'],
    ['a prefix', '2001:db8::/32'],
    ['a blank', ':: 1'],
    ['a trailing line feed', '::1\n'],
    ['IPv4', '10.0.0.1'],
    ['nothing', ''],
  ])('refuses %s: %j', (_, text) => {
    expect(parseIPv6(text)).toBeUndefined();
  });

  test('takes exactly what Node takes for IPv6, and understands it alike', () => {
    fc.assert(
      fc.property(nearlyIPv6, (text) => {
        const bytes = parseIPv6(text);
        expect(bytes !== undefined).toBe(net.isIPv6(text));
        if (bytes !== undefined) expect(formatIP(bytes)).toBe(ntop(text));
      }),
      { numRuns: 1000 },
    );
  });

  test('writes every address as inet_ntop does', () => {
    fc.assert(
      fc.property(fc.oneof(ipv6Bytes, fc.uint8Array({ minLength: 16, maxLength: 16 })), (bytes) => {
        expect(formatIP(bytes)).toBe(ntop(fullText(bytes)));
      }),
      { numRuns: 2000 },
    );
  });

  test('text and back', () => {
    fc.assert(
      fc.property(ipv6Bytes, (bytes) => {
        expect(parseIP(formatIP(bytes))).toEqual(bytes);
        expect(parseIP(fullText(bytes).toUpperCase())).toEqual(bytes);
      }),
    );
  });
});

test('the family shows in the text', () => {
  fc.assert(
    fc.property(fc.oneof(ipv4Bytes, ipv6Bytes), (bytes) => {
      expect(familyOf(formatIP(bytes))).toBe(bytes.length === 4 ? 'ipv4' : 'ipv6');
    }),
  );
});

test.each([
  ['10.0.0.1', '10.0.0.2'],
  ['9.255.255.255', '10.0.0.0'],
  ['127.0.0.1', '255.0.0.1'],
  ['2001:db8::1', '2001:db8::2'],
  ['::1', 'fd00::'],
  ['10.0.0.1', 'a00:1::1'],
])('%s comes before %s', (low, high) => {
  const [left, right] = [parseIP(low), parseIP(high)];
  if (left === undefined || right === undefined) throw new Error('the test has a bad address');
  expect(compareBytes(left, right)).toBeLessThan(0);
  expect(compareBytes(right, left)).toBeGreaterThan(0);
  expect(compareBytes(left, left)).toBe(0);
});

test('IPv4 numbers are written as from their bytes', () => {
  fc.assert(
    fc.property(ipv4Bytes, (bytes) => {
      expect(formatIPv4(new DataView(bytes.buffer).getUint32(0))).toBe(formatIP(bytes));
    }),
  );
  expect(formatIPv4(0)).toBe('0.0.0.0');
  expect(formatIPv4(0xffffffff)).toBe('255.255.255.255');
});
