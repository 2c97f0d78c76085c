/**
 * ldirectord.cf -> desired state: what ldirectord tells ipvsadm once every real server answers (`read_config`, `ld_setup`,
 * `ld_start` and `add_real_server` of ldirectord in resource-agents 4.12). Its patterns are the ones here: most look for a
 * beginning, or for the first thing that fits, and pass over the rest.
 * @module
 */
import { formatEndpoint } from '../../address/endpoint.js';
import { type Family, formatIP, parseIPv6 } from '../../address/ip.js';
import type { DesiredState } from '../../config/desired-state.js';
import { destinationKeysOf } from '../../config/ranges.js';
import { type Command, parseCommand } from '../../ipvsadm/command.js';
import { CommandError } from '../../ipvsadm/command-error.js';
import { parseLooseIPv4 } from '../../ipvsadm/loose-address.js';
import type { Names } from '../../ipvsadm/names.js';
import { formatDestinationKey, type NormalDestination, parseDestination } from '../../model/destination.js';
import { parseHealth, type ServiceHealth } from '../../model/health.js';
import type { NormalService } from '../../model/service.js';
import { formatServiceKey, type Protocol } from '../../model/service-key.js';
import {
  CHECK_KEYS,
  type CheckedReal,
  type Checking,
  checksOf,
  NUMBER_KEYS,
  type Numbers,
  noChecking,
} from './ldirectord-checks.js';
import type { Place, Report } from './report.js';
import { serviceHealth } from './service-health.js';
import { type Handler, handle, named, type Statement } from './statement.js';
import { portOf } from './values.js';

const NOTIFICATION = 'runs or tells a program, which the state file does not do';
const DAEMON = 'says how the daemon ldirectord runs';
const MAINTENANCE = 'takes servers out by files: ipvs-ts drain takes them out here';
const UNCHECKED = 'no real server is checked: all of them are always up';

/** What both the file and a single virtual service may have. */
const OVERRIDES: Readonly<Record<string, Handler<{ readonly report: Report }>>> = {
  fallbackcommand: NOTIFICATION,
  emailalert: NOTIFICATION,
  emailalertfrom: NOTIFICATION,
  emailalertfreq: NOTIFICATION,
  emailalertstatus: NOTIFICATION,
  smtp: NOTIFICATION,
  cleanstop: answered(DAEMON),
};

interface File {
  readonly report: Report;
  readonly names: Names;
  readonly virtuals: Statement[];
  readonly numbers: Numbers;
  isForking: boolean;
  readonly fallbacks: Map<Family, Fallback>;
  /** Those of the file that some virtual service has. */
  readonly used: Set<Fallback>;
  isQuiescent: boolean;
}

/** `127.0.0.1:80 gate`, by numbers or names. */
interface Fallback {
  readonly statement: Statement;
  readonly address: string;
  /** As it is written. */
  readonly port: string | undefined;
  readonly method: string;
}

const GLOBALS: Readonly<Record<string, Handler<File>>> = {
  ...OVERRIDES,
  ...NUMBER_KEYS,
  virtual: ({ virtuals }, statement) => void virtuals.push(statement),
  virtual6: ({ virtuals }, statement) => void virtuals.push(statement),
  fallback: (file, statement) => takeGlobalFallback(file, statement, 'ipv4'),
  fallback6: (file, statement) => takeGlobalFallback(file, statement, 'ipv6'),
  quiescent: takeQuiescent,
  readdquiescent: answered('a server that comes back gets its weight at once here'),
  maintenancedir: MAINTENANCE,
  callback: NOTIFICATION,
  autoreload: answered(DAEMON),
  logfile: DAEMON,
  execute: DAEMON,
  supervised: DAEMON,
  fork: (file, statement) => {
    file.isForking = answerOf(file, statement);
    file.report.skip(statement, DAEMON);
  },
};

/** A virtual service while it is read. */
interface Virtual {
  readonly report: Report;
  readonly names: Names;
  readonly place: Place;
  readonly family: Family;
  /** Absent for an address. */
  readonly mark: string | undefined;
  /** Host and port as they are written. */
  readonly host: string;
  readonly port: string;
  readonly reals: Statement[];
  readonly checking: Checking;
  readonly numbers: Numbers;
  protocol: Protocol;
  scheduler: string;
  flags: string | undefined;
  persistent: string | undefined;
  netmask: Statement | undefined;
  ops: Statement | undefined;
  fallback: Fallback | undefined;
  isQuiescent: boolean;
}

