/**
 * keepalived.conf -> desired state. What is taken, and every default, is as in keepalived 2.2.7 and 2.4.3 (check_parser.c,
 * check_data.c, ipwrapper.c, ipvswrapper.c).
 * @module
 */
import { familyOf } from '../../address/ip.js';
import type { DesiredState } from '../../config/desired-state.js';
import { withoutUndefined } from '../../model/parse.js';
import { DEFAULT_PERSISTENCE_TIMEOUT, DEFAULT_SCHEDULER, MAX_PERSISTENCE_TIMEOUT } from '../../model/service.js';
import type { ServiceKey } from '../../model/service-key.js';
import { parseTimeouts, type Timeouts } from '../../model/timeouts.js';
import { type Group, type GroupTarget, groupOf, MISSING_VALUE } from './keepalived-group.js';
import { type Block, type Keywords, readKeepalived } from './keepalived-text.js';
import { addressOf, portOf, unsigned } from './keepalived-values.js';
import {
  type RealServer,
  readVirtualServer,
  UNKNOWN,
  VIRTUAL_SERVER_BLOCKS,
  type VirtualServer,
} from './keepalived-virtual-server.js';
import { HEALTH_CHECKING, type Place, type Report } from './report.js';
import { type DestinationDraft, type Forward, type Placed, type ServiceDraft, Services } from './services.js';
import { type Handler, handle, named, type Statement } from './statement.js';

const VRRP = 'is VRRP, not IPVS';
const OTHER = 'is not IPVS';
const AT_RUN_TIME = 'says how keepalived itself runs';

/** Blocks that only count braces here. */
const SKIPPED = [
  'SSL',
  'bfd_instance',
  'garp_group',
  'interface_up_down_delays',
  'linkbeat_interfaces',
  'static_ipaddress',
  'static_routes',
  'static_rules',
  'track_file',
  'track_group',
  'track_process',
  'vrrp_instance',
  'vrrp_script',
  'vrrp_sync_group',
  'vrrp_track_file',
  'vrrp_track_process',
];

const BLOCKS: Keywords = new Map<string, Block>([
  ...SKIPPED.map((keyword) => [keyword, 'skipped'] as const),
  ['global_defs', new Map([['notification_email', 'skipped']])],
  ['virtual_server_group', 'lines'],
  ['virtual_server', VIRTUAL_SERVER_BLOCKS],
]);

/** Reads a whole file. */
export function importKeepalived(text: string, report: Report): DesiredState {
  const top = readKeepalived(text, BLOCKS, report);
  const groups = groupsOf(top, report);
  const services = new Services(report, { goesOn: true });
  const timeouts: SomeTimeouts = {};
  for (const statement of top) {
    if (statement.key === 'global_defs') readGlobals(statement, timeouts, report);
    else if (statement.key === 'virtual_server') addVirtualServer(statement, groups, services, report);
    else if (statement.key !== 'virtual_server_group') leaveOut(statement, report);
    else if (!isUsed(statement, top)) report.skip(named(statement), 'no virtual_server has this group');
  }
  return { services: services.list, ...(Object.keys(timeouts).length > 0 && { timeouts: parseTimeouts(timeouts) }) };
}

/** Groups by name; of two with one name the first counts. */
function groupsOf(top: readonly Statement[], report: Report): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>();
  for (const statement of top.filter(({ key }) => key === 'virtual_server_group')) {
    if (isProblem(statement, report)) continue;
    if (statement.values.length === 0) report.refuse(statement, MISSING_VALUE);
    const group = groupOf(statement, report);
    if (group !== undefined && groups.has(group.name))
      report.passOver(named(statement), 'is there already: the first counts');
    else if (group !== undefined) groups.set(group.name, group);
  }
  return groups;
}

function isUsed({ values: [name] }: Statement, top: readonly Statement[]): boolean {
  return top.some(({ key, values }) => key === 'virtual_server' && values[0] === 'group' && values[1] === name);
}

function isProblem(statement: Statement, report: Report): boolean {
  if (statement.problem !== undefined) report.refuse(statement, statement.problem);
  return statement.problem !== undefined;
}

/** What else stands at the top of the file. */
const TOP: readonly (readonly [RegExp, string])[] = [
  [/^(vrrp_\w+|static_\w+|garp_group|track_group|linkbeat_\w+|interface_up_down_delays)$/, VRRP],
  [/^(SSL|bfd_instance|track_file|track_process)$/, HEALTH_CHECKING],
  [/^(net_namespace|namespace_with_ipsets|net_namespace_ipvs|instance|use_pid_dir|child_wait_time)$/, AT_RUN_TIME],
  [/^(config_save_dir|tmp_config_directory|include_check|umask|random_seed|process_names)$/, AT_RUN_TIME],
];

