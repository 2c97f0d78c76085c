/**
 * `virtual_server_group` of keepalived.conf: its addresses, ranges and marks.
 * @module
 */
import { type Family, formatIP, parseIP } from '../../address/ip.js';
import { destinationKeysOf } from '../../config/ranges.js';
import { InvalidArgumentError } from '../../errors.js';
import type { Place, Report } from './report.js';
import type { Statement } from './statement.js';
import { decimal } from './values.js';

/** What one entry of a group comes to. */
export type GroupTarget =
  | { readonly place: Place; readonly address: string; readonly port: number }
  | { readonly place: Place; readonly mark: number; readonly family?: Family };

/** Everything a group names, in its order. */
export function groupTargets(group: Statement, report: Report): GroupTarget[] {
  return (group.block ?? []).flatMap((entry) => report.attempt(entry, () => targetsOf(entry)) ?? []);
}

function targetsOf(entry: Statement): GroupTarget[] {
  const [first, second] = entry.values;
  if (entry.key === 'fwmark') return [{ place: entry, mark: decimal(first), ...familyNamed(second) }];
  const port = first === undefined ? 0 : decimal(first);
  return addressesOf(entry.key).map((address) => ({ place: entry, address, port }));
}

function familyNamed(name: string | undefined): { family?: Family } {
  if (name === undefined) return {};
  if (name !== 'inet' && name !== 'inet6') return refuse(`"${name}" is neither inet nor inet6`);
  return { family: name === 'inet6' ? 'ipv6' : 'ipv4' };
}

/** `10.0.0.1`, `10.0.0.1-9`, `10.0.0.1-10.0.1.9`, `10.0.0.0/28`, and the same of IPv6, where `-9` is hexadecimal. */
function addressesOf(text: string): string[] {
  const prefix = /^([^/]+)\/(\d+)$/.exec(text);
  if (prefix !== null) return range(...ends(text, prefix[1] ?? '', Number(prefix[2])));
  const [first = '', last] = text.split('-');
  if (last === undefined || /[.:]/.test(last)) return range(first, last ?? first);
  return range(first, first.replace(/[^.:]*$/, last));
}

function range(first: string, last: string): string[] {
  return destinationKeysOf(first === last ? first : `${first}-${last}`).map(({ address }) => address);
}

function ends(text: string, address: string, prefix: number): [first: string, last: string] {
  const bytes = parseIP(address);
  if (bytes === undefined || prefix < 1 || prefix > 8 * bytes.length) return refuse(`"${text}" is not a network`);
  const hostBits = bytes.map((_, index) => 0xff >> Math.min(Math.max(prefix - 8 * index, 0), 8));
  const isNetwork = bytes.every((byte, index) => (byte & (hostBits[index] ?? 0)) === 0);
  if (!isNetwork) return refuse(`"${text}" is an address within a network, not a network`);
  return [formatIP(bytes), formatIP(bytes.map((byte, index) => byte | (hostBits[index] ?? 0)))];
}

function refuse(message: string): never {
  throw new InvalidArgumentError('virtual server group', [{ path: '', message }]);
}
