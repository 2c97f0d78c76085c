/**
 * IPv4 and IPv6 addresses: text <-> bytes in network order. Strict, because a load balancer that reads `010.0.0.1` as
 * 8.0.0.1 (as inet_aton does) sends traffic to strangers.
 * @module
 */

/** Which kind of IP address; in the kernel's words AF_INET and AF_INET6. */
export type Family = 'ipv4' | 'ipv6';

/**
 * `10.0.0.1` -> 0x0a000001; four decimal numbers 0..255 without leading zeros, nothing else. Digit by digit and without
 * a byte of garbage: a restore reads tens of thousands of addresses.
 */
export function parseIPv4Number(text: string): number | undefined {
  let address = 0;
  let index = 0;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && text.charCodeAt(index++) !== DOT) return undefined;
    const first = index;
    let value = 0;
    for (; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (!isDigit(code)) break;
      value = value * 10 + code - ZERO;
    }
    const digits = index - first;
    if (digits === 0 || digits > 3 || value > 255 || (digits > 1 && text.charCodeAt(first) === ZERO)) return undefined;
    address = address * 256 + value;
  }
  return index === text.length ? address : undefined;
}

/** 0x0a000001 -> `10.0.0.1`. */
export function formatIPv4(address: number): string {
  return octet(address >>> 24) + octet((address >>> 16) & 0xff) + octet((address >>> 8) & 0xff) + (address & 0xff);
}

/** A dot after each: half as many strings to put together, in tables with tens of thousands of addresses. */
const OCTETS = Array.from({ length: 256 }, (_, value) => `${value}.`);

function octet(value: number): string {
  return OCTETS[value] ?? '';
}

/** `10.0.0.1` -> 4 bytes, as strict as {@link parseIPv4Number}. */
export function parseIPv4(text: string): Uint8Array | undefined {
  const address = parseIPv4Number(text);
  return address === undefined ? undefined : ipv4Bytes(address);
}

/** 0x0a000001 -> the bytes of 10.0.0.1; the highest byte first, as on the wire. */
export function ipv4Bytes(address: number): Uint8Array {
  return Uint8Array.of(address >>> 24, (address >>> 16) & 0xff, (address >>> 8) & 0xff, address & 0xff);
}

const DOT = '.'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);

function isDigit(code: number): boolean {
  return code >= ZERO && code <= ZERO + 9;
}

/** `2001:db8::1` or `::ffff:10.0.0.1` -> 16 bytes. A zone (`%eth0`) is refused: the kernel's table has no place for it. */
export function parseIPv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  // "::" stands for at least one group of zeros; without it all eight groups are there.
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

/** The bytes of colon-separated groups; a dotted quad may end the address. */
function parseGroups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else {
      const quad = endsAddress && index === groups.length - 1 ? parseIPv4(group) : undefined;
      if (quad === undefined) return undefined;
      bytes.push(...quad);
    }
  }
  return bytes;
}

/** Either family; the length of the result (4 or 16) tells which. */
export function parseIP(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIPv6(text) : parseIPv4(text);
}

/** The one way this library writes an address: dotted quad, or RFC 5952 with glibc's dotted tails (`::ffff:10.0.0.1`). */
export function formatIP(bytes: Uint8Array): string {
  return bytes.length === 4 ? bytes.join('.') : formatIPv6(bytes);
}

/** As glibc's inet_ntop writes it, which is what ipvsadm prints. */
function formatIPv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (byteAt(bytes, 2 * i) << 8) | byteAt(bytes, 2 * i + 1));
  const zeros = longestRun(groups);
  const words = groups.map((group) => group.toString(16));
  // inet_ntop shows the last 32 bits dotted for ::a.b.c.d and ::ffff:a.b.c.d.
  const embedded = zeros.start === 0 && (zeros.length === 6 || (zeros.length === 5 && groups[5] === 0xffff));
  if (embedded) words.splice(6, 2, bytes.subarray(12, 16).join('.'));
  if (zeros.length < 2) return words.join(':');
  return `${words.slice(0, zeros.start).join(':')}::${words.slice(zeros.start + zeros.length).join(':')}`;
}

/** The first of the longest runs of zero groups. */
function longestRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
    start = Math.max(start, end - 1);
  }
  return best;
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

/** The family of an address written as this library writes them. */
export function familyOf(address: string): Family {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}

/** Network order, IPv4 padded with zeros to 16 bytes: the order in which ipvsadm lists the servers of a service. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  for (let i = 0; i < 16; i++) {
    const difference = byteAt(left, i) - byteAt(right, i);
    if (difference !== 0) return difference;
  }
  return 0;
}
