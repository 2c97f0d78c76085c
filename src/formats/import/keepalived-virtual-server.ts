/**
 * `virtual_server` of keepalived.conf, keyword by keyword (2.2.7 and 2.4.3, check_parser.c). What keepalived ignores with a
 * line in its log is passed over here, too.
 * @module
 */
import { type Family, familyOf } from '../../address/ip.js';
import { parseLooseIPv4 } from '../../ipvsadm/loose-address.js';
import type { Tunnel } from '../../model/destination.js';
import {
  DEFAULT_PERSISTENCE_TIMEOUT,
  MAX_PERSISTENCE_TIMEOUT,
  SCHEDULER_FLAGS,
  type SchedulerFlag,
} from '../../model/service.js';
import { PROTOCOLS, type Protocol } from '../../model/service-key.js';
import { ALPHA, CHECKER_BLOCKS, CHECKERS, type Checker } from './keepalived-checkers.js';
import { FAMILIES, MISSING_VALUE } from './keepalived-group.js';
import { type Script, scriptOf } from './keepalived-scripts.js';
import { type Keywords, UNKNOWN } from './keepalived-text.js';
import { SERVER_TIMING, type Timing } from './keepalived-timing.js';
import { addressOf, type NumberRange, portOf, unsigned } from './keepalived-values.js';
import { type Place, Report } from './report.js';
import type { Forward } from './services.js';
import { type Handler, handle, named, type Statement, withoutProblems } from './statement.js';

const MAIL = 'sends mail, which a hook can do';

/** The way to a real server while it is read: the method may come later than the options of the tunnel. */
interface Method {
  forward?: Forward['forward'];
  tunnel: Tunnel;
}

/** A virtual server as keepalived has it at the end of its block. */
export interface VirtualServer extends Method {
  readonly report: Report;
  readonly fields: Record<string, Place>;
  readonly flags: SchedulerFlag[];
  readonly reals: RealServer[];
  readonly timing: Timing;
  readonly notify: { quorumUp?: Script; quorumDown?: Script };
  virtualHost?: string;
  sorry?: SorryServer;
  scheduler?: string;
  family?: Family;
  protocol?: Protocol;
  onePacket?: Place;
  timeout?: number;
  netmask?: number | string;
  engine?: string;
  weight: number;
  quorum: number;
  hysteresis: number;
  inhibits: boolean;
}

/** A real server. */
export interface RealServer extends Method {
  readonly report: Report;
  readonly place: Place;
  readonly fields: Record<string, Place>;
  readonly address: string;
  /** 0: not given. */
  readonly port: number;
  readonly timing: Timing;
  readonly checkers: Checker[];
  readonly notify: { up?: Script; down?: Script };
  virtualHost?: string;
  weight?: number;
  upperThreshold?: number;
  lowerThreshold?: number;
  /** `inhibit_on_failure`: weight 0 instead of removal. */
  inhibits?: boolean;
}

/** A sorry server; it counts 1. */
export type SorryServer = RealServer & { readonly weight: 1 };

/** The keywords of a virtual server that open blocks. */
export const VIRTUAL_SERVER_BLOCKS: Keywords = new Map([
  ['real_server', (opener: Statement, isOpen: boolean) => (isOpen && isRefused(opener) ? 'skipped' : CHECKER_BLOCKS)],
]);

/** Where the address or the port is none, keepalived counts only the braces of the block (`alloc_rs`: `skip_block`). */
function isRefused({ values: [address = '', port], ...place }: Statement): boolean {
  const silent = new Report(false);
  return addressOf(address, place, silent) === undefined || portOf(port, place, silent) === undefined;
}

const WEIGHT = { min: 0, max: 0x7fffffff, isLoose: true };
const UNSIGNED = { min: 0, max: 0xffffffff, isLoose: true };

/** All that keepalived takes; it ignores any other name, also these in capitals. */
export const KEEPALIVED_SCHEDULERS: readonly string[] = 'rr wrr lc wlc lblc sh mh dh fo ovf lblcr sed nq twos'.split(
  ' ',
);

/** A keyword whose value must be there: without one keepalived ends. */
function valued<Target extends { readonly report: Report }>(
  take: (target: Target, value: string, statement: Statement) => void,
): Handler<Target> {
  return (target, statement) => {
    const [value] = statement.values;
    if (value === undefined) target.report.refuse(statement, MISSING_VALUE);
    else take(target, value, statement);
  };
}

