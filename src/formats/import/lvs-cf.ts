/**
 * Piranha's lvs.cf -> desired state: what lvsd and nanny tell ipvsadm once every real server answers (Piranha 0.8.6,
 * lvsconfig.c, lvsd.c and ipvs_exec.c).
 * @module
 */

import { parseIP } from '../../address/ip.js';
import type { DesiredState } from '../../config/desired-state.js';
import type { Names } from '../../ipvsadm/names.js';
import type { NormalDestination } from '../../model/destination.js';
import { DEFAULT_SCHEDULER } from '../../model/service.js';
import type { Protocol } from '../../model/service-key.js';
import { parseTimeouts } from '../../model/timeouts.js';
import { CHECK_KEYS, type Checking, checksOf } from './lvs-cf-checks.js';
import type { Place, Report } from './report.js';
import { type CheckedDraft, type DraftPolicy, type Forward, Services } from './services.js';
import { Blocks, type Handler, handle, named, type Statement } from './statement.js';
import { anyBase, portOf } from './values.js';

const FAILOVER = 'is about the two routers and the heartbeat between them, not IPVS';
const SET_UP = 'is set up on the host: see the section director';
const SYNC = 'its role follows which router is active: say under daemons which role this director has';
const FILES = 'copies files, which is not IPVS';
const LOAD = 'sets weights by the load of the real servers, which the state file does not do';
const PROGRAM = 'is how Piranha runs programs';

/** What holds for the whole file. */
interface Globals {
  readonly report: Report;
  readonly virtuals: Statement[];
  readonly timeouts: Record<string, number>;
  readonly fields: Record<string, Place>;
  forward: Forward['forward'];
  /** `fos`: the virtual blocks do not run. */
  service: string;
}

const GLOBALS: Readonly<Record<string, Handler<Globals>>> = {
  network: (globals, statement) => {
    const forward = METHODS.get(statement.values[0] ?? '');
    if (forward === undefined) globals.report.refuse(statement, 'must be nat, direct or tunnel');
    else globals.forward = forward;
  },
  service: (globals, statement) => {
    const [service = ''] = statement.values;
    if (service !== 'lvs' && service !== 'fos') globals.report.refuse(statement, 'must be lvs or fos');
    globals.service = service;
  },
  tcp_timeout: takeTimeout('tcp'),
  tcpfin_timeout: takeTimeout('tcpFin'),
  udp_timeout: takeTimeout('udp'),
  virtual: (globals, statement) => void globals.virtuals.push(statement),
  failover: 'is a failover service, not a virtual one',
  serial_no: 'numbers the versions of this file',
  primary: FAILOVER,
  backup: FAILOVER,
  primary_private: FAILOVER,
  backup_private: FAILOVER,
  primary_shared: FAILOVER,
  backup_shared: FAILOVER,
  reservation_conflict_action: FAILOVER,
  backup_active: FAILOVER,
  heartbeat: FAILOVER,
  heartbeat_port: FAILOVER,
  keepalive: FAILOVER,
  deadtime: FAILOVER,
  monitor_links: FAILOVER,
  active_cmd: FAILOVER,
  inactive_cmd: FAILOVER,
  hard_shutdown: FAILOVER,
  nat_router: SET_UP,
  nat_nmask: SET_UP,
  syncdaemon: SYNC,
  syncd_iface: SYNC,
  syncd_id: SYNC,
  sync: FILES,
  rsh_command: PROGRAM,
  ipvsadm: PROGRAM,
  debug_level: PROGRAM,
  debug: PROGRAM,
};

const METHODS: ReadonlyMap<string, Forward['forward']> = new Map([
  ['nat', 'nat'],
  ['direct', 'dr'],
  ['tunnel', 'tun'],
]);

function takeTimeout(name: string): Handler<Globals> {
  return (globals, statement) => {
    const seconds = anyBase(statement.values[0]);
    if (seconds !== 0) globals.timeouts[name] = seconds;
    globals.fields[name] = statement;
  };
}

interface Virtual {
  readonly report: Report;
  readonly names: Names;
  readonly fields: Record<string, Place>;
  readonly servers: Server[];
  readonly checking: Checking;
  address: string;
  /** Of the virtual service, by number or name. */
  port: Statement | undefined;
  mark: number;
  protocol: Protocol;
  scheduler: string;
  persistent: number;
  pmask: Statement | undefined;
  sorryServer: Statement | undefined;
  isActive: boolean;
}