const VIRTUAL: Readonly<Record<string, Handler<Virtual>>> = {
  ...OVERRIDES,
  real: takeReal('ipv4'),
  real6: takeReal('ipv6'),
  scheduler: (virtual, statement) => {
    virtual.scheduler = firstMatch(virtual, statement, /[a-z]+/, 'has no lowercase letters') ?? virtual.scheduler;
    if (!SCHEDULERS.includes(virtual.scheduler)) {
      virtual.report.skip(statement, `Linux has no scheduler "${virtual.scheduler}" of its own: it takes a module`);
    }
  },
  schedflags: (virtual, statement) => {
    virtual.flags = firstMatch(virtual, statement, /[^ \t\r\f\v]+/, 'has no value');
  },
  persistent: (virtual, statement) => {
    virtual.persistent = firstMatch(virtual, statement, /\d+/, 'has no number');
  },
  netmask: (virtual, statement) => {
    const text = textOf(statement);
    const isMask = virtual.family === 'ipv6' ? isPrefix(text) : /^\d+\.\d+\.\d+\.\d+$/.test(text);
    if (isMask) virtual.netmask = statement;
    else
      virtual.report.refuse(statement, 'must be a dotted mask, or for IPv6 a length from 1 to 128, and nothing else');
  },
  protocol: (virtual, statement) => {
    const name = firstMatch(virtual, statement, /\w+/, 'has no value');
    if (virtual.mark !== undefined) {
      if (name !== 'fwm') virtual.report.refuse(statement, 'must be fwm for a mark');
    } else if (name === 'tcp' || name === 'udp') virtual.protocol = name;
    else virtual.report.refuse(statement, 'must be tcp or udp');
  },
  ops: (virtual, statement) => {
    const isOn = answerOf(virtual, statement);
    virtual.ops = isOn ? statement : undefined;
  },
  quiescent: takeQuiescent,
  fallback: takeFallback('ipv4'),
  fallback6: takeFallback('ipv6'),
  ...CHECK_KEYS,
  ...NUMBER_KEYS,
  monitorfile: NOTIFICATION,
  servicename: NOTIFICATION,
  comment: NOTIFICATION,
};

const SCHEDULERS = 'rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh twos'.split(' ');

function isPrefix(text: string): boolean {
  return /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 128;
}

/** What ldirectord finds in a value; what stands around it is passed over. */
function firstMatch(virtual: Virtual, statement: Statement, pattern: RegExp, problem: string): string | undefined {
  const text = textOf(statement);
  const found = pattern.exec(text)?.[0];
  if (found === undefined) virtual.report.refuse(statement, `${problem}: ldirectord does not start`);
  else tellReading(virtual.report, statement, text, found);
  return found;
}

function tellReading(report: Report, place: Place, text: string, found: string): void {
  if (found !== text.replace(BLANKS, '')) report.passOver(place, `ldirectord reads "${text}" as ${found}`);
}

const BLANKS = /^[ \t\r\f\v]+|[ \t\r\f\v]+$/g;

/** yes or no, and not even a blank behind it. */
function answerOf({ report }: { readonly report: Report }, statement: Statement): boolean {
  const answer = textOf(statement);
  if (answer !== 'yes' && answer !== 'no') report.refuse(statement, 'must be yes or no, and nothing else');
  return answer === 'yes';
}

/** A key that is not taken, but ends ldirectord where it is neither yes nor no. */
function answered(why: string): Handler<{ readonly report: Report }> {
  return (target, statement) => {
    answerOf(target, statement);
    target.report.skip(statement, why);
  };
}

function takeQuiescent(target: File | Virtual, statement: Statement): void {
  target.isQuiescent = answerOf(target, statement);
}

function takeReal(family: Family): Handler<Virtual> {
  return (virtual, statement) => {
    if (family === virtual.family) virtual.reals.push(statement);
    else virtual.report.refuse(statement, 'virtual goes with real, virtual6 with real6');
  };
}

function takeFallback(family: Family): Handler<Virtual> {
  return (virtual, statement) => {
    if (family === virtual.family) virtual.fallback = fallbackOf(statement, family, virtual);
    else virtual.report.refuse(statement, 'virtual goes with fallback, virtual6 with fallback6');
  };
}