/** A keyword with a program to run, of which the first counts. */
function hooked<Name extends string>(
  name: Name,
): Handler<{ readonly report: Report; readonly notify: { [Key in Name]?: Script } }> {
  return ({ report, notify }, statement) => {
    const script = scriptOf(statement, report);
    if (script === undefined) return;
    if (notify[name] === undefined) notify[name] = script;
    else report.passOver(statement, 'is there already: the first counts');
  };
}

/** A keyword with a number. */
function numbered<Target extends { readonly report: Report }>(
  range: NumberRange,
  take: (target: Target, value: number, statement: Statement) => void,
): Handler<Target> {
  return valued((target, text, statement) => {
    const value = unsigned(text, range, statement, target.report);
    if (value !== undefined) take(target, value, statement);
  });
}

const VIRTUAL_SERVER: Readonly<Record<string, Handler<VirtualServer>>> = {
  lb_algo: valued(takeScheduler),
  lvs_sched: valued(takeScheduler),
  lb_kind: valued(takeForward),
  lvs_method: valued(takeForward),
  ip_family: valued((server, name, statement) => {
    const family = FAMILIES.get(name);
    if (family === undefined) ignore(server, statement, `"${name}" is neither inet nor inet6`);
    else if ((server.family ?? family) !== family) ignore(server, statement, `the virtual server is ${server.family}`);
    else server.family = family;
  }),
  protocol: valued((server, name, statement) => {
    const protocol = PROTOCOLS.find((known) => known === name.toLowerCase());
    if (protocol === undefined) ignore(server, statement, `"${name}" is none of TCP, UDP, SCTP`);
    else server.protocol = protocol;
    server.fields['protocol'] = statement;
  }),
  persistence_timeout: (server, statement) => {
    const [text] = statement.values;
    const range = { min: 1, max: MAX_PERSISTENCE_TIMEOUT };
    const timeout = text === undefined ? DEFAULT_PERSISTENCE_TIMEOUT : unsigned(text, range, statement, server.report);
    if (timeout !== undefined) server.timeout = timeout;
    server.fields['persistence'] = statement;
  },
  persistence_granularity: valued(takeGranularity),
  persistence_engine: valued((server, name, statement) => {
    server.engine = name;
    server.fields['persistenceEngine'] = statement;
  }),
  ops: (server, statement) => {
    server.onePacket = statement;
  },
  ...Object.fromEntries(SCHEDULER_FLAGS.map((flag) => [flag, takeFlag(flag)])),
  hashed: 'is a flag that the kernel sets by itself',
  weight: numbered({ ...WEIGHT, min: 1 }, (server, weight) => {
    server.weight = weight;
  }),
  real_server: valued((server, address, statement) => {
    const real = serverOf(server, address, statement);
    if (real === undefined) return;
    const block = withoutProblems(statement.block ?? [], isAboutChecks, server.report);
    handle(block, REAL_SERVER, real, server.report, (inner) => server.report.passOver(inner, UNKNOWN));
    if (isOfFamily(server, real)) server.reals.push(real);
  }),
  sorry_server: valued((server, address, statement) => {
    const sorry = serverOf(server, address, statement);
    if (sorry !== undefined) server.sorry = { ...sorry, weight: 1, inhibits: false };
  }),
  sorry_server_inhibit: (server, statement) => {
    if (server.sorry === undefined) ignore(server, statement, 'no sorry_server stands before it');
    else server.sorry.inhibits = true;
  },
  sorry_server_lvs_method: valued((server, name, statement) => {
    if (server.sorry === undefined) ignore(server, statement, 'no sorry_server stands before it');
    else takeForward(server.sorry, name, statement);
  }),
  quorum: valued((server, text, statement) => {
    server.quorum = unsigned(text, { ...UNSIGNED, min: 1 }, statement, server.report) ?? 1;
  }),
  hysteresis: numbered(UNSIGNED, (server, hysteresis) => {
    server.hysteresis = hysteresis;
  }),
  inhibit_on_failure: (server) => {
    server.inhibits = true;
  },
  alpha: ALPHA,
  omega: 'at the end no hook runs: what is there stays',
  quorum_up: hooked('quorumUp'),
  quorum_down: hooked('quorumDown'),
  ...SERVER_TIMING,
  ha_suspend: 'keep checks whether the address is on this host or not',
  virtualhost: takeVirtualHost,
  smtp_alert: MAIL,
  snmp_name: 'is not IPVS',
};

