/**
 * /proc/net/ip_vs: the whole table for everyone who may read files. It knows no statistics, thresholds, scheduler
 * flags, persistence engines, kinds of tunnel, and neither the family of a fwmark service nor one-packet scheduling of
 * an IPv6 one (kernel: ip_vs_info_seq_show in ip_vs_ctl.c).
 * @module
 */
import { endianness } from 'node:os';
import { formatIPv4, ipv4Bytes } from '../address/ip.js';
import { describeMask } from '../address/network.js';
import { ProtocolError } from '../errors.js';
import { type DestinationEntry, makeDestination, type NormalDestination } from '../model/destination.js';
import { isSameService } from '../model/same-table.js';
import { makeService, type NormalService } from '../model/service.js';
import { type EndpointKey, protocolOfNumber, type ServiceKey } from '../model/service-key.js';
import type { Info, TableService } from '../model/table.js';
import { addressOfHex, endpointOfHex, numberOfHex } from './hex.js';

/** What the file says. */
export interface ProcTable {
  readonly info: Info;
  readonly services: readonly TableService[];
}

const VERSION = /^IP Virtual Server version (\d+\.\d+\.\d+) \(size=(\d+)\)$/;
const SERVICE =
  /^(?:FWM {2}([0-9A-F]{8})|(\S+) {2}([0-9A-F]{8}|\[[0-9a-f:]+\]):([0-9A-F]{4})) (\S*)\s+(ops\s+)?(?:persistent (-?\d+) ([0-9A-F]{8}))?\s*$/;
const ARROW = '  -> ';

/** `ticksPerSecond` is the kernel's HZ: the file gives persistence timeouts in ticks. Unknown, they are left out. */
export async function readProcTable(chunks: AsyncIterable<string>, ticksPerSecond?: number): Promise<ProcTable> {
  let info: Info | undefined;
  const services: (TableService & { destinations: DestinationEntry[] })[] = [];
  await readLines(chunks, {
    version(line) {
      info = readVersion(line);
    },
    service(line) {
      services.push({ service: readService(line, ticksPerSecond), destinations: [] });
    },
    destination(columns) {
      const { destinations } = services.at(-1) ?? columns.unreadable();
      destinations.push(readDestination(columns));
    },
  });
  if (info === undefined) throw new ProtocolError('/proc/net/ip_vs is empty');
  return { info, services };
}

/**
 * Whether the file lists these services with these destinations, in this order, whatever their settings. Nothing is made
 * of what it says, so that it takes half the time of reading it.
 */
export async function isProcTableOf(
  services: readonly TableService[],
  chunks: AsyncIterable<string>,
): Promise<boolean> {
  let isSame = true;
  let seen = 0;
  let expected: readonly DestinationEntry[] = [];
  let place = 0;
  const endService = () => {
    isSame &&= place === expected.length;
  };
  await readLines(chunks, {
    version() {},
    service(line) {
      endService();
      const found = services[seen++];
      isSame &&= found !== undefined && isSameService(found, { service: readService(line, undefined) });
      expected = found?.destinations ?? [];
      place = 0;
    },
    destination(columns) {
      const found = expected[place++]?.destination;
      isSame &&= found?.address === columns.address() && found.port === columns.hexadecimal(4);
    },
  });
  endService();
  return isSame && seen === services.length;
}

/** What {@link readLines} hands on. */
interface Lines {
  version(line: string): void;
  service(line: string): void;
  destination(columns: Columns): void;
}

/** Destinations are read where they stand: to cut their lines out would take as long. */
async function readLines(chunks: AsyncIterable<string>, to: Lines): Promise<void> {
  let isFirst = true;
  let rest = '';
  const readLine = (text: string, start: number, end: number) => {
    if (!isFirst && text.startsWith(ARROW, start)) {
      if (!text.startsWith('RemoteAddress', start + ARROW.length)) to.destination(new Columns(text, start, end));
    } else if (isFirst) {
      to.version(text.slice(start, end));
      isFirst = false;
    } else if (!text.startsWith('Prot ', start)) {
      to.service(text.slice(start, end));
    }
  };
  for await (const chunk of chunks) {
    const text = rest + chunk;
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      readLine(text, start, end);
      start = end + 1;
    }
    rest = text.slice(start);
  }
  if (rest !== '') readLine(rest, 0, rest.length);
}

function readVersion(line: string): Info {
  const [, version, size] = VERSION.exec(line) ?? unreadable(line);
  return { version: version ?? '', connectionTableSize: Number(size) };
}

function readService(line: string, ticksPerSecond: number | undefined): NormalService {
  const [, mark, protocol = '', address, port = '', scheduler = '', ops, ticks, mask = ''] =
    SERVICE.exec(line) ?? unreadable(line);
  const key: ServiceKey =
    mark === undefined
      ? { protocol: protocolOf(protocol), ...endpointOfHex(address ?? '', port) }
      : { protocol: 'fwmark', mark: numberOfHex(mark) };
  const persistence = ticks === undefined ? undefined : readPersistence(key, Number(ticks), mask, ticksPerSecond);
  return makeService(withFamily(key, persistence?.netmask), {
    scheduler,
    ...(ops !== undefined && { onePacket: true as const }),
    ...(persistence !== undefined && { persistence }),
  });
}

/** A mark has no family in the file, but a prefix from 33 on is one of IPv6. 128 may be the IPv4 mask 128.0.0.0 as well. */
function withFamily(key: ServiceKey, netmask: number | string | undefined): ServiceKey {
  const isIPv6 = key.protocol === 'fwmark' && typeof netmask === 'number' && netmask > 32 && netmask < 128;
  return isIPv6 ? { ...key, family: 'ipv6' } : key;
}

