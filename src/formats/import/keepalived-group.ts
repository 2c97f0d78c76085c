/**
 * `virtual_server_group` of keepalived.conf: its addresses, ranges and marks (2.2.7, check_data.c, `alloc_vsg_entry`).
 * @module
 */
import { type Family, familyOf, parseIP } from '../../address/ip.js';
import { addressRange } from '../../address/range.js';
import { MAX_RANGE } from '../../config/ranges.js';
import { addressOf, portOf, unsigned } from './keepalived-values.js';
import type { Place, Report } from './report.js';
import { named, type Statement } from './statement.js';

/** What one entry of a group comes to. */
export type GroupTarget =
  | { readonly place: Place; readonly address: string; readonly port: number }
  | { readonly place: Place; readonly mark: number; readonly family?: Family };

/** What keepalived calls a family. */
export const FAMILIES: ReadonlyMap<string, Family> = new Map([
  ['inet', 'ipv4'],
  ['inet6', 'ipv6'],
]);

/** A group as keepalived keeps it; undefined where it removes it. */
export interface Group {
  readonly name: string;
  readonly targets: readonly GroupTarget[];
  /** The families of its addresses, and of its marks that name one. */
  readonly families: ReadonlySet<Family>;
}

/** Everything a group names, in its order: addresses before marks. */
export function groupOf(group: Statement, report: Report): Group | undefined {
  const targets = (group.block ?? []).flatMap((entry) => targetsOf(entry, report));
  const families = new Set(targets.flatMap((target) => familyOfTarget(target) ?? []));
  if (targets.length === 0) {
    report.passOver(named(group), 'has no entries: keepalived removes it');
    return undefined;
  }
  if (families.size === 2 && targets.some((target) => familyOfTarget(target) === undefined)) {
    report.passOver(named(group), 'has both families and a mark without one: keepalived removes it');
    return undefined;
  }
  const addresses = targets.filter((target) => 'address' in target);
  return {
    name: group.values[0] ?? '',
    targets: [...addresses, ...targets.filter((target) => !('address' in target))],
    families,
  };
}

function familyOfTarget(target: GroupTarget): Family | undefined {
  return 'address' in target ? familyOf(target.address) : target.family;
}

function targetsOf(entry: Statement, report: Report): GroupTarget[] {
  if (entry.problem !== undefined) {
    report.refuse(entry, entry.problem);
    return [];
  }
  if (entry.key === 'fwmark') return markOf(entry, report);
  const port = portOf(entry.values[0], entry, report);
  if (port === undefined) return [];
  return addressesOf(entry, report).map((address) => ({ place: entry, address, port }));
}

function markOf(entry: Statement, report: Report): GroupTarget[] {
  const [text, name] = entry.values;
  if (text === undefined) {
    report.refuse(entry, MISSING_VALUE);
    return [];
  }
  const mark = unsigned(text, { min: 0, max: 0xffffffff, isLoose: true }, entry, report);
  const family = FAMILIES.get(name ?? '');
  if (mark === undefined) return [];
  if (name !== undefined && family === undefined) {
    report.passOver(entry, `"${name}" is neither inet nor inet6: keepalived leaves the entry out`);
    return [];
  }
  return [{ place: entry, mark, ...(family !== undefined && { family }) }];
}

/** Why keepalived ends where a keyword has no value. */
export const MISSING_VALUE = 'has no value: keepalived itself stops here';

/** `10.0.0.1`, `10.0.0.1-9`, `10.0.0.1-10.0.1.9`, `10.0.0.0/28`, and the same of IPv6, where `-9` is hexadecimal. */
function addressesOf(entry: Statement, report: Report): string[] {
  const [first, last] = endsOf(entry, report) ?? [];
  const range = first === undefined || last === undefined ? undefined : addressRange(first, last);
  if (range === undefined) {
    report.passOver(entry, 'is not an address, a range or a network: keepalived leaves it out');
    return [];
  }
  if (range.count <= BigInt(MAX_RANGE)) return range.list();
  report.refuse(entry, `is ${range.count} addresses; at most ${MAX_RANGE} are taken`);
  return [];
}

type Ends = readonly [first: Uint8Array, last: Uint8Array];

/** The first and the last address of an entry; undefined where keepalived leaves the entry out. */
function endsOf(entry: Statement, report: Report): Ends | undefined {
  const [, address = '', sign, rest = ''] = /^([^-/]*)(?:([-/])(.*))?$/s.exec(entry.key) ?? [];
  const first = parseIP(address);
  if (first === undefined) return undefined;
  if (sign === undefined) return [first, first];
  if (sign === '/') return networkEnds(first, rest);
  if (/[.:]/.test(rest)) {
    const last = parseIP(addressOf(rest, entry, report) ?? '');
    return last?.length === first.length ? [first, last] : undefined;
  }
  return lastPartEnds(first, rest, entry, report);
}

/** `10.0.0.0/28`, where no bit behind the prefix is set. */
function networkEnds(first: Uint8Array, text: string): Ends | undefined {
  const prefix = /^\d+$/.test(text) ? Number(text) : 0;
  if (prefix < 1 || prefix > 8 * first.length) return undefined;
  const hostBits = first.map((_, index) => 0xff >> Math.min(Math.max(prefix - 8 * index, 0), 8));
  const isNetwork = first.every((byte, index) => (byte & (hostBits[index] ?? 0)) === 0);
  return isNetwork ? [first, first.map((byte, index) => byte | (hostBits[index] ?? 0))] : undefined;
}

/** `10.0.0.1-9`, `2001:db8::1-ff`: the last part of the last address, which must be above that of the first. */
function lastPartEnds(first: Uint8Array, text: string, entry: Statement, report: Report): Ends | undefined {
  const isSix = first.length === 16;
  const [digits = ''] = (isSix ? /^[\da-f]*/i : /^\d*/).exec(text) ?? [];
  const part = Number.parseInt(digits || '0', isSix ? 16 : 10);
  const begin = first.length - (isSix ? 2 : 1);
  const last = first.slice();
  if (isSix) last[begin] = part >> 8;
  last[first.length - 1] = part & 0xff;
  const tail = first.slice(begin).reduce((number, byte) => (number << 8) | byte, 0);
  if (part > (isSix ? 0xffff : 0xff) || tail >= part) return undefined;
  if (digits !== text) report.passOver(entry, `keepalived reads "-${text}" as -${digits || '0'}`);
  return [first, last];
}
