/**
 * Who owns what: the part of a table that a desired table is about. Other programs' services lie outside.
 * @module
 */
import { parseIP } from '../address/ip.js';
import { contains, parseNetwork } from '../address/network.js';
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

/**
 * Checks a scope and makes it a function that tells whether a service lies inside. Without a scope every service does.
 * @throws {InvalidArgumentError} with the path of every wrong field.
 */
export function scopeMatcher(scope: Scope | undefined): (key: ServiceKey) => boolean {
  if (scope === undefined) return () => true;
  const { addresses, marks } = parse(scopeSchema, 'scope', scope);
  const services = new Set((scope.services ?? []).map((key) => formatServiceKey(parseServiceKey(key))));
  return (key) => {
    if (services.has(formatServiceKey(key))) return true;
    if (key.protocol === 'fwmark') return marks.some(({ first, last }) => first <= key.mark && key.mark <= last);
    const bytes = parseIP(key.address);
    return bytes !== undefined && addresses.some((network) => contains(network, bytes));
  };
}