function protocolOf(name: string): EndpointKey['protocol'] {
  if (name === 'TCP' || name === 'UDP' || name === 'SCTP') return name.toLowerCase() as Lowercase<typeof name>;
  const number = OTHER_PROTOCOLS.get(name) ?? /^IP_(\d+)$/.exec(name)?.[1];
  if (number === undefined) throw new ProtocolError(`/proc/net/ip_vs: unknown protocol "${name}"`);
  return protocolOfNumber(Number(number));
}

/** The kernel has names for these too (ip_vs_proto_name in ip_vs_core.c). */
const OTHER_PROTOCOLS = new Map([
  ['IP', 0],
  ['ICMP', 1],
  ['ICMPv6', 58],
]);

function readPersistence(
  key: ServiceKey,
  ticks: number,
  mask: string,
  ticksPerSecond: number | undefined,
): NonNullable<NormalService['persistence']> {
  return {
    ...(ticksPerSecond !== undefined && { timeout: (ticks >>> 0) / ticksPerSecond }),
    netmask: readNetmask(key, numberOfHex(mask)),
  };
}

/**
 * The kernel prints ntohl() of what it holds: an IPv4 mask in network order, or an IPv6 prefix length in host order, so
 * that 64 comes out as 40000000 on a little-endian machine. A fwmark service does not tell its family: there, a number
 * that can be a prefix is taken for one, since IPv4 masks start with ones (only 128.0.0.0 looks like /128).
 */
function readNetmask(key: ServiceKey, printed: number): number | string {
  const mask = ipv4Bytes(printed);
  const prefix = new DataView(mask.buffer).getUint32(0, endianness() === 'LE');
  const isPrefix = key.protocol === 'fwmark' ? prefix >= 1 && prefix <= 128 : key.address.includes(':');
  return isPrefix ? prefix : describeMask(mask);
}

/** `  -> 0A000002:0050      Masq    1      0          0         ` */
function readDestination(columns: Columns): DestinationEntry {
  const address = columns.address();
  const port = columns.hexadecimal(4);
  const forward = METHODS.get(columns.word()) ?? columns.unreadable();
  const weight = columns.integer();
  const activeConnections = columns.integer();
  const inactiveConnections = columns.integer();
  columns.end();
  const destination = makeDestination({ address, port, forward, weight });
  return { destination, activeConnections, inactiveConnections };
}

/** The kernel's names (ip_vs_fwd_name in ip_vs_ctl.c); every other method it calls Masq as well. */
const METHODS = new Map<string, NormalDestination['forward']>([
  ['Masq', 'nat'],
  ['Local', 'local'],
  ['Tunnel', 'tun'],
  ['Route', 'dr'],
]);

/** A cursor over the columns of a line in a text. A table has ten destinations for each service: no garbage here. */
class Columns {
  readonly #text: string;
  readonly #start: number;
  readonly #end: number;
  #at: number;

  constructor(text: string, start: number, end: number) {
    this.#text = text;
    this.#start = start;
    this.#end = end;
    this.#at = start;
  }

  /** `  -> 0A000002:` or `  -> [2001:0db8:0000:0000:0000:0000:0000:0005]:`. */
  address(): string {
    this.#at += ARROW.length;
    const start = this.#at;
    const isIPv6 = this.#text.charCodeAt(start) === OPENING_BRACKET;
    if (isIPv6) this.#at = Math.min(this.#text.indexOf(']', start) + 1 || this.#end, this.#end);
    const address = isIPv6 ? addressOfHex(this.#text.slice(start, this.#at)) : formatIPv4(this.hexadecimal(8));
    if (this.#at >= this.#end || this.#text.charCodeAt(this.#at++) !== COLON) this.unreadable();
    return address;
  }

  /** So many digits, as the kernel writes them: capitals. */
  hexadecimal(digits: number): number {
    let number = 0;
    for (const end = this.#at + digits; this.#at < end; this.#at++) {
      const digit = HEX_DIGITS[this.#code()];
      number = number * 16 + (digit ?? this.unreadable());
    }
    return number;
  }

  word(): string {
    this.#skipBlanks();
    const start = this.#at;
    while (this.#code() > BLANK) this.#at++;
    return this.#text.slice(start, this.#at);
  }

  /** Decimal, perhaps with a sign. */
  integer(): number {
    this.#skipBlanks();
    const isNegative = this.#code() === MINUS;
    if (isNegative) this.#at++;
    const start = this.#at;
    let number = 0;
    for (let code = this.#code(); code >= ZERO && code <= NINE; code = this.#code()) {
      number = number * 10 + code - ZERO;
      this.#at++;
    }
    if (this.#at === start) this.unreadable();
    return isNegative ? -number : number;
  }

  end(): void {
    if (this.#at < this.#end) this.#skipBlanks();
    if (this.#at < this.#end) this.unreadable();
  }

  unreadable(): never {
    return unreadable(this.#text.slice(this.#start, this.#end));
  }

  #skipBlanks(): void {
    if (this.#code() !== BLANK) this.unreadable();
    while (this.#code() === BLANK) this.#at++;
  }

  /** Of the character here; -1 at the end of the line. */
  #code(): number {
    return this.#at < this.#end ? this.#text.charCodeAt(this.#at) : -1;
  }
}

/** Character codes. */
const BLANK = 0x20;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPENING_BRACKET = 0x5b;

/** Digits by character code. */
const HEX_DIGITS: number[] = [];
for (const [value, digit] of [...'0123456789ABCDEF'].entries()) HEX_DIGITS[digit.charCodeAt(0)] = value;

function unreadable(line: string): never {
  throw new ProtocolError(`/proc/net/ip_vs: cannot read the line "${line}"`);
}
