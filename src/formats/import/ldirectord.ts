/**
 * ldirectord.cf -> desired state: what ldirectord tells ipvsadm once every real server answers (`read_config`, `ld_setup` and
 * `add_real_server` of ldirectord in resource-agents).
 * @module
 */
import { splitHostPort } from '../../address/endpoint.js';
import { type Family, formatIP, parseIP } from '../../address/ip.js';
import type { DesiredState } from '../../config/desired-state.js';
import { destinationKeysOf } from '../../config/ranges.js';
import type { Names } from '../../ipvsadm/names.js';
import { withoutUndefined } from '../../model/parse.js';
import { SCHEDULER_FLAGS, type SchedulerFlag } from '../../model/service.js';
import type { Protocol } from '../../model/service-key.js';
import { HEALTH_CHECKING, type Place, type Report } from './report.js';
import { type DestinationDraft, type Forward, type Placed, type ServiceDraft, Services } from './services.js';
import { type Handler, handle, named, type Statement } from './statement.js';
import { decimal, portOf } from './values.js';

const NOTIFICATION = 'runs or tells a program, which the state file does not do';
const DAEMON = 'says how the daemon ldirectord runs';
const FALLBACK = 'takes the place of real servers that fail, which only health checking finds out';

/** What both the file and a single virtual service may have. */
const OVERRIDES: Readonly<Record<string, string>> = {
  checktimeout: HEALTH_CHECKING,
  negotiatetimeout: HEALTH_CHECKING,
  checkinterval: HEALTH_CHECKING,
  checkcount: HEALTH_CHECKING,
  failurecount: HEALTH_CHECKING,
  quiescent: HEALTH_CHECKING,
  fallbackcommand: NOTIFICATION,
  emailalert: NOTIFICATION,
  emailalertfrom: NOTIFICATION,
  emailalertfreq: NOTIFICATION,
  emailalertstatus: NOTIFICATION,
  smtp: NOTIFICATION,
  cleanstop: DAEMON,
};

interface File {
  readonly virtuals: Statement[];
  readonly fallbacks: Statement[];
}

const GLOBALS: Readonly<Record<string, Handler<File>>> = {
  ...OVERRIDES,
  virtual: ({ virtuals }, statement) => void virtuals.push(statement),
  virtual6: ({ virtuals }, statement) => void virtuals.push(statement),
  fallback: ({ fallbacks }, statement) => void fallbacks.push(statement),
  fallback6: ({ fallbacks }, statement) => void fallbacks.push(statement),
  readdquiescent: HEALTH_CHECKING,
  maintenancedir: HEALTH_CHECKING,
  callback: NOTIFICATION,
  autoreload: DAEMON,
  logfile: DAEMON,
  execute: DAEMON,
  supervised: DAEMON,
  fork: DAEMON,
};

interface Virtual {
  readonly report: Report;
  readonly family: Family;
  readonly isMark: boolean;
  readonly fields: Record<string, Place>;
  readonly reals: Statement[];
  protocol: Protocol;
  scheduler: string;
  flags: readonly SchedulerFlag[];
  persistent: number | undefined;
  netmask: Statement | undefined;
  onePacket: boolean;
  fallback: Statement | undefined;
}

const VIRTUAL: Readonly<Record<string, Handler<Virtual>>> = {
  ...OVERRIDES,
  real: takeReal('ipv4'),
  real6: takeReal('ipv6'),
  scheduler: (virtual, statement) => {
    virtual.scheduler = textOf(statement);
    virtual.fields['scheduler'] = statement;
  },
  schedflags: (virtual, statement) => {
    const words = textOf(statement).split(',');
    virtual.flags = SCHEDULER_FLAGS.filter((flag) => words.includes(flag));
    virtual.fields['schedulerFlags'] = statement;
    if (virtual.flags.length < words.length) {
      virtual.report.refuse(statement, `must be some of ${SCHEDULER_FLAGS.join(', ')}, with commas between them`);
    }
  },
  persistent: (virtual, statement) => {
    virtual.persistent = decimal(textOf(statement));
    virtual.fields['persistence'] = statement;
  },
  netmask: (virtual, statement) => {
    virtual.netmask = statement;
  },
  protocol: (virtual, statement) => {
    const name = textOf(statement);
    if (virtual.isMark ? name === 'fwm' : name === 'tcp' || name === 'udp') {
      if (name === 'tcp' || name === 'udp') virtual.protocol = name;
    } else virtual.report.refuse(statement, virtual.isMark ? 'must be fwm for a mark' : 'must be tcp or udp');
  },
  ops: (virtual, statement) => {
    const answer = textOf(statement);
    if (answer !== 'yes' && answer !== 'no') virtual.report.refuse(statement, 'must be yes or no');
    virtual.onePacket = answer === 'yes';
    virtual.fields['onePacket'] = statement;
  },
  fallback: takeFallback,
  fallback6: takeFallback,
  checktype: HEALTH_CHECKING,
  service: HEALTH_CHECKING,
  checkcommand: HEALTH_CHECKING,
  checkport: HEALTH_CHECKING,
  request: HEALTH_CHECKING,
  receive: HEALTH_CHECKING,
  httpmethod: HEALTH_CHECKING,
  virtualhost: HEALTH_CHECKING,
  login: HEALTH_CHECKING,
  passwd: HEALTH_CHECKING,
  database: HEALTH_CHECKING,
  secret: HEALTH_CHECKING,
  load: HEALTH_CHECKING,
  monitorfile: NOTIFICATION,
  servicename: NOTIFICATION,
  comment: NOTIFICATION,
};