function takeGlobalFallback(file: File, statement: Statement, family: Family): void {
  const fallback = fallbackOf(statement, family, file);
  if (fallback !== undefined) file.fallbacks.set(family, fallback);
}

/** `127.0.0.1:80 gate`: the last two words, or the last one. */
function fallbackOf(
  statement: Statement,
  family: Family,
  { report, names }: { readonly report: Report; readonly names: Names },
): Fallback | undefined {
  const text = textOf(statement);
  const [whole = '', endpoint = '', method = 'gate'] =
    /([^ \t\r\f\v]+)(?:[ \t\r\f\v]+([^ \t\r\f\v]+))?[ \t\r\f\v]*$/.exec(text) ?? [];
  tellReading(report, statement, text, whole.replace(BLANKS, ''));
  const [ending = '', port] = /:([\w-]+)$/.exec(endpoint) ?? [];
  const address = addressOf(endpoint.slice(0, endpoint.length - ending.length), family, names, statement, report);
  if (address === undefined || !METHODS.has(method)) {
    report.refuse(statement, 'must be address[:port] [gate|masq|ipip]');
    return undefined;
  }
  return { statement, address, port, method };
}

function textOf({ values }: Statement): string {
  return values[0] ?? '';
}

/** Reads a whole file. */
export function importLdirectord(text: string, names: Names, report: Report): DesiredState {
  const file: File = {
    report,
    names,
    virtuals: [],
    numbers: {},
    fallbacks: new Map(),
    used: new Set(),
    isQuiescent: false,
    isForking: false,
  };
  handle(readLdirectord(text, report), GLOBALS, file, report);
  const services = new Map<string, Whole>();
  const lines = new Map<string, number>();
  for (const statement of file.virtuals) {
    const virtual = virtualOf(statement, file);
    const words = virtual && serviceWords(virtual);
    if (virtual === undefined || words === undefined) continue;
    const name = words.join(' ');
    const other = lines.get(name);
    if (other !== undefined) report.refuse(virtual.place, `is already in line ${other}: ldirectord does not start`);
    lines.set(name, virtual.place.line);
    const reals = virtual.reals.flatMap((real) => realsOf(real, virtual));
    const service = tellIpvsadm(['-A', ...words, ...settingsWords(virtual)], virtual.place, report);
    if (service?.verb !== 'add-service') continue;
    services.set(formatServiceKey(service.service), wholeOf(virtual, reals, words, service.service, file));
  }
  for (const fallback of file.fallbacks.values()) {
    if (!file.used.has(fallback)) report.skip(fallback.statement, 'no virtual address that is checked has it');
  }
  const whole = [...services.values()];
  const health = whole.flatMap((each) => each.health ?? []);
  return {
    services: whole.map(({ service, destinations }) => ({ service, destinations })),
    ...(health.length > 0 && { health: parseHealth(health) }),
  };
}

/** A service with its real servers, and how they are checked. */
interface Whole {
  readonly service: NormalService;
  readonly destinations: readonly NormalDestination[];
  readonly health?: ServiceHealth | undefined;
}

