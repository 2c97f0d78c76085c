/**
 * keepalived.conf -> desired state. What is taken, and every default, is as in keepalived 2.2.7 and 2.4.3 (check_parser.c,
 * check_data.c, ipvswrapper.c).
 * @module
 */
import { type Family, familyOf } from '../../address/ip.js';
import type { DesiredState } from '../../config/desired-state.js';
import type { Tunnel } from '../../model/destination.js';
import { withoutUndefined } from '../../model/parse.js';
import {
  DEFAULT_PERSISTENCE_TIMEOUT,
  DEFAULT_SCHEDULER,
  SCHEDULER_FLAGS,
  type SchedulerFlag,
} from '../../model/service.js';
import { PROTOCOLS, type Protocol, type ServiceKey } from '../../model/service-key.js';
import { parseTimeouts, type Timeouts } from '../../model/timeouts.js';
import { type GroupTarget, groupTargets } from './keepalived-group.js';
import { readKeepalived } from './keepalived-text.js';
import { HEALTH_CHECKING, type Place, type Report } from './report.js';
import { type DestinationDraft, type Forward, type Placed, Services } from './services.js';
import { type Handler, handle, named, type Statement } from './statement.js';
import { decimal } from './values.js';

const NOTIFICATION = 'runs or tells a program, which the state file does not do';
const VRRP = 'is VRRP, not IPVS';
const OTHER = 'is not IPVS';
const AT_RUN_TIME = 'says how keepalived itself runs';

/** Reads a whole file. */
export function importKeepalived(text: string, report: Report): DesiredState {
  const top = readKeepalived(text, report);
  const groups = new Map(
    top.filter(({ key }) => key === 'virtual_server_group').map((group) => [group.values[0] ?? '', group]),
  );
  const services = new Services(report);
  let timeouts: Partial<Timeouts> | undefined;
  for (const statement of top) {
    if (statement.key === 'virtual_server') addVirtualServer(statement, groups, services, report);
    else if (statement.key === 'global_defs') timeouts = globalTimeouts(statement, report) ?? timeouts;
    else if (statement.key !== 'virtual_server_group') leaveOut(statement, report);
    else if (!isUsed(statement, top)) report.skip(named(statement), 'no virtual_server has this group');
  }
  return { services: services.list, ...(timeouts && { timeouts }) };
}

function isUsed({ values: [name] }: Statement, top: readonly Statement[]): boolean {
  return top.some(({ key, values }) => key === 'virtual_server' && values[0] === 'group' && values[1] === name);
}

/** What else stands at the top of the file; all that is missing here is a mistake. */
const TOP: readonly (readonly [RegExp, string])[] = [
  [/^(vrrp_\w+|static_\w+|garp_group|track_group|linkbeat_\w+|interface_up_down_delays)$/, VRRP],
  [/^(SSL|bfd_instance|track_file|track_process)$/, HEALTH_CHECKING],
  [/^(net_namespace|namespace_with_ipsets|net_namespace_ipvs|instance|use_pid_dir|child_wait_time)$/, AT_RUN_TIME],
  [/^(config_save_dir|tmp_config_directory|include_check|umask|random_seed|process_names)$/, AT_RUN_TIME],
];

function leaveOut(statement: Statement, report: Report): void {
  const why = TOP.find(([keys]) => keys.test(statement.key))?.[1];
  if (why === undefined) report.refuse(statement, 'there is no such key here');
  else report.skip(named(statement), why);
}

const GLOBALS: Readonly<Record<string, string>> = {
  lvs_sync_daemon: 'its role follows VRRP: say under daemons which role this director has',
  lvs_flush: AT_RUN_TIME,
  lvs_flush_on_stop: AT_RUN_TIME,
  net_namespace_ipvs: 'the state file does not say in which namespace it holds: --netns does',
  nftables_ipvs: 'each address of a group becomes a service of its own, not a mark',
  nftables_ipvs_start_fwmark: 'each address of a group becomes a service of its own, not a mark',
};

function globalTimeouts(globals: Statement, report: Report): Partial<Timeouts> | undefined {
  let timeouts: Partial<Timeouts> | undefined;
  for (const statement of globals.block ?? []) {
    const { key } = statement;
    if (key === 'lvs_timeouts') timeouts = report.attempt(statement, () => timeoutsOf(statement, report));
    else report.skip(statement, GLOBALS[key] ?? (key.startsWith('vrrp_') ? VRRP : OTHER));
  }
  return timeouts;
}

