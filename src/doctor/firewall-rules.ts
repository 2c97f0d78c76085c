/**
 * Firewall rules as their programs list them (`nft -j list ruleset`, `iptables-save`), and whether a packet would pass. Pure.
 *
 * Only a part of a packet is known, and only common matches are understood. Where a rule that may accept the packet is not,
 * the packet counts as one that may pass: what is said to be dropped is dropped.
 * @module
 */
import { familyOf } from '../address/ip.js';
import { inNetwork } from '../address/network.js';

/** What is known of a packet; what is absent is not known. */
export interface FilteredPacket {
  readonly hook: 'input' | 'forward';
  readonly family: 'ipv4' | 'ipv6';
  readonly protocol?: string;
  readonly source?: string;
  readonly destination?: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** The device that it comes in by, and that it leaves by. */
  readonly incoming?: string;
  readonly outgoing?: string;
  /** What connection tracking makes of it. */
  readonly state: 'new' | 'established' | 'invalid';
}

/** A table of chains, of which some are hooked into the way of packets. */
export interface Ruleset {
  /** As people name it: `iptables`, `nft table inet filter`. */
  readonly name: string;
  /** `ipv4`, `ipv6`, or both. */
  readonly families: readonly ('ipv4' | 'ipv6')[];
  readonly chains: readonly FirewallChain[];
}

/** A chain of firewall rules. */
export interface FirewallChain {
  readonly name: string;
  /** For chains that packets come to by themselves. */
  readonly hook?: string;
  readonly policy?: 'accept' | 'drop';
  readonly rules: readonly FirewallRule[];
}

/** One rule: its conditions, and what is done with a packet for which all of them hold. */
export interface FirewallRule {
  readonly matches: readonly FirewallMatch[];
  /** Absent: the packet goes on to the next rule. `other`: what is not understood. */
  readonly verdict?: 'accept' | 'drop' | 'return' | 'other' | { readonly jump: string } | { readonly goto: string };
}

/** A condition; undefined where it can't be known. */
export type FirewallMatch = (packet: FilteredPacket) => boolean | undefined;

/** `undefined`: the packet may pass or not. */
type Outcome = 'accept' | 'drop' | 'return' | undefined;

/** The first chain that surely drops a packet, as people name it; undefined where it may pass. */
export function droppingChain(rulesets: readonly Ruleset[], packet: FilteredPacket): string | undefined {
  for (const ruleset of rulesets) {
    if (!ruleset.families.includes(packet.family)) continue;
    for (const chain of ruleset.chains) {
      if (chain.hook !== packet.hook) continue;
      const outcome = walk(chain, ruleset, packet, 0);
      const isDropped = outcome === 'drop' || (outcome === 'return' && chain.policy === 'drop');
      if (isDropped) return `${ruleset.name}, chain ${chain.name}`;
    }
  }
  return undefined;
}

/** The kernel refuses deeper jumps (NFT_JUMP_STACK_SIZE). */
const DEEPEST = 16;

function walk(chain: FirewallChain, ruleset: Ruleset, packet: FilteredPacket, depth: number): Outcome {
  let certain = true;
  for (const { matches, verdict } of chain.rules) {
    const results = matches.map((match) => match(packet));
    if (verdict === undefined || results.includes(false)) continue;
    const outcome = outcomeOf(verdict, ruleset, packet, depth);
    if (results.includes(undefined)) {
      // It may be that this rule is not for the packet: it matters only if the packet could pass by it.
      if (outcome !== 'drop' && !(outcome === 'return' && typeof verdict === 'object')) certain = false;
      continue;
    }
    if (outcome === 'return' && typeof verdict === 'object' && 'jump' in verdict) continue;
    if (outcome === undefined) certain = false;
    else return certain || outcome === 'accept' ? outcome : undefined;
  }
  return certain ? 'return' : undefined;
}

function outcomeOf(
  verdict: NonNullable<FirewallRule['verdict']>,
  ruleset: Ruleset,
  packet: FilteredPacket,
  depth: number,
): Outcome {
  if (verdict === 'other') return undefined;
  if (typeof verdict === 'string') return verdict;
  const name = 'jump' in verdict ? verdict.jump : verdict.goto;
  const chain = ruleset.chains.find((one) => one.name === name);
  return chain === undefined || depth === DEEPEST ? undefined : walk(chain, ruleset, packet, depth + 1);
}