function virtualOf(statement: Statement, { report, names, isQuiescent }: File): Virtual | undefined {
  const place = named(statement);
  const family: Family = statement.key === 'virtual6' ? 'ipv6' : 'ipv4';
  const target = targetOf(textOf(statement), family);
  if (target === undefined) {
    report.refuse(place, `"${textOf(statement)}" is neither address:port nor a mark`);
    return undefined;
  }
  const { text, mark, host = '', port = '0' } = target;
  const value = textOf(statement).replace(/#.*/s, '').replace(BLANKS, '');
  if (value !== text) {
    report.passOver(place, `ldirectord reads "${value}" as ${mark === undefined ? text : `the mark ${mark}`}`);
  }
  const checking = noChecking();
  const virtual: Virtual = {
    report,
    names,
    place,
    family,
    mark,
    host,
    port,
    reals: [],
    checking,
    numbers: checking.numbers,
    // DNS is the one service that ldirectord takes for UDP by itself.
    protocol: /^(53|domain)$/.test(port) ? 'udp' : 'tcp',
    scheduler: 'wrr',
    flags: undefined,
    persistent: undefined,
    netmask: undefined,
    ops: undefined,
    fallback: undefined,
    isQuiescent,
  };
  handle(statement.block ?? [], VIRTUAL, virtual, report);
  return virtual;
}

/** `10.0.0.100:80`, `www:http`, `[2001:db8::1]:80`, or a mark; whatever else follows does not count. */
function targetOf(
  value: string,
  family: Family,
): { text: string; mark?: string; host?: string; port?: string } | undefined {
  const [endpoint, host, port] = /^([0-9A-Za-z._+-]+):([\w-]+)/.exec(value) ?? [];
  if (endpoint !== undefined && host !== undefined && port !== undefined) return { text: endpoint, host, port };
  const [mark] = /^\d+/.exec(value) ?? [];
  if (mark !== undefined) return { text: mark, mark };
  const [six, address, sixPort] = /^\[([0-9A-Fa-f:]+)\]:([\w-]+)/.exec(value) ?? [];
  if (family === 'ipv4' || six === undefined || address === undefined || sixPort === undefined) return undefined;
  return { text: six, host: address, port: sixPort };
}

/** What names a virtual service in a command of ipvsadm. */
function serviceWords(virtual: Virtual): string[] | undefined {
  const { report, names, place, family, mark, host, port, protocol } = virtual;
  if (mark !== undefined) return ['-f', mark, ...(family === 'ipv6' ? ['-6'] : [])];
  const address = addressOf(host, family, names, place, report);
  if (address === undefined) {
    report.refuse(place, `"${host}" is not an address, and not the name of a host`);
    return undefined;
  }
  const number = portOf(port, protocol, names, place, report);
  return [protocol === 'udp' ? '-u' : '-t', formatEndpoint(address, number)];
}

function settingsWords({ report, mark, protocol, scheduler, persistent, netmask, flags, ops }: Virtual): string[] {
  const isUdp = mark === undefined && protocol === 'udp';
  if (ops !== undefined && !isUdp) report.skip(ops, 'counts only for udp: ldirectord does not set it here');
  if (netmask !== undefined && persistent === undefined) report.skip(netmask, 'counts only together with persistent');
  return [
    ...(ops !== undefined && isUdp ? ['-o'] : []),
    ...['-s', scheduler],
    ...(persistent === undefined ? [] : ['-p', persistent]),
    ...(persistent === undefined || netmask === undefined ? [] : ['-M', textOf(netmask)]),
    ...(flags === undefined ? [] : ['-b', flags]),
  ];
}

/** What ipvsadm makes of a command. ldirectord logs what it refuses, and goes on. */
function tellIpvsadm(words: readonly string[], place: Place, report: Report): Command | undefined {
  try {
    return parseCommand(words);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    report.passOver(place, `ipvsadm refuses it, and ldirectord goes on without it: ${error.reason}`);
    return undefined;
  }
}

/** An address by number, as getaddrinfo(3) reads it, or by name. */
function addressOf(text: string, family: Family, names: Names, place: Place, report: Report): string | undefined {
  const host = /\[(.*)\]/.exec(text)?.[1] ?? text;
  if (family === 'ipv6') {
    const bytes = parseIPv6(host);
    return bytes === undefined ? undefined : formatIP(bytes);
  }
  const address = parseLooseIPv4(host);
  if (address !== undefined && address !== host) report.passOver(place, `ldirectord reads "${host}" as ${address}`);
  return address ?? names.host(host);
}

const METHODS: ReadonlyMap<string, string> = new Map([
  ['gate', '-g'],
  ['masq', '-m'],
  ['ipip', '-i'],
]);

/** `10.0.0.11->10.0.0.19:80 masq 1 "request", "receive" l:50 u:100` as it is meant to be written. */
const PLAIN_REAL =
  /^\S+(?:->\S+)?(?::[\w-]+)?[ \t]+(?:gate|masq|ipip)(?:[ \t]+\d+)?(?:[ \t]+".*"[, ][ \t]*".*")?(?:[ \t]+l:\d+)?(?:[ \t]+u:\d+)?[ \t\r]*$/;

/** The pattern of ldirectord, with its slips: it fits anywhere in a line. */
const REAL =
  /(\d+\.\d+\.\d+\.\d+|[A-Za-z0-9.-]+|\[[0-9A-fa-f:]+\])(?:->(\d+\.\d+\.\d+\.\d+|[A-Za-z0-9.-]+|\[[0-9A-fa-f:]+\]))?(?::(\d+|[\w-]+))?[ \t\r\f\v]+(.*)/s;

interface Real extends CheckedReal {
  readonly address: string;
  readonly option: string;
  readonly weight: string;
  readonly lower: string;
  readonly upper: string;
}

function realsOf(statement: Statement, virtual: Virtual): Real[] {
  const { report, names } = virtual;
  const text = textOf(statement);
  const [, first, last, port = '0', rest] = REAL.exec(text) ?? [];
  if (first === undefined || rest === undefined) {
    report.refuse(statement, `must be ${REAL_FORM}`);
    return [];
  }
  const flags = flagsOf(rest, statement, report);
  if (flags === undefined) return [];
  // Of either protocol: it is asked for by no name of one.
  const number = portOf(port, names.port(port, 'tcp') === undefined ? 'udp' : 'tcp', names, statement, report);
  if (!PLAIN_REAL.test(text)) {
    const { method, weight, lower, upper } = flags;
    const reading = `${first}${last === undefined ? '' : `->${last}`}:${port} ${method} ${weight} l:${lower} u:${upper}`;
    report.passOver(statement, `ldirectord reads "${text}" as ${reading}`);
  }
  const { method: _, ...settings } = flags;
  return addressesOf(first, last, statement, virtual).map((address) => ({
    statement,
    address,
    port: number,
    ...settings,
  }));
}

const REAL_FORM = 'address[->address][:port] gate|masq|ipip [weight] ["request","receive"] [l:N] [u:N]';

/** `add_real_server`: each part is looked for in what the one before it left over. */
function flagsOf(text: string, statement: Statement, report: Report) {
  const [, method = '', tail = ''] = /(\w+)(.*)/s.exec(text) ?? [];
  const option = METHODS.get(method);
  let rest = tail;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    const found = pattern.exec(rest) ?? undefined;
    if (found !== undefined) rest = found.at(-1) ?? '';
    return found;
  };
  const weight = take(/[ \t\r\f\v]+(\d+)(.*)/s)?.[1] ?? '1';
  const [, request, receive] = take(/[ \t\r\f\v]+"(.*)"[, ][ \t\r\f\v]*"(.*)"(.*)/s) ?? [];
  // It looks at the request before it takes the rest, and Perl forgets the rest with that.
  if (request?.startsWith('/')) {
    if (/[^ \t\r\f\v]/.test(rest))
      report.passOver(statement, `ldirectord loses what stands behind a request: "${rest}"`);
    rest = '';
  }
  const lower = take(/[ \t\r\f\v]+l:(\d+)(.*)/s)?.[1] ?? '0';
  const upper = take(/[ \t\r\f\v]+u:(\d+)(.*)/s)?.[1] ?? '0';
  if (option === undefined || /[^ \t\r\f\v]/.test(rest)) {
    report.refuse(statement, option === undefined ? `must be ${REAL_FORM}` : `must not end in "${rest}": ${REAL_FORM}`);
    return undefined;
  }
  return { method, option, weight, lower, upper, request, receive };
}