function leaveOut(statement: Statement, report: Report): void {
  const why = TOP.find(([keys]) => keys.test(statement.key))?.[1];
  if (why !== undefined) report.skip(named(statement), why);
  else if (!isProblem(statement, report)) report.passOver(statement, UNKNOWN);
}

type SomeTimeouts = { -readonly [Name in keyof Timeouts]?: Timeouts[Name] };

const GLOBALS: Readonly<Record<string, string>> = {
  lvs_sync_daemon: 'its role follows VRRP: say under daemons which role this director has',
  lvs_flush: AT_RUN_TIME,
  lvs_flush_on_stop: AT_RUN_TIME,
  net_namespace_ipvs: 'the state file does not say in which namespace it holds: --netns does',
  nftables_ipvs: 'each address of a group becomes a service of its own, not a mark',
  nftables_ipvs_start_fwmark: 'each address of a group becomes a service of its own, not a mark',
};

function readGlobals(globals: Statement, timeouts: SomeTimeouts, report: Report): void {
  const handlers: Record<string, Handler<SomeTimeouts>> = {
    ...GLOBALS,
    lvs_timeouts: (to, inner) => takeTimeouts(to, inner, report),
  };
  handle(globals.block ?? [], handlers, timeouts, report, (statement) => {
    if (statement.key.startsWith('lvs_')) report.passOver(statement, UNKNOWN);
    else report.skip(statement, statement.key.startsWith('vrrp_') ? VRRP : OTHER);
  });
}

const TIMEOUTS: ReadonlyMap<string, keyof Timeouts> = new Map([
  ['tcp', 'tcp'],
  ['tcpfin', 'tcpFin'],
  ['udp', 'udp'],
]);

/** `tcp 900 tcpfin 120 udp 300`, any of them; 0 leaves one as it is. */
function takeTimeouts(timeouts: SomeTimeouts, statement: Statement, report: Report): void {
  const { values } = statement;
  if (values.length < 2) return report.passOver(statement, 'names no timeout: keepalived ignores it');
  for (let index = 0; index < values.length; index++) {
    const name = TIMEOUTS.get(values[index] ?? '');
    const text = values[index + 1];
    if (name === undefined)
      report.passOver(statement, `"${values[index]}" is none of tcp, tcpfin, udp: keepalived ignores it`);
    else if (text === undefined) report.passOver(statement, `${values[index]} has no value: keepalived ignores it`);
    else {
      const seconds = unsigned(text, { min: 0, max: MAX_PERSISTENCE_TIMEOUT }, statement, report);
      if (seconds === 0) delete timeouts[name];
      else if (seconds !== undefined) timeouts[name] = seconds;
      index++;
    }
  }
}

function addVirtualServer(
  statement: Statement,
  groups: ReadonlyMap<string, Group>,
  services: Services,
  report: Report,
): void {
  if (isProblem(statement, report)) return;
  const place = named(statement);
  const [first, second] = statement.values;
  if (first === undefined || ((first === 'group' || first === 'fwmark') && second === undefined)) {
    return report.refuse(statement, MISSING_VALUE);
  }
  const isGroup = first === 'group';
  const group = isGroup ? groups.get(second ?? '') : undefined;
  if (isGroup && group === undefined) {
    return report.passOver(place, `there is no virtual_server_group "${second}": keepalived leaves it out`);
  }
  const targets = group?.targets ?? targetOf(statement, place, report);
  const [target] = targets;
  if (target === undefined) return;
  const family = !isGroup && 'address' in target ? familyOf(target.address) : undefined;
  const server = readVirtualServer(statement, family, report);
  if (server.reals.length === 0) return report.skip(place, 'has no real servers: keepalived leaves it out, too');
  if (group !== undefined && !joinsFamily(group, server, place)) return;
  if (targets.some((one) => 'address' in one)) completeForAddresses(server, place, targets);
  program(server, targets, isGroup, place, services);
}

/** The one address or mark that a virtual server names. */
function targetOf({ values }: Statement, place: Place, report: Report): GroupTarget[] {
  const [first = '', second] = values;
  if (first === 'fwmark') {
    const mark = unsigned(second ?? '', { min: 0, max: 0xffffffff, isLoose: true }, place, report);
    return mark === undefined ? [] : [{ place, mark }];
  }
  const address = addressOf(first, place, report);
  const port = portOf(second, place, report);
  if (address === undefined) report.passOver(place, `"${first}" is not an address: keepalived leaves it out`);
  return address === undefined || port === undefined ? [] : [{ place, address, port }];
}