const REAL_SERVER: Readonly<Record<string, Handler<RealServer>>> = {
  lvs_method: valued(takeForward),
  weight: numbered(WEIGHT, (server, weight, statement) => {
    server.weight = weight;
    server.fields['weight'] = statement;
  }),
  uthreshold: numbered(UNSIGNED, (server, threshold, statement) => {
    server.upperThreshold = threshold;
    server.fields['upperThreshold'] = statement;
  }),
  lthreshold: numbered(UNSIGNED, (server, threshold, statement) => {
    server.lowerThreshold = threshold;
    server.fields['lowerThreshold'] = statement;
  }),
  inhibit_on_failure: (server, statement) => {
    server.inhibits = !/^(false|off|no)$/.test(statement.values[0] ?? 'true');
    server.fields['inhibits'] = statement;
  },
  alpha: ALPHA,
  ...SERVER_TIMING,
  virtualhost: takeVirtualHost,
  notify_up: hooked('up'),
  notify_down: hooked('down'),
  smtp_alert: MAIL,
  snmp_name: 'is not IPVS',
  ...CHECKERS,
};

function isAboutChecks(key: string): boolean {
  return key === 'virtualhost' || Object.hasOwn(SERVER_TIMING, key) || Object.hasOwn(CHECKERS, key);
}

/** Reads the block of a virtual server. @param family of its address, where it has one */
export function readVirtualServer(statement: Statement, family: Family | undefined, report: Report): VirtualServer {
  const server: VirtualServer = {
    report,
    fields: {},
    flags: [],
    reals: [],
    timing: {},
    notify: {},
    tunnel: { type: 'ipip' },
    weight: 1,
    quorum: 1,
    hysteresis: 0,
    inhibits: false,
    ...(family !== undefined && { family }),
  };
  const block = withoutProblems(statement.block ?? [], isAboutChecks, report);
  handle(block, VIRTUAL_SERVER, server, report, (inner) => report.passOver(inner, UNKNOWN));
  completeFamily(server, statement.values[0] === 'group');
  return server;
}

function ignore({ report }: { readonly report: Report }, place: Place, problem: string): void {
  report.passOver(place, `${problem}: keepalived ignores it`);
}

function takeVirtualHost(server: VirtualServer | RealServer, statement: Statement): void {
  const [host] = statement.values;
  if (host === undefined) ignore(server, statement, 'has no name');
  else server.virtualHost = host;
}

function takeScheduler(server: VirtualServer, name: string, statement: Statement): void {
  server.fields['scheduler'] = statement;
  if (KEEPALIVED_SCHEDULERS.includes(name)) server.scheduler = name;
  else ignore(server, statement, `"${name}" is none of its schedulers (${KEEPALIVED_SCHEDULERS.join(', ')})`);
}

/** keepalived knows what a flag belongs to only where the scheduler stands before it. */
function takeFlag(flag: SchedulerFlag): Handler<VirtualServer> {
  const [, owner, name] = /^(sh|mh)-(.*)$/.exec(flag) ?? [];
  return (server, statement) => {
    // The bit stays if another scheduler follows, where it has no such name.
    if (owner === undefined) server.flags.push(flag);
    else if (owner === server.scheduler) server.flags.push(name === 'port' ? 'flag-2' : 'flag-1');
    else ignore(server, statement, `belongs to the scheduler ${owner}, which does not stand before it`);
  };
}

/** A dotted mask, or for IPv6 a length; by itself it makes the service persistent. */
function takeGranularity(server: VirtualServer, text: string, statement: Statement): void {
  const family = server.family ?? (text.includes('.') ? 'ipv4' : 'ipv6');
  const mask =
    family === 'ipv6'
      ? unsigned(text, { min: 1, max: 128 }, statement, server.report)
      : maskOf(server, text, statement);
  if (mask === undefined) return;
  server.netmask = mask;
  server.family = family;
  server.timeout ??= DEFAULT_PERSISTENCE_TIMEOUT;
  server.fields['persistence'] = statement;
}