function addressesOf(first: string, last: string | undefined, place: Place, virtual: Virtual): string[] {
  const { family, names, report } = virtual;
  const [from, to] = [first, last ?? first].map((host) => addressOf(host, family, names, place, report));
  if (from === undefined || to === undefined) {
    report.refuse(place, `"${from === undefined ? first : last}" is not an address, and not the name of a host`);
    return [];
  }
  if (last === undefined) return [from];
  if (family === 'ipv6') {
    report.refuse(place, 'ldirectord knows no ranges of IPv6 addresses');
    return [];
  }
  const range = from === to ? from : `${from}-${to}`;
  return report.attempt(place, () => destinationKeysOf(range).map(({ address }) => address)) ?? [];
}

/** Who serves while every real server answers, and what is checked. */
function wholeOf(
  virtual: Virtual,
  reals: readonly Real[],
  words: readonly string[],
  service: NormalService,
  file: File,
): Whole {
  const { report, checking, isQuiescent } = virtual;
  const isOff = checking.type === 'off';
  const global = virtual.mark === undefined ? file.fallbacks.get(virtual.family) : undefined;
  const fallback = virtual.fallback ?? global;
  const table = new Map<string, Standing>();
  const add = (real: Real) => addReal(real, virtual, words, service, table);
  if (isOff) tellOff(reals, isQuiescent, report);
  if (!isOff || isQuiescent)
    for (const real of reals) add(isOff ? { ...real, weight: '0' } : asItComesUp(real, virtual, service));
  const port = fallback && fallbackPort(fallback, virtual, service);
  const isAlone = isOff || reals.length === 0;
  if (fallback === undefined || port === undefined) {
    return { service, ...standing([...table.values()], virtual, service, file) };
  }
  const { statement, address, method } = fallback;
  const option = METHODS.get(method) ?? '-g';
  const real: Real = { statement, address, port, option, weight: '1', lower: '0', upper: '0' };
  if (isAlone) add(real);
  const kept = isAlone ? [...table.values()] : withoutFallback(table, address, port, service, statement, report);
  const found = standing(kept, virtual, service, file);
  if (isAlone || found.health !== undefined) file.used.add(fallback);
  if (isAlone) return { service, ...found };
  return { service, ...found, health: withSorry(found, real, virtual, words, service, kept.length < table.size) };
}