interface Server {
  readonly report: Report;
  readonly names: Names;
  readonly place: Place;
  readonly fields: Record<string, Place>;
  address: string;
  /** What `port` of the virtual service said before this block: Piranha copies it when the block begins. */
  readonly inherited: Statement | undefined;
  port: number | undefined;
  weight: number;
  isActive: boolean;
}

const VIRTUAL: Readonly<Record<string, Handler<Virtual>>> = {
  active: takeActive,
  address: (virtual, statement) => {
    const [address = '', device] = statement.values;
    virtual.address = addressOf(address, virtual.names);
    virtual.fields['address'] = statement;
    if (device !== undefined) virtual.report.skip({ ...statement, key: `address ... ${device}` }, SET_UP);
  },
  vip_nmask: SET_UP,
  fwmark: (virtual, statement) => {
    virtual.mark = anyBase(statement.values[0]);
    virtual.fields['mark'] = statement;
  },
  protocol: (virtual, statement) => {
    const [name] = statement.values;
    if (name === 'tcp' || name === 'udp') virtual.protocol = name;
    else virtual.report.refuse(statement, 'must be tcp or udp');
  },
  port: (virtual, statement) => {
    virtual.port = statement;
    virtual.fields['port'] = statement;
  },
  scheduler: (virtual, statement) => {
    const [name = ''] = statement.values;
    if (SCHEDULERS.includes(name)) virtual.scheduler = name;
    else virtual.report.refuse(statement, `must be one of ${SCHEDULERS.join(', ')}`);
  },
  persistent: (virtual, statement) => {
    virtual.persistent = anyBase(statement.values[0]);
    virtual.fields['persistence'] = statement;
  },
  pmask: (virtual, statement) => {
    virtual.pmask = statement;
  },
  sorry_server: (virtual, statement) => {
    virtual.sorryServer = statement;
  },
  server: (virtual, statement) => {
    const server: Server = {
      report: virtual.report,
      names: virtual.names,
      inherited: virtual.port,
      place: named(statement),
      fields: {},
      address: '',
      port: undefined,
      weight: 1,
      isActive: false,
    };
    handle(statement.block ?? [], SERVER, server, virtual.report);
    virtual.servers.push(server);
  },
  client_monitor: PROGRAM,
  ...CHECK_KEYS,
  load_monitor: ({ report }, statement) => {
    if (statement.values[0] !== 'none') report.skip(statement, LOAD);
  },
  start_cmd: 'is for failover services',
  stop_cmd: 'is for failover services',
  master: FILES,
  dirs: FILES,
};

const SCHEDULERS: readonly string[] = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh'];

const SERVER: Readonly<Record<string, Handler<Server>>> = {
  active: takeActive,
  address: (server, statement) => {
    server.address = addressOf(statement.values[0] ?? '', server.names);
    server.fields['address'] = statement;
  },
  port: (server, statement) => {
    server.port = anyBase(statement.values[0]);
    server.fields['port'] = statement;
  },
  weight: (server, statement) => {
    server.weight = anyBase(statement.values[0]);
    server.fields['weight'] = statement;
  },
};

function takeActive(target: Virtual | Server, statement: Statement): void {
  const [value] = statement.values;
  if (value !== '0' && value !== '1') target.report.refuse(statement, 'must be 0 or 1');
  target.isActive = value === '1';
}

/** Reads a whole file. */
export function importLvsCf(text: string, names: Names, report: Report): DesiredState {
  const fields = {};
  const globals: Globals = { report, virtuals: [], timeouts: {}, fields, forward: 'nat', service: 'lvs' };
  handle(readLvsCf(text, report), GLOBALS, globals, report);
  const services = new Services(report);
  for (const statement of globals.virtuals) addVirtual(statement, globals, services, names);
  const timeouts = timeoutsOf(globals);
  return { services: services.list, ...services.health, ...(timeouts && { timeouts }) };
}

function timeoutsOf({ timeouts, fields, report }: Globals) {
  const [place] = Object.values(fields);
  if (place === undefined || Object.keys(timeouts).length === 0) return undefined;
  return report.attempt(place, () => parseTimeouts(timeouts), fields);
}

