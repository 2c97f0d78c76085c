/**
 * Checks of what is passed in, before anything is sent.
 * @module
 */
import { parseIP } from '../../address/ip.js';
import { InvalidArgumentError } from '../../errors.js';

/** The bytes of an address. @throws {InvalidArgumentError} */
export function addressBytes(subject: string, path: string, text: string): Uint8Array {
  const bytes = parseIP(text);
  if (bytes !== undefined) return bytes;
  throw new InvalidArgumentError(subject, [{ path, message: `"${text}" is not an IPv4 or IPv6 address` }]);
}

/** Checks the length of a prefix of an address of so many bytes. @throws {InvalidArgumentError} */
export function checkPrefixLength(subject: string, path: string, length: number, bytes: Uint8Array): void {
  const most = 8 * bytes.length;
  if (Number.isInteger(length) && length >= 0 && length <= most) return;
  throw new InvalidArgumentError(subject, [{ path, message: `${length} is not a whole number from 0 to ${most}` }]);
}