// iptables-save

/** Reads what `iptables-save -t filter` (or its sisters) printed. */
export function parseIptables(text: string, family: 'ipv4' | 'ipv6'): Ruleset {
  const lines = text.split('\n');
  const rules = lines.flatMap((line) => {
    const [, chain, rest] = /^-A (\S+)(.*)$/.exec(line) ?? [];
    return chain === undefined ? [] : [{ chain, rule: iptablesRule(rest ?? '') }];
  });
  const chains = lines.flatMap((line): FirewallChain[] => {
    const [, name, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (name === undefined) return [];
    const hook = { INPUT: 'input', FORWARD: 'forward' }[name];
    const own = rules.filter(({ chain }) => chain === name).map(({ rule }) => rule);
    return [
      {
        name,
        ...(hook !== undefined && { hook }),
        ...(policy !== '-' && { policy: policy === 'DROP' ? ('drop' as const) : ('accept' as const) }),
        rules: own,
      },
    ];
  });
  return { name: family === 'ipv4' ? 'iptables' : 'ip6tables', families: [family], chains };
}

function iptablesRule(text: string): FirewallRule {
  const words = Array.from(text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? '');
  const matches: FirewallMatch[] = [];
  let verdict: FirewallRule['verdict'];
  let negated = false;
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    if (word === '!') {
      negated = true;
      continue;
    }
    const value = words[index + 1] ?? '';
    if (word === '-j' || word === '-g') {
      verdict = iptablesVerdict(word, value);
      // What follows are options of the target.
      break;
    }
    const known = IPTABLES_MATCHES[word];
    if (known !== undefined) {
      index++;
      const match = known(value);
      const isNot = negated;
      if (match !== null) matches.push((packet) => (isNot ? opposite(match(packet)) : match(packet)));
    } else if (word.startsWith('-')) {
      matches.push(() => undefined);
    }
    negated = false;
  }
  return { matches, ...(verdict !== undefined && { verdict }) };
}

function opposite(result: boolean | undefined): boolean | undefined {
  return result === undefined ? undefined : !result;
}

function iptablesVerdict(option: string, target: string): FirewallRule['verdict'] {
  switch (target) {
    case 'ACCEPT':
      return 'accept';
    case 'DROP':
    case 'REJECT':
      return 'drop';
    case 'RETURN':
      return 'return';
    case 'LOG':
    case 'NFLOG':
      return undefined;
    default:
      return option === '-g' ? { goto: target } : { jump: target };
  }
}

/** Options with one value each; null for those that match everything by themselves (the module, a comment). */
const IPTABLES_MATCHES: Readonly<Record<string, (value: string) => FirewallMatch | null>> = {
  '-m': () => null,
  '--comment': () => null,
  '-s': (value) => (packet) => isIn(packet.source, value),
  '-d': (value) => (packet) => isIn(packet.destination, value),
  '-i': (value) => (packet) => isDevice(packet.incoming, value, '+'),
  '-o': (value) => (packet) => isDevice(packet.outgoing, value, '+'),
  '-p': (value) => (packet) => isProtocol(packet.protocol, value),
  '--sport': (value) => (packet) => isPort(packet.sourcePort, value, ':'),
  '--dport': (value) => (packet) => isPort(packet.destinationPort, value, ':'),
  '--sports': (value) => (packet) => isOneOf(value.split(','), (one) => isPort(packet.sourcePort, one, ':')),
  '--dports': (value) => (packet) => isOneOf(value.split(','), (one) => isPort(packet.destinationPort, one, ':')),
  '--ctstate': (value) => (packet) => isOneOf(value.toLowerCase().split(','), (one) => isState(packet, one)),
  '--state': (value) => (packet) => isOneOf(value.toLowerCase().split(','), (one) => isState(packet, one)),
};

// nft -j list ruleset

