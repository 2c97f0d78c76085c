/**
 * Who owns what: the part of a table that a desired table is about. Other programs' services lie outside.
 * @module
 */
import { createHash } from 'node:crypto';
import { parseIP } from '../address/ip.js';
import { contains, type Network, parseNetwork } from '../address/network.js';
import { lazy, parse } from '../model/parse.js';
import { formatServiceKey, parseServiceKey, type ServiceKey, type ServiceKeyText } from '../model/service-key.js';

/** Services that meet any of these are inside; an empty scope has none. */
export interface Scope {
  /** Virtual addresses, or networks of them: `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`. */
  readonly addresses?: readonly string[] | undefined;
  /** Firewall marks of either family, or ranges of them: `5`, `'100-199'`. */
  readonly marks?: readonly (number | string)[] | undefined;
  /** Single services. */
  readonly services?: readonly (ServiceKey | ServiceKeyText)[] | undefined;
}

/**
 * A scope as people write it: `tcp://192.0.2.1:80`, `fwmark:100-199`, `192.0.2.0/24`, in any number and order. No text at all
 * is no scope, in which all services are. Marks and addresses are checked where the scope is used.
 * @throws {InvalidArgumentError} for a wrong service.
 */
export function parseScope(texts: readonly string[]): Scope | undefined {
  if (texts.length === 0) return undefined;
  const isKey = (text: string) => text.includes('://');
  const isMark = (text: string) => text.startsWith('fwmark:') && !isKey(text);
  return {
    services: texts.filter(isKey).map((text) => parseServiceKey(text as ServiceKeyText)),
    marks: texts.filter(isMark).map((text) => text.slice('fwmark:'.length)),
    addresses: texts.filter((text) => !isKey(text) && !isMark(text)),
  };
}

/** A range of firewall marks, both ends included. */
interface Marks {
  readonly first: number;
  readonly last: number;
}

const marksSchema = lazy((z) =>
  z.union([z.number(), z.string()]).transform((input, context): Marks => {
    const [, first = '', last = first] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(String(input)) ?? [];
    const marks = { first: Number(first), last: Number(last) };
    if (first !== '' && marks.first >= 1 && marks.first <= marks.last && marks.last <= 0xffffffff) return marks;
    context.addIssue({
      code: 'custom',
      message: `"${input}" is neither a mark, 1 to 4294967295, nor a range (100-199)`,
    });
    return z.NEVER;
  }),
);

const networkSchema = lazy((z) =>
  z.string().transform((text, context) => {
    const network = parseNetwork(text);
    if (network !== undefined) return network;
    context.addIssue({
      code: 'custom',
      message: `"${text}" is neither an IPv4 or IPv6 address nor a network (192.0.2.0/24)`,
    });
    return z.NEVER;
  }),
);

const scopeSchema = lazy((z) =>
  z.strictObject({
    addresses: z.array(networkSchema()).default([]),
    marks: z.array(marksSchema()).default([]),
    services: z.array(z.unknown()).default([]),
  }),
);

/** A scope in its one form. */
interface Territory {
  readonly networks: readonly Network[];
  readonly marks: readonly Marks[];
  readonly services: ReadonlyMap<string, ServiceKey>;
}

function territoryOf(scope: Scope): Territory {
  const { addresses, marks } = parse(scopeSchema, 'scope', scope);
  const keys = (scope.services ?? []).map((key) => parseServiceKey(key));
  return { networks: addresses, marks, services: new Map(keys.map((key) => [formatServiceKey(key), key])) };
}

function isInside({ networks, marks, services }: Territory, key: ServiceKey): boolean {
  if (services.has(formatServiceKey(key))) return true;
  if (key.protocol === 'fwmark') return marks.some(({ first, last }) => first <= key.mark && key.mark <= last);
  const bytes = parseIP(key.address);
  return bytes !== undefined && networks.some((network) => contains(network, bytes));
}

/**
 * Checks a scope and makes it a function that tells whether a service lies inside. Without a scope every service does.
 * @throws {InvalidArgumentError} with the path of every wrong field.
 */
export function scopeMatcher(scope: Scope | undefined): (key: ServiceKey) => boolean {
  if (scope === undefined) return () => true;
  const territory = territoryOf(scope);
  return (key) => isInside(territory, key);
}

/**
 * A name of a scope for files: equal scopes have equal names. Empty without a scope.
 * @throws {InvalidArgumentError} with the path of every wrong field.
 */
export function scopeName(scope: Scope | undefined): string {
  if (scope === undefined) return '';
  const { networks, marks, services } = territoryOf(scope);
  const parts = [
    ...networks.map(({ bytes, prefix }) => `${Buffer.from(bytes).toString('hex')}/${prefix}`),
    ...marks.map(({ first, last }) => `${first}-${last}`),
    ...services.keys(),
  ];
  return createHash('sha256').update(parts.sort().join(' ')).digest('hex').slice(0, 16);
}

/**
 * Whether a service could lie inside both. Without a scope all do.
 * @throws {InvalidArgumentError} with the path of every wrong field.
 */
export function scopesOverlap(left: Scope | undefined, right: Scope | undefined): boolean {
  if (left === undefined || right === undefined) return true;
  const [one, other] = [territoryOf(left), territoryOf(right)];
  const meet = (a: Network, b: Network) => contains(a, b.bytes) || contains(b, a.bytes);
  return (
    [...one.services.values()].some((key) => isInside(other, key)) ||
    [...other.services.values()].some((key) => isInside(one, key)) ||
    one.marks.some((a) => other.marks.some((b) => a.first <= b.last && b.first <= a.last)) ||
    one.networks.some((a) => other.networks.some((b) => meet(a, b)))
  );
}