/** `tcp 900 tcpfin 120 udp 300`, any of them; 0 leaves one as it is. */
function timeoutsOf(statement: Statement, report: Report): Partial<Timeouts> | undefined {
  const { values } = statement;
  const given: Record<string, number> = {};
  for (let index = 0; index < values.length; index += 2) {
    const name = { tcp: 'tcp', tcpfin: 'tcpFin', udp: 'udp' }[values[index] ?? ''];
    if (name === undefined) report.refuse(statement, `"${values[index]}" is none of tcp, tcpfin, udp`);
    else if (values[index + 1] !== '0') given[name] = decimal(values[index + 1]);
  }
  return Object.keys(given).length > 0 ? parseTimeouts(given) : undefined;
}

/** A virtual server while it is read. */
interface VirtualServer {
  readonly report: Report;
  readonly fields: Record<string, Place>;
  readonly flags: SchedulerFlag[];
  readonly reals: RealServer[];
  scheduler?: string;
  family?: Family;
  protocol?: Protocol;
  onePacket?: Place;
  forward?: Forward;
  timeout?: number;
  netmask?: number | string;
  engine?: string;
  weight: number;
}

interface RealServer {
  readonly report: Report;
  readonly place: Place;
  readonly fields: Record<string, Place>;
  readonly address: string;
  /** 0: not given. */
  readonly port: number;
  forward?: Forward;
  weight?: number;
  upperThreshold?: number;
  lowerThreshold?: number;
}

const VIRTUAL_SERVER: Readonly<Record<string, Handler<VirtualServer>>> = {
  lb_algo: takeScheduler,
  lvs_sched: takeScheduler,
  lb_kind: takeForward,
  lvs_method: takeForward,
  ip_family: (server, statement) => {
    const [name = ''] = statement.values;
    if (name === 'inet' || name === 'inet6') server.family = name === 'inet6' ? 'ipv6' : 'ipv4';
    else server.report.refuse(statement, `"${name}" is neither inet nor inet6`);
  },
  protocol: (server, statement) => {
    const name = (statement.values[0] ?? '').toLowerCase();
    const protocol = PROTOCOLS.find((known) => known === name);
    if (protocol === undefined) server.report.refuse(statement, `"${name}" is none of TCP, UDP, SCTP`);
    else server.protocol = protocol;
    server.fields['protocol'] = statement;
  },
  persistence_timeout: (server, statement) => {
    const [seconds] = statement.values;
    server.timeout = seconds === undefined ? DEFAULT_PERSISTENCE_TIMEOUT : decimal(seconds);
    server.fields['persistence'] = statement;
  },
  persistence_granularity: takeGranularity,
  persistence_engine: (server, statement) => {
    server.engine = statement.values[0] ?? '';
    server.fields['persistenceEngine'] = statement;
  },
  ops: (server, statement) => {
    server.onePacket = statement;
  },
  ...Object.fromEntries(SCHEDULER_FLAGS.map((flag) => [flag, takeFlag(flag)])),
  hashed: 'is a flag that the kernel sets by itself',
  weight: (server, { values }) => {
    server.weight = decimal(values[0]);
  },
  real_server: (server, statement) => {
    const [address = '', port] = statement.values;
    const { report } = server;
    const real: RealServer = {
      report,
      place: named(statement),
      fields: {},
      address,
      port: port === undefined ? 0 : decimal(port),
      ...(server.forward && { forward: server.forward }),
    };
    handle(statement.block ?? [], REAL_SERVER, real, report);
    server.reals.push(real);
  },
  sorry_server: 'takes the place of real servers that fail, which only health checking finds out',
  sorry_server_inhibit: HEALTH_CHECKING,
  sorry_server_lvs_method: HEALTH_CHECKING,
  alpha: HEALTH_CHECKING,
  omega: HEALTH_CHECKING,
  quorum: HEALTH_CHECKING,
  hysteresis: HEALTH_CHECKING,
  quorum_up: NOTIFICATION,
  quorum_down: NOTIFICATION,
  delay_loop: HEALTH_CHECKING,
  connect_timeout: HEALTH_CHECKING,
  retry: HEALTH_CHECKING,
  delay_before_retry: HEALTH_CHECKING,
  warmup: HEALTH_CHECKING,
  inhibit_on_failure: HEALTH_CHECKING,
  ha_suspend: HEALTH_CHECKING,
  virtualhost: HEALTH_CHECKING,
  smtp_alert: NOTIFICATION,
  snmp_name: OTHER,
};