function takeReal(family: Family): Handler<Virtual> {
  return (virtual, statement) => {
    if (family === virtual.family) virtual.reals.push(statement);
    else virtual.report.refuse(statement, 'virtual goes with real, virtual6 with real6');
  };
}

function takeFallback(virtual: Virtual, statement: Statement): void {
  if ((statement.key === 'fallback6') === (virtual.family === 'ipv6')) virtual.fallback = statement;
  else virtual.report.refuse(statement, 'virtual goes with fallback, virtual6 with fallback6');
}

function textOf({ values }: Statement): string {
  return values[0] ?? '';
}

/** Reads a whole file. */
export function importLdirectord(text: string, names: Names, report: Report): DesiredState {
  const file: File = { virtuals: [], fallbacks: [] };
  handle(readLdirectord(text, report), GLOBALS, file, report);
  const services = new Services(report);
  for (const statement of file.virtuals) addVirtual(statement, file.fallbacks, services, names, report);
  for (const fallback of file.fallbacks) report.skip(fallback, `${FALLBACK}; only a virtual without any has it now`);
  return { services: services.list };
}

function addVirtual(
  statement: Statement,
  fallbacks: readonly Statement[],
  services: Services,
  names: Names,
  report: Report,
): void {
  const place = named(statement);
  const family: Family = statement.key === 'virtual6' ? 'ipv6' : 'ipv4';
  const text = textOf(statement);
  const isMark = /^\d+$/.test(text);
  const virtual: Virtual = {
    report,
    family,
    isMark,
    fields: {},
    reals: [],
    // DNS is the one service that ldirectord takes for UDP by itself.
    protocol: /:(53|domain)$/.test(text) ? 'udp' : 'tcp',
    scheduler: 'wrr',
    flags: [],
    persistent: undefined,
    netmask: undefined,
    onePacket: false,
    fallback: undefined,
  };
  handle(statement.block ?? [], VIRTUAL, virtual, report);
  const key = isMark
    ? { protocol: 'fwmark' as const, mark: Number(text), family }
    : endpointOf(text, virtual, names, place);
  if (key === undefined) return;
  const draft: ServiceDraft = {
    key,
    scheduler: virtual.scheduler,
    schedulerFlags: virtual.flags,
    onePacket: virtual.onePacket,
    persistence: persistenceOf(virtual),
  };
  const reals = virtual.reals.flatMap((real) => realServers(real, virtual, names));
  const fallback = virtual.fallback ?? fallbacks.find(({ key: name }) => name.endsWith('6') === (family === 'ipv6'));
  if (reals.length > 0 && virtual.fallback !== undefined) report.skip(virtual.fallback, FALLBACK);
  const stands = reals.length === 0 && fallback !== undefined ? fallbackServer(fallback, virtual, names) : reals;
  services.add({ place, fields: virtual.fields, draft }, stands);
}

function persistenceOf({ persistent, netmask, family, report }: Virtual): ServiceDraft['persistence'] {
  if (persistent === undefined) {
    if (netmask !== undefined) report.skip(netmask, 'counts only together with persistent');
    return undefined;
  }
  if (netmask === undefined) return { timeout: persistent };
  return { timeout: persistent, netmask: family === 'ipv6' ? decimal(textOf(netmask)) : textOf(netmask) };
}

/** `10.0.0.100:80`, `www:http`, `[2001:db8::1]:80`. */
function endpointOf(text: string, { protocol, report }: Virtual, names: Names, place: Place) {
  const { host, port } = splitHostPort(text) ?? {};
  const address = host === undefined ? undefined : addressOf(host, names);
  if (address === undefined || port === undefined) {
    report.refuse(place, `"${text}" is neither address:port nor a mark`);
    return undefined;
  }
  return { protocol, address, port: portOf(port, protocol, names, place, report) };
}