/** keepalived asks getaddrinfo(3) for an address, which takes a bare number for one: `24` is 0.0.0.24. */
function maskOf(server: VirtualServer, text: string, statement: Statement): string | undefined {
  const mask = /\s/.test(text) ? undefined : parseLooseIPv4(text);
  if (mask === undefined) ignore(server, statement, `"${text}" is not a dotted mask`);
  else if (mask !== text) {
    const meant = /^\d+$/.test(text) ? '; a prefix length is written as a dotted mask (255.255.255.0)' : '';
    server.report.passOver(statement, `keepalived takes "${text}" for the mask ${mask}${meant}`);
  }
  return mask;
}

const METHODS: ReadonlyMap<string, Forward['forward']> = new Map([
  ['NAT', 'nat'],
  ['DR', 'dr'],
  ['TUN', 'tun'],
]);

/** `NAT`, `DR`, or `TUN type gue port 6080 csum`. The method counts even where its options are wrong. */
function takeForward(server: VirtualServer | RealServer, name: string, statement: Statement): void {
  const forward = METHODS.get(name);
  if (forward === undefined) return ignore(server, statement, `"${name}" is none of NAT, DR, TUN`);
  server.forward = forward;
  server.fields['forward'] = statement;
  server.fields['tunnel'] = statement;
  const [tunnel, problem] = tunnelOf(statement.values.slice(1));
  if (problem !== undefined)
    server.report.passOver(statement, `${problem}: keepalived ignores the options of the tunnel`);
  if (tunnel !== undefined) server.tunnel = tunnel;
}

function tunnelOf(options: readonly string[]): [Tunnel] | [undefined, string] {
  let type = 'ipip';
  let port = 0;
  let checksum: 'none' | 'csum' | 'remcsum' = 'none';
  for (let index = 0; index < options.length; index++) {
    const option = options[index] ?? '';
    if (option === 'type') type = options[++index] ?? '';
    else if (option === 'port') port = /^[1-9]\d{0,4}$/.test(options[++index] ?? '') ? Number(options[index]) : 65536;
    else if (option === 'csum' || option === 'remcsum') checksum = option;
    else if (option === 'nocsum') checksum = 'none';
    else return [undefined, `"${option}" is none of type, port, nocsum, csum, remcsum`];
  }
  if (port > 65535) return [undefined, 'port must be a whole number from 1 to 65535'];
  if (type === 'gue') return port > 0 ? [{ type, port, checksum }] : [undefined, 'a gue tunnel needs a port'];
  if (port > 0) return [undefined, 'only a gue tunnel has a port'];
  if (type === 'gre') return checksum === 'remcsum' ? [undefined, 'a gre tunnel has no remcsum'] : [{ type, checksum }];
  if (type !== 'ipip') return [undefined, `"${type}" is none of ipip, gue, gre`];
  return checksum === 'none' ? [{ type }] : [undefined, 'an ipip tunnel has no checksum'];
}

/** `real_server 10.0.0.11 80`, `sorry_server 10.0.0.99`: it begins with the method of its virtual server. */
function serverOf(server: VirtualServer, text: string, statement: Statement): RealServer | undefined {
  const { report, forward, tunnel } = server;
  const place = named(statement);
  const address = addressOf(text, place, report);
  const port = portOf(statement.values[1], place, report);
  if (address === undefined) report.passOver(place, `"${text}" is not an address: keepalived leaves the server out`);
  if (address === undefined || port === undefined) return undefined;
  const timing = {};
  return {
    report,
    place,
    fields: {},
    address,
    port,
    timing,
    checkers: [],
    notify: {},
    tunnel,
    ...(forward !== undefined && { forward }),
  };
}

/** Only a tunnel leads into the other address family. The first server tells the family where nothing else does. */
function isOfFamily(server: VirtualServer, { forward, address, place, report }: RealServer): boolean {
  const family = familyOf(address);
  if (forward === 'tun') return true;
  server.family ??= family;
  if (server.family === family) return true;
  report.passOver(place, `is ${family}, but the virtual server is ${server.family}: keepalived leaves it out`);
  return false;
}

/** `vs_end_handler`: a mark has the family of its servers; those behind tunnels count only if all agree. */
function completeFamily(server: VirtualServer, isGroup: boolean): void {
  if (server.sorry !== undefined && !isOfFamily(server, server.sorry)) delete server.sorry;
  if (server.family !== undefined || isGroup) return;
  const all = [...(server.sorry ? [server.sorry] : []), ...server.reals].map(({ address }) => familyOf(address));
  server.family = all.length > 0 && all.every((family) => family === 'ipv6') ? 'ipv6' : 'ipv4';
}