const REAL_SERVER: Readonly<Record<string, Handler<RealServer>>> = {
  lvs_method: takeForward,
  weight: (server, statement) => {
    server.weight = decimal(statement.values[0]);
    server.fields['weight'] = statement;
  },
  uthreshold: (server, statement) => {
    server.upperThreshold = decimal(statement.values[0]);
    server.fields['upperThreshold'] = statement;
  },
  lthreshold: (server, statement) => {
    server.lowerThreshold = decimal(statement.values[0]);
    server.fields['lowerThreshold'] = statement;
  },
  inhibit_on_failure: HEALTH_CHECKING,
  alpha: HEALTH_CHECKING,
  retry: HEALTH_CHECKING,
  delay_before_retry: HEALTH_CHECKING,
  warmup: HEALTH_CHECKING,
  delay_loop: HEALTH_CHECKING,
  connect_timeout: HEALTH_CHECKING,
  virtualhost: HEALTH_CHECKING,
  notify_up: NOTIFICATION,
  notify_down: NOTIFICATION,
  smtp_alert: NOTIFICATION,
  snmp_name: OTHER,
  HTTP_GET: HEALTH_CHECKING,
  SSL_GET: HEALTH_CHECKING,
  TCP_CHECK: HEALTH_CHECKING,
  PING_CHECK: HEALTH_CHECKING,
  SMTP_CHECK: HEALTH_CHECKING,
  DNS_CHECK: HEALTH_CHECKING,
  UDP_CHECK: HEALTH_CHECKING,
  MISC_CHECK: HEALTH_CHECKING,
  FILE_CHECK: HEALTH_CHECKING,
  BFD_CHECK: HEALTH_CHECKING,
};

function takeScheduler(server: VirtualServer, statement: Statement): void {
  server.scheduler = statement.values[0] ?? '';
  server.fields['scheduler'] = statement;
}

/** keepalived knows what a flag belongs to only where the scheduler stands before it. */
function takeFlag(flag: SchedulerFlag): Handler<VirtualServer> {
  const owner = /^(sh|mh)-/.exec(flag)?.[1];
  return (server, statement) => {
    if (owner === undefined || owner === server.scheduler) server.flags.push(flag);
    else server.report.skip(statement, `belongs to the scheduler ${owner}, which does not stand before it`);
  };
}

/** A dotted mask, or for IPv6 a length; by itself it makes the service persistent. */
function takeGranularity(server: VirtualServer, statement: Statement): void {
  const [mask = ''] = statement.values;
  server.netmask = /^\d+$/.test(mask) ? Number(mask) : mask;
  server.family ??= mask.includes('.') ? 'ipv4' : 'ipv6';
  server.timeout ??= DEFAULT_PERSISTENCE_TIMEOUT;
  server.fields['persistence'] = statement;
}

function takeForward(server: VirtualServer | RealServer, statement: Statement): void {
  const forward = forwardOf(statement, server.report);
  if (forward === undefined) return;
  server.forward = forward;
  server.fields['forward'] = statement;
  server.fields['tunnel'] = statement;
}

/** `NAT`, `DR`, or `TUN type gue port 6080 csum`. */
function forwardOf(statement: Statement, report: Report): Forward | undefined {
  const [name = '', ...options] = statement.values;
  if (name === 'NAT' || name === 'DR') return { forward: name === 'NAT' ? 'nat' : 'dr' };
  if (name !== 'TUN') {
    report.refuse(statement, `"${name}" is none of NAT, DR, TUN`);
    return undefined;
  }
  const tunnel: { type: string; port?: number; checksum?: string } = { type: 'ipip' };
  for (let index = 0; index < options.length; index++) {
    const option = options[index] ?? '';
    if (option === 'type') tunnel.type = options[++index] ?? '';
    else if (option === 'port') tunnel.port = decimal(options[++index]);
    else if (option === 'csum' || option === 'remcsum') tunnel.checksum = option;
    else if (option !== 'nocsum') report.refuse(statement, `"${option}" is none of type, port, nocsum, csum, remcsum`);
  }
  // parseDestination checks what goes together.
  return { forward: 'tun', tunnel: tunnel as Tunnel };
}

