/**
 * IPv4 addresses as C's inet_aton reads them.
 * @module
 */
import { formatIP } from '../address/ip.js';

/**
 * One to four parts, each decimal, octal (`010`) or hexadecimal (`0x0a`); the last part fills the bytes that are left, and
 * what follows a blank is ignored (glibc 2.36). `10.1` -> `10.0.0.1`.
 */
export function parseLooseIPv4(text: string): string | undefined {
  const parts = text.replace(/[ \t\n\v\f\r].*$/s, '').split('.');
  if (parts.length > 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    const value = parsePart(part);
    const width = index === parts.length - 1 ? 4 - index : 1;
    if (value === undefined || value >= 256 ** width) return undefined;
    for (let i = 0; i < width; i++) bytes[index + i] = (value / 256 ** (width - 1 - i)) & 0xff;
  }
  return formatIP(bytes);
}

function parsePart(part: string): number | undefined {
  if (/^0[0-7]+$/.test(part)) return Number.parseInt(part, 8);
  return /^(0x[0-9a-f]+|0|[1-9]\d*)$/i.test(part) ? Number(part) : undefined;
}