function addressOf(host: string, names: Names): string | undefined {
  const bytes = parseIP(host);
  return bytes === undefined ? names.host(host) : formatIP(bytes);
}

const METHODS: ReadonlyMap<string, Forward['forward']> = new Map([
  ['gate', 'dr'],
  ['masq', 'nat'],
  ['ipip', 'tun'],
]);

const REAL =
  /^(\S+?)(?:->(\S+?))?(?::([\w-]+))?\s+(gate|masq|ipip)(?:\s+(\d+))?(\s+".*"[, ]\s*".*")?(?:\s+l:(\d+))?(?:\s+u:(\d+))?$/;

/** `10.0.0.11->10.0.0.19:80 masq 1 "request", "receive" l:50 u:100`; a port that is left out is 0. */
function realServers(statement: Statement, virtual: Virtual, names: Names): Placed<DestinationDraft>[] {
  const { report, protocol } = virtual;
  const parts = REAL.exec(textOf(statement));
  const [, first = '', last, port = '0', method = '', weight = '1', check, lower, upper] = parts ?? [];
  const forward = METHODS.get(method);
  if (forward === undefined) {
    report.refuse(
      statement,
      'must be address[->address][:port] gate|masq|ipip [weight] ["request","receive"] [l:N] [u:N]',
    );
    return [];
  }
  if (check !== undefined) report.skip({ ...statement, key: check.trim() }, HEALTH_CHECKING);
  return addressesOf(first, last, statement, names, report).map((address) => ({
    place: named(statement),
    draft: withoutUndefined({
      address,
      port: portOf(port, protocol, names, statement, report),
      forward,
      weight: Number(weight),
      upperThreshold: upper === undefined ? undefined : Number(upper),
      lowerThreshold: lower === undefined ? undefined : Number(lower),
    }),
  }));
}

function addressesOf(first: string, last: string | undefined, place: Place, names: Names, report: Report): string[] {
  const ends = [first, last ?? first].map((host) => addressOf(host.replace(/^\[(.*)\]$/, '$1'), names));
  const [from, to] = ends;
  if (from === undefined || to === undefined) {
    report.refuse(place, `"${from === undefined ? first : last}" is not an address, and not the name of a host`);
    return [];
  }
  const range = from === to ? from : `${from}-${to}`;
  return report.attempt(place, () => destinationKeysOf(range).map(({ address }) => address)) ?? [];
}

/** `127.0.0.1:80 gate`; the virtual service's port and gate unless it says otherwise. */
function fallbackServer(statement: Statement, virtual: Virtual, names: Names): Placed<DestinationDraft>[] {
  const { report, protocol } = virtual;
  const [endpoint = '', method = 'gate'] = textOf(statement).split(/\s+/);
  const { host, port } = splitHostPort(endpoint) ?? {};
  const address = host === undefined ? undefined : addressOf(host, names);
  const forward = METHODS.get(method);
  if (address === undefined || forward === undefined) {
    report.refuse(statement, 'must be address[:port] [gate|masq|ipip]');
    return [];
  }
  const number = port === undefined ? undefined : portOf(port, protocol, names, statement, report);
  return [{ place: statement, draft: withoutUndefined({ address, port: number, forward, weight: 1 }) }];
}

/** `key = value`; what is indented by four blanks or a tab belongs to the virtual service above it. */
function readLdirectord(text: string, report: Report): Statement[] {
  const top: Statement[] = [];
  let block: Statement[] | undefined;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*#/.test(line)) continue;
    const isInBlock = /^ {4,}\S/.test(line.replaceAll('\t', '    '));
    // A line that is not indented ends the block, even an empty one.
    if (!isInBlock) block = undefined;
    if (line.trim() === '') continue;
    const [, key = '', value] = /^\s*(\w+)(?:\s*=\s*(.*?))?\s*$/.exec(isInBlock ? line.replace(/#.*/, '') : line) ?? [];
    const place = { line: index + 1, column: line.search(/\S/) + 1, key };
    if (value === undefined && key !== 'supervised') report.refuse(place, 'is not of the form key = value');
    else if (isInBlock && block === undefined) report.refuse(place, 'is indented, but no virtual service is open here');
    else if (block !== undefined) block.push({ ...place, values: [unquoted(value)] });
    else if (/^virtual6?$/.test(key)) {
      block = [];
      top.push({ ...place, values: [unquoted(value)], block });
    } else top.push({ ...place, values: [unquoted(value)] });
  }
  return top;
}

function unquoted(text = ''): string {
  return text.replace(/^"([^"]*)"$/, '$1');
}