function addVirtualServer(
  statement: Statement,
  groups: ReadonlyMap<string, Statement>,
  services: Services,
  report: Report,
): void {
  const place = named(statement);
  const server: VirtualServer = { report, fields: {}, flags: [], reals: [], weight: 1 };
  const targets = targetsOf(statement, groups, report);
  const first = targets.find((target) => 'address' in target);
  const isGroup = statement.values[0] === 'group';
  if (!isGroup && first !== undefined && 'address' in first) server.family = familyOf(first.address);
  handle(statement.block ?? [], VIRTUAL_SERVER, server, report);
  if (server.reals.length === 0) return report.skip(place, 'has no real servers: keepalived leaves it out, too');
  if (first !== undefined) completeForAddresses(server, place, targets);
  if (server.engine !== undefined && server.timeout === undefined) {
    report.skip(server.fields['persistenceEngine'] ?? place, 'counts only together with persistence_timeout');
  }
  if (isGroup && server.netmask !== undefined) {
    report.skip(server.fields['persistence'] ?? place, 'keepalived itself does not heed it for a group');
  }
  for (const target of targets) {
    const draft = {
      key: keyOf(target, server),
      scheduler: server.scheduler ?? DEFAULT_SCHEDULER,
      schedulerFlags: server.flags,
      onePacket: server.onePacket !== undefined,
      persistence:
        server.timeout === undefined
          ? undefined
          : { timeout: server.timeout, netmask: isGroup ? undefined : server.netmask },
      persistenceEngine: server.timeout === undefined ? undefined : server.engine,
    };
    const destinations = server.reals.map((real) => destinationOf(real, server, target, isGroup));
    services.add({ place: isGroup ? target.place : place, fields: server.fields, draft }, destinations);
  }
}

function targetsOf(statement: Statement, groups: ReadonlyMap<string, Statement>, report: Report): GroupTarget[] {
  const [first = '', second] = statement.values;
  if (first === 'fwmark') return [{ place: statement, mark: decimal(second) }];
  if (first !== 'group') {
    return [{ place: statement, address: first, port: second === undefined ? 0 : decimal(second) }];
  }
  const group = groups.get(second ?? '');
  if (group !== undefined) return groupTargets(group, report);
  report.refuse(statement, `there is no virtual_server_group "${second ?? ''}"`);
  return [];
}

/** What keepalived puts right before it programs services that have an address (`validate_check_config`). */
function completeForAddresses(server: VirtualServer, place: Place, targets: readonly GroupTarget[]): void {
  const { report } = server;
  if (server.protocol === undefined) {
    server.protocol = 'udp';
    report.skip({ ...place, key: 'protocol' }, 'is not given: keepalived takes UDP, and so does this');
  }
  if (server.onePacket !== undefined && server.protocol !== 'udp') {
    report.skip(server.onePacket, 'counts only for UDP');
    delete server.onePacket;
  }
  if (server.timeout === undefined && targets.some((target) => 'port' in target && target.port === 0)) {
    server.timeout = DEFAULT_PERSISTENCE_TIMEOUT;
    report.skip(
      { ...place, key: 'port' },
      `is not given: keepalived makes it persistent (${server.timeout} s) for that`,
    );
  }
}

function keyOf(target: GroupTarget, server: VirtualServer): ServiceKey {
  if ('mark' in target) return { protocol: 'fwmark', mark: target.mark, family: target.family ?? markFamily(server) };
  return { protocol: server.protocol ?? 'udp', address: target.address, port: target.port };
}

/** A mark has the family of its real servers; those behind tunnels count only if there are no others, and all agree. */
function markFamily({ family, reals, forward }: VirtualServer): Family {
  if (family !== undefined) return family;
  const direct = reals.find((real) => (real.forward ?? forward)?.forward !== 'tun');
  if (direct !== undefined) return familyOf(direct.address);
  return reals.every(({ address }) => familyOf(address) === 'ipv6') ? 'ipv6' : 'ipv4';
}

function destinationOf(
  real: RealServer,
  server: VirtualServer,
  target: GroupTarget,
  isGroup: boolean,
): Placed<DestinationDraft> {
  const forward = real.forward ?? server.forward ?? { forward: 'nat' };
  const { place, fields, address, upperThreshold, lowerThreshold } = real;
  const draft = withoutUndefined({
    ...forward,
    address,
    port: portOf(real, forward, target, isGroup),
    weight: real.weight ?? server.weight,
    upperThreshold,
    lowerThreshold,
  });
  return { place, fields: { ...server.fields, ...fields }, draft };
}

/** Undefined: the service's. Only to an address by itself does keepalived complete the port that NAT rewrites to. */
function portOf(real: RealServer, { forward }: Forward, target: GroupTarget, isGroup: boolean): number | undefined {
  if (forward === 'nat') return real.port === 0 && !isGroup ? undefined : real.port;
  if ('address' in target) return real.port;
  if (real.port !== 0) real.report.skip(real.place, `port ${real.port}: ${forward} of a mark has none`);
  return undefined;
}