/** `link_vsg_to_vs`: whether the families of a group and of the servers agree. */
function joinsFamily({ families }: Group, server: VirtualServer, place: Place): boolean {
  const [family] = families;
  if (families.size === 0) return true;
  if (server.family === undefined) {
    if (families.size === 1 && family !== undefined) server.family = family;
    return true;
  }
  if (families.size === 1 && family === server.family) return true;
  server.report.passOver(place, `is ${server.family}, its group is not: keepalived leaves it out`);
  return false;
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

/** What keepalived puts into the kernel for a virtual server: a service for each target. */
function program(
  server: VirtualServer,
  targets: readonly GroupTarget[],
  isGroup: boolean,
  place: Place,
  services: Services,
): void {
  const { report, fields } = server;
  if (server.engine !== undefined && server.timeout === undefined) {
    report.skip(fields['persistenceEngine'] ?? place, 'counts only together with persistence_timeout');
  }
  if (isGroup && server.netmask !== undefined) {
    report.skip(fields['persistence'] ?? place, 'keepalived itself does not heed it for a group');
  }
  const servers = standing(server);
  for (const target of targets) {
    const draft: ServiceDraft = {
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
    const destinations = servers.map(({ real, weight }) => destinationOf(real, weight, server, target, isGroup));
    services.add({ place: isGroup ? target.place : place, fields, draft }, destinations);
  }
}

function keyOf(target: GroupTarget, server: VirtualServer): ServiceKey {
  if ('mark' in target) {
    return { protocol: 'fwmark', mark: target.mark, family: target.family ?? server.family ?? 'ipv4' };
  }
  return { protocol: server.protocol ?? 'udp', address: target.address, port: target.port };
}

/** Of two with one address and port the first counts, even where the ports do not count. */
function withoutTwins({ reals, report }: VirtualServer): RealServer[] {
  return reals.filter((real, index) => {
    const first = reals.findIndex(({ address, port }) => address === real.address && port === real.port);
    if (first !== index) report.skip(real.place, 'is in this virtual server already: the first counts');
    return first === index;
  });
}

interface Standing {
  readonly real: RealServer;
  readonly weight: number;
}

/** Who serves while every real server is up: with a quorum that they never reach, the sorry server. */
function standing(server: VirtualServer): Standing[] {
  const { sorry, report } = server;
  const reals = withoutTwins(server).map((real) => ({ real, weight: real.weight ?? server.weight }));
  const total = reals.reduce((sum, { weight }) => sum + weight, 0);
  if (sorry === undefined) return reals;
  const quorum = Math.min(server.quorum, total);
  if (total > 0 && total >= quorum + Math.min(server.hysteresis, quorum - 1)) {
    if (sorry.inhibits !== true) {
      report.skip(sorry.place, 'takes the place of real servers that fail, which only health checking finds out');
      return reals;
    }
    report.skip(sorry.place, 'stands there with weight 0 (sorry_server_inhibit): only health checking gives it more');
    return [...reals, { real: sorry, weight: 0 }];
  }
  report.skip(
    sorry.place,
    'takes the place of the real servers even while they are up: their weights do not reach the quorum',
  );
  const inhibited = reals
    .filter(({ real }) => real.inhibits ?? server.inhibits)
    .map(({ real }) => ({ real, weight: 0 }));
  return [...inhibited, { real: sorry, weight: 1 }];
}

function destinationOf(
  real: RealServer,
  weight: number,
  server: VirtualServer,
  target: GroupTarget,
  isGroup: boolean,
): Placed<DestinationDraft> {
  const { place, fields, address, upperThreshold, lowerThreshold } = real;
  const { forward = 'nat', tunnel } = real.forward === undefined ? server : real;
  const draft = withoutUndefined({
    address,
    forward,
    ...(forward === 'tun' && { tunnel }),
    port: serverPort(real, forward, target, isGroup || real === server.sorry),
    weight,
    upperThreshold,
    lowerThreshold,
  });
  return { place, fields: { ...server.fields, ...fields }, draft };
}

/** Undefined: the service's. Only for a real server of an address by itself does keepalived complete the port that NAT rewrites to. */
function serverPort(
  real: RealServer,
  forward: Forward['forward'],
  target: GroupTarget,
  keepsZero: boolean,
): number | undefined {
  if (forward === 'nat') return real.port === 0 && !keepsZero ? undefined : real.port;
  if ('address' in target) return real.port;
  if (real.port !== 0) real.report.skip(real.place, `port ${real.port}: ${forward} of a mark has none`);
  return undefined;
}