/** A server in the table, and the real server of the file that it is. */
interface Standing {
  readonly destination: NormalDestination;
  readonly real: Real;
}

function standing(
  servers: readonly Standing[],
  virtual: Virtual,
  service: NormalService,
  { numbers, isForking }: File,
): Omit<Whole, 'service'> {
  const { report, place, checking, protocol, isQuiescent } = virtual;
  const destinations = servers.map(({ destination }) => destination);
  const target =
    service.protocol === 'fwmark'
      ? { host: String(service.mark), port: 0 }
      : { host: service.address, port: service.port };
  const checked = {
    report,
    place,
    checking,
    target,
    file: numbers,
    isForking,
    protocol: service.protocol === 'fwmark' ? service.protocol : protocol,
  };
  const checks = servers.map(({ destination, real }) => ({
    server: destination,
    checks: checksOf(checked, real, destination),
  }));
  const onFailure = { quiesce: true, removeAfter: isQuiescent ? ('never' as const) : 0 };
  return { destinations, health: serviceHealth(service, checks, { onFailure }) };
}

/** The fallback serves when all are down; where it is a real server too, nobody does. */
function withSorry(
  { health }: Omit<Whole, 'service'>,
  fallback: Real,
  virtual: Virtual,
  words: readonly string[],
  service: NormalService,
  isReal: boolean,
): ServiceHealth | undefined {
  if (health === undefined) {
    if (virtual.fallback !== undefined) virtual.report.skip(fallback.statement, UNCHECKED);
    return undefined;
  }
  const sorry = isReal ? undefined : destinationOf(fallback, virtual, words, service);
  return sorry === undefined ? health : { ...health, sorry };
}

/**
 * ldirectord adds a real server, takes it down, and looks for it by the port that the file has. Where the kernel has the one
 * of the service it finds none, and what it made quiescent stays so.
 */
function asItComesUp(real: Real, { isQuiescent, report }: Virtual, service: NormalService): Real {
  const keepsPort = real.option === '-m' || service.protocol === 'fwmark' || real.port === service.port;
  if (!isQuiescent || keepsPort) return real;
  const why = `stands with weight 0: with quiescent = yes ldirectord does not find a server whose port is not ${service.port}`;
  report.skip(named(real.statement), why);
  return { ...real, weight: '0', lower: '0', upper: '0' };
}

function tellOff(reals: readonly Real[], isQuiescent: boolean, report: Report): void {
  const outcome = isQuiescent ? 'stands with weight 0' : 'is not in the table';
  for (const { statement } of reals) report.skip(named(statement), `${outcome}: checktype is off`);
}

/** A global fallback without a port has that of the virtual service, one of a mark 0. */
function fallbackPort({ port, statement }: Fallback, virtual: Virtual, service: NormalService): number {
  const own = service.protocol === 'fwmark' ? 0 : service.port;
  return port === undefined ? own : portOf(port, virtual.protocol, virtual.names, statement, virtual.report);
}