/** Reads what `nft -j list ruleset` printed; none of what it has of other families than IPv4 and IPv6. */
export function parseNftables(json: string): Ruleset[] {
  const { nftables = [] } = JSON.parse(json) as { nftables?: readonly NftObject[] };
  const chains = nftables.flatMap(({ chain }) => (chain === undefined ? [] : [chain]));
  const rules = nftables.flatMap(({ rule }) => (rule === undefined ? [] : [rule]));
  const tables = nftables.flatMap(({ table }) => (table === undefined ? [] : [table]));
  return tables.flatMap(({ family, name }) => {
    const families = NFT_FAMILIES[family];
    if (families === undefined) return [];
    const own = chains.filter((chain) => chain.family === family && chain.table === name);
    return [
      {
        name: `nft table ${family} ${name}`,
        families,
        chains: own.map((chain): FirewallChain => {
          const ofChain = rules.filter(
            (rule) => rule.family === family && rule.table === name && rule.chain === chain.name,
          );
          return {
            name: chain.name,
            // Chains of other types (nat, route) filter nothing.
            ...(chain.type === 'filter' && chain.hook !== undefined && { hook: chain.hook }),
            ...(chain.policy !== undefined && {
              policy: chain.policy === 'drop' ? ('drop' as const) : ('accept' as const),
            }),
            rules: ofChain.map(({ expr }) => nftRule(expr)),
          };
        }),
      },
    ];
  });
}

interface NftObject {
  readonly table?: { readonly family: string; readonly name: string };
  readonly chain?: {
    readonly family: string;
    readonly table: string;
    readonly name: string;
    readonly type?: string;
    readonly hook?: string;
    readonly policy?: string;
  };
  readonly rule?: {
    readonly family: string;
    readonly table: string;
    readonly chain: string;
    readonly expr: readonly NftExpression[];
  };
}

type NftExpression = Readonly<Record<string, unknown>>;

const NFT_FAMILIES: Readonly<Record<string, Ruleset['families']>> = {
  ip: ['ipv4'],
  ip6: ['ipv6'],
  inet: ['ipv4', 'ipv6'],
};

function nftRule(expressions: readonly NftExpression[]): FirewallRule {
  const matches: FirewallMatch[] = [];
  for (const expression of expressions) {
    const [kind = '', content] = Object.entries(expression)[0] ?? [];
    const verdict = nftVerdict(kind, content);
    if (verdict !== undefined) return { matches, verdict };
    if (kind === 'match') matches.push(nftMatch(content as NftMatch));
    else if (!NFT_WITHOUT_EFFECT.includes(kind)) matches.push(() => undefined);
  }
  return { matches };
}

const NFT_WITHOUT_EFFECT: readonly string[] = ['counter', 'log', 'comment'];

function nftVerdict(kind: string, content: unknown): FirewallRule['verdict'] {
  switch (kind) {
    case 'accept':
    case 'drop':
    case 'return':
      return kind;
    case 'reject':
      return 'drop';
    case 'jump':
      return { jump: (content as { target: string }).target };
    case 'goto':
      return { goto: (content as { target: string }).target };
    case 'queue':
    case 'vmap':
      return 'other';
    default:
      return undefined;
  }
}

interface NftMatch {
  readonly op: string;
  readonly left: {
    readonly payload?: { readonly protocol: string; readonly field: string };
    readonly meta?: { readonly key: string };
    readonly ct?: { readonly key: string };
  };
  readonly right: unknown;
}

function nftMatch({ op, left, right }: NftMatch): FirewallMatch {
  const test = nftTest(left);
  if (test === undefined || !['==', '!=', 'in'].includes(op)) return () => undefined;
  return (packet) => {
    const hasField = hasHeader(packet, left.payload?.protocol);
    const result = isOneOf(valuesOf(right), (value) => test(packet, value));
    return both(hasField, op === '!=' ? opposite(result) : result);
  };
}

/** nft asks for the protocol before it looks into a header of it, also with `!=`. */
function hasHeader({ family, protocol }: FilteredPacket, header: string | undefined): boolean | undefined {
  switch (header) {
    case undefined:
    case 'th':
      return true;
    case 'ip':
      return family === 'ipv4';
    case 'ip6':
      return family === 'ipv6';
    default:
      return isProtocol(protocol, header);
  }
}

