import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIP } from '../../../src/address/ip.js';
import { ProtocolError } from '../../../src/errors.js';
import { addressOfHex, endpointOfHex, numberOfHex } from '../../../src/proc/hex.js';

/** As the kernel's %pI6 writes them. */
function groupsOf(bytes: Uint8Array): string {
  return Buffer.from(bytes)
    .toString('hex')
    .replaceAll(/(.{4})(?=.)/g, '$1:');
}

test('numbers of up to 32 bits, in letters of either size', () => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.integer({ min: 1, max: 8 }), (number, digits) => {
      const text = number.toString(16).padStart(digits, '0');
      expect(numberOfHex(text)).toBe(number);
      expect(numberOfHex(text.toUpperCase())).toBe(number);
    }),
  );
});

test('IPv4 addresses', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), (bytes) => {
      expect(addressOfHex(Buffer.from(bytes).toString('hex').toUpperCase())).toBe(formatIP(bytes));
    }),
  );
});

test('IPv6 addresses, more of them than are kept, and again', () => {
  const addresses = fc.sample(fc.uint8Array({ minLength: 16, maxLength: 16 }), 3000);
  for (const bytes of [...addresses, ...addresses]) {
    expect(addressOfHex(groupsOf(bytes))).toBe(formatIP(bytes));
    expect(addressOfHex(`[${groupsOf(bytes)}]`)).toBe(formatIP(bytes));
  }
});

describe('refuses', () => {
  test.each(['', 'G', '-1', ' 1', '1 ', '0x1', '@', '`', '/', ':', '100000000', '１'])('the number %j', (text) => {
    expect(() => numberOfHex(text)).toThrow(ProtocolError);
  });

  test.each(['', '0A00000', '0A0000010', '0A00000Z', '2001:db8', '[2001:0db8', '[]'])('the address %j', (text) => {
    expect(() => addressOfHex(text)).toThrow(ProtocolError);
    expect(() => addressOfHex(text)).toThrow(ProtocolError);
  });

  test.each(['', '50', '00050', '005Z'])('the port %j', (text) => {
    expect(() => endpointOfHex('0A000001', text)).toThrow(ProtocolError);
  });
});