/** What ipvsadm makes of a real server. */
function destinationOf(
  { statement, address, port, option, weight, lower, upper }: Real,
  { report }: Virtual,
  words: readonly string[],
  service: NormalService,
): NormalDestination | undefined {
  const place = named(statement);
  const server = ['-r', formatEndpoint(address, port), option, '-w', weight];
  const command = tellIpvsadm(['-a', ...words, '-x', upper, '-y', lower, ...server], place, report);
  if (command?.verb !== 'add-destination') return undefined;
  const { destination } = command;
  if (option !== '-m' && service.protocol !== 'fwmark' && port !== 0 && port !== service.port) {
    const why = `${destination.forward} does not rewrite ports, so the service's (${service.port}) counts`;
    report.skip(place, `port ${port}: ${why}`);
  }
  // The kernel refuses what the model does, and ldirectord goes on.
  const pass = (at: Place, why: string) => report.passOver(at, `${why}; it is left out`);
  // A copy: ipvsadm reads what the kernel refuses, thresholds the wrong way round.
  return report.attempt(place, () => parseDestination(service, { ...destination }), {}, pass);
}

/** `_restore_service`: a server that the list of ipvsadm shows is edited, any other is added, and stays if it is there. */
function addReal(
  real: Real,
  virtual: Virtual,
  words: readonly string[],
  service: NormalService,
  table: Map<string, Standing>,
): void {
  const { report } = virtual;
  const destination = destinationOf(real, virtual, words, service);
  if (destination === undefined) return;
  const place = named(real.statement);
  const name = formatDestinationKey(destination);
  const isThere = table.has(name);
  if (!table.has(formatEndpoint(real.address, real.port))) {
    if (isThere) report.skip(place, `${name} is in ${formatServiceKey(service)} already: the first counts`);
    else table.set(name, { destination, real });
  } else if (isThere) {
    report.skip(place, `${name} is in ${formatServiceKey(service)} already: the last counts`);
    table.set(name, { destination, real });
  } else report.passOver(place, `ldirectord takes it for one that is there, and does not add ${name}`);
}

/** ldirectord takes the fallback away when a real server comes up, also where it is one of them (`fallback_off`). */
function withoutFallback(
  table: ReadonlyMap<string, Standing>,
  address: string,
  port: number,
  service: NormalService,
  place: Place,
  report: Report,
): Standing[] {
  const mapped = service.protocol === 'fwmark' ? port : service.port;
  const name = [port, mapped].map((one) => formatEndpoint(address, one)).find((one) => table.has(one));
  if (name !== undefined) report.skip(place, `is a real server, too: ldirectord takes it away when one comes up`);
  return [...table].flatMap(([key, server]) => (key === name ? [] : [server]));
}

/** `key = value`; what is indented by four blanks or a tab belongs to the virtual service above it. */
function readLdirectord(text: string, report: Report): Statement[] {
  const top: Statement[] = [];
  let block: Statement[] | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^[ \t\r\f\v]*#/.test(line)) continue;
    const place = { line: index + 1, column: line.search(/[^ \t\r\f\v]/) + 1 };
    const inner = /^ {4,}(.+)$/s.exec(line.replace(/#.*/s, '').replaceAll('\t', '    '))?.[1];
    if (block !== undefined && inner !== undefined) {
      const statement = statementOf(inner, place, report);
      if (statement !== undefined) block.push(statement);
      continue;
    }
    // A line that is not indented ends the block, even an empty one.
    block = undefined;
    if (/^[ \t\r\f\v]*$/.test(line)) continue;
    const statement = statementOf(line, place, report);
    if (statement === undefined) continue;
    if (/^virtual6?$/.test(statement.key)) {
      block = [];
      top.push({ ...statement, block });
    } else top.push(statement);
  }
  return top;
}

/** The value with all that follows it: nearly every key has a pattern of its own for it. */
function statementOf(
  text: string,
  at: { readonly line: number; readonly column: number },
  report: Report,
): Statement | undefined {
  const [, key, value] = /^(\w+)[ \t\r\f\v]*(?:=[ \t\r\f\v]*(.*))?$/s.exec(text) ?? [];
  if (key !== undefined && (value !== undefined || key === 'supervised')) return { ...at, key, values: [value ?? ''] };
  const place = { ...at, column: Math.max(at.column, 1), key: /\w*/.exec(text.replace(BLANKS, ''))?.[0] ?? '' };
  if (/^[ \t\r\f\v]/.test(text)) report.refuse(place, 'is indented, but no virtual service is open here');
  else report.refuse(place, 'is not of the form key = value');
  return undefined;
}