function addVirtual(statement: Statement, globals: Globals, services: Services, names: Names): void {
  const { report } = globals;
  const place = named(statement);
  const virtual: Virtual = {
    report,
    names,
    fields: {},
    servers: [],
    checking: {},
    address: '',
    port: undefined,
    mark: 0,
    protocol: 'tcp',
    scheduler: DEFAULT_SCHEDULER,
    persistent: 0,
    pmask: undefined,
    sorryServer: undefined,
    isActive: false,
  };
  handle(statement.block ?? [], VIRTUAL, virtual, report);
  if (globals.service === 'fos') return report.skip(place, 'does not run: service = fos');
  if (!virtual.isActive) return report.skip(place, 'does not run without active = 1');
  const { protocol, address, mark, scheduler, fields } = virtual;
  const port = portNumber(virtual.port, virtual);
  const key = mark === 0 ? { protocol, address, port } : { protocol: 'fwmark' as const, mark };
  const draft = { key, scheduler, persistence: persistenceOf(virtual) };
  const drafts = serversOf(virtual, place, port, globals.forward);
  const policy: DraftPolicy = {
    onFailure: { quiesce: true, removeAfter: virtual.checking.isQuiesced ? 'never' : 0 },
    sorry: sorryOf(virtual, port, globals.forward),
  };
  services.add({ place, fields, draft }, drafts, policy);
}

/** It has the port of the virtual service. */
function sorryOf(
  { sorryServer, servers, names }: Virtual,
  port: number,
  forward: Forward['forward'],
): CheckedDraft | undefined {
  if (sorryServer === undefined || !servers.some(({ isActive }) => isActive)) return undefined;
  const address = addressOf(sorryServer.values[0] ?? '', names);
  return { place: sorryServer, draft: { address, port, forward, weight: 1 } };
}

/** By number or name; 80 where the file does not say. */
function portNumber(statement: Statement | undefined, { protocol, names, report }: Virtual): number {
  return statement === undefined ? 80 : portOf(statement.values[0] ?? '', protocol, names, statement, report);
}

/** Piranha resolves names of hosts; what is no name of one the model refuses, as it stands. */
function addressOf(text: string, names: Names): string {
  return parseIP(text) === undefined ? (names.host(text) ?? text) : text;
}

/** Piranha takes 255.255.255.255 for no mask, which is the same. */
function persistenceOf({ persistent, pmask, report }: Virtual) {
  if (persistent !== 0) return { timeout: persistent, netmask: pmask?.values[0] };
  if (pmask !== undefined) report.skip(pmask, 'counts only together with persistent');
  return undefined;
}

function serversOf(virtual: Virtual, at: Place, port: number, forward: Forward['forward']): CheckedDraft[] {
  const { servers, sorryServer, report } = virtual;
  const active = servers.filter(({ isActive }) => isActive);
  for (const { place, isActive } of servers) {
    if (!isActive) report.skip(place, 'does not run without active = 1');
  }
  if (sorryServer !== undefined && active.length === 0) {
    const address = addressOf(sorryServer.values[0] ?? '', virtual.names);
    return [{ place: sorryServer, draft: { address, port, forward, weight: 1 } }];
  }
  return active.map(({ place, fields, address, weight, inherited, port: own }) => {
    const copied = portNumber(inherited, virtual);
    if (own === undefined && copied !== port) {
      report.skip(place, `has port ${copied}: the port of the virtual service (${port}) is set only behind this block`);
    }
    const called = own ?? copied;
    const checks = (destination: NormalDestination) => checksOf({ ...virtual, place: at }, called, port, destination);
    return { place, fields, draft: { address, port: called, forward, weight }, checks };
  });
}

/** One statement a line: `key = value`, `name {`, `}`. Only a line of its own is a comment. */
function readLvsCf(text: string, report: Report): readonly Statement[] {
  const blocks = new Blocks(report);
  for (const [index, line] of text.split(/\r\n|\n|\r/).entries()) {
    const words = wordsOf(line);
    const [key, sign, ...values] = words;
    if (key === undefined || key.startsWith('#')) continue;
    const place = { line: index + 1, column: line.search(/\S/) + 1, key };
    if (key === '}' && sign === undefined) blocks.end(place);
    else if (words.at(-1) === '{') {
      blocks.add({ ...place, values: words.slice(1, -1) });
      blocks.begin(place);
    } else if (sign === '=' && values.length > 0) blocks.add({ ...place, values });
    else report.refuse(place, 'is none of the forms "key = value", "virtual NAME {", "server NAME {", "}"');
  }
  return blocks.finish();
}

/** Blanks of ASCII part words, quotes of either kind hold them together, and nothing escapes a quote. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|[^ \t\v\f]+/g)].map(
    ([whole, double, single]) => double ?? single ?? whole,
  );
}