function nftTest({
  payload,
  meta,
  ct,
}: NftMatch['left']): ((packet: FilteredPacket, value: string) => boolean | undefined) | undefined {
  switch (payload?.field ?? meta?.key ?? ct?.key) {
    case 'saddr':
      return ({ source }, value) => isIn(source, value);
    case 'daddr':
      return ({ destination }, value) => isIn(destination, value);
    case 'sport':
      return ({ sourcePort }, value) => isPort(sourcePort, value, '-');
    case 'dport':
      return ({ destinationPort }, value) => isPort(destinationPort, value, '-');
    case 'iifname':
    case 'iif':
      return ({ incoming }, value) => isDevice(incoming, value, '*');
    case 'oifname':
    case 'oif':
      return ({ outgoing }, value) => isDevice(outgoing, value, '*');
    case 'l4proto':
    case 'protocol':
      return ({ protocol }, value) => isProtocol(protocol, value);
    case 'state':
      return isState;
    default:
      return undefined;
  }
}

/** The values of a match's right side as text; one that is not understood is the text '?'. */
function valuesOf(right: unknown): string[] {
  if (typeof right === 'string' || typeof right === 'number') return [String(right)];
  if (Array.isArray(right)) return right.flatMap(valuesOf);
  const { set, prefix, range } = right as {
    set?: unknown;
    prefix?: { addr: string; len: number };
    range?: readonly [string | number, string | number];
  };
  if (Array.isArray(set)) return set.flatMap(valuesOf);
  if (prefix !== undefined) return [`${prefix.addr}/${prefix.len}`];
  return [range === undefined ? '?' : `${range[0]}-${range[1]}`];
}

// Single tests: undefined where either side is not known

function isOneOf(values: readonly string[], test: (value: string) => boolean | undefined): boolean | undefined {
  const results = values.map(test);
  if (results.includes(true)) return true;
  return results.includes(undefined) ? undefined : false;
}

function both(left: boolean | undefined, right: boolean | undefined): boolean | undefined {
  if (left === false || right === false) return false;
  return left === undefined || right === undefined ? undefined : true;
}

function isIn(address: string | undefined, value: string): boolean | undefined {
  const [network = '', length] = value.split('/');
  if (/^(?:0\.0\.0\.0|::)$/.test(network) && length === '0') return true;
  if (address === undefined || !/^[\da-f.:]+$/i.test(network) || !/^\d*$/.test(length ?? '')) return undefined;
  if (familyOf(address) !== familyOf(network)) return false;
  return inNetwork(address, {
    address: network,
    prefix: length === undefined ? (network.includes(':') ? 128 : 32) : Number(length),
  });
}

function isDevice(device: string | undefined, value: string, wildcard: '+' | '*'): boolean | undefined {
  if (value === wildcard) return true;
  if (device === undefined || value === '?' || value.startsWith('@')) return undefined;
  return value.endsWith(wildcard) ? device.startsWith(value.slice(0, -1)) : device === value;
}

function isProtocol(protocol: string | undefined, value: string): boolean | undefined {
  const name = PROTOCOL_NAMES[value] ?? value;
  if (name === 'all') return true;
  return protocol === undefined || !/^\w+$/.test(name) ? undefined : protocol === name;
}

const PROTOCOL_NAMES: Readonly<Record<string, string>> = { 0: 'all', 6: 'tcp', 17: 'udp', 132: 'sctp' };

/** Rules of other tables can take packets out of connection tracking. */
function isState({ state }: FilteredPacket, value: string): boolean | undefined {
  return value === 'untracked' || !/^[a-z]+$/.test(value) ? undefined : value === state;
}

/** `80`, `80:90` or with another sign between. */
function isPort(port: number | undefined, value: string, separator: ':' | '-'): boolean | undefined {
  const [first = '', last = first] = value.split(separator);
  if (port === undefined || !/^\d+$/.test(first) || !/^\d+$/.test(last)) return undefined;
  return port >= Number(first) && port <= Number(last);
}
