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
import { checksOf, type Surroundings, type TrackFile } from './keepalived-checkers.js';
import { type Group, type GroupTarget, groupOf, MISSING_VALUE } from './keepalived-group.js';
import { hookOf } from './keepalived-scripts.js';
import { AT_RUN_TIME, type Block, type BlockOf, type Keywords, readKeepalived, UNKNOWN } from './keepalived-text.js';
import { addressOf, portOf, unsigned } from './keepalived-values.js';
import {
  type RealServer,
  readVirtualServer,
  VIRTUAL_SERVER_BLOCKS,
  type VirtualServer,
} from './keepalived-virtual-server.js';
import { type Place, Report } from './report.js';
import type { OwnPolicy, Policy } from './service-health.js';
import { type CheckedDraft, type Forward, type ServiceDraft, Services } from './services.js';
import { type Handler, handle, named, type Statement } from './statement.js';

const VRRP = 'is VRRP, not IPVS';
const OTHER = 'is not IPVS';

/** Blocks that only count braces here. */
const SKIPPED = [
  'bfd_instance',
  'garp_group',
  'interface_up_down_delays',
  'linkbeat_interfaces',
  'static_ipaddress',
  'static_routes',
  'static_rules',
  'track_group',
  'track_process',
  'vrrp_instance',
  'vrrp_script',
  'vrrp_sync_group',
  'vrrp_track_file',
  'vrrp_track_process',
];

const BLOCKS: Keywords = new Map<string, Block | BlockOf>([
  ...SKIPPED.map((keyword) => [keyword, 'skipped'] as const),
  ['global_defs', new Map([['notification_email', 'skipped']])],
  ['SSL', new Map()],
  ['track_file', new Map()],
  ['virtual_server_group', 'lines'],
  ['virtual_server', (opener, isOpen) => (isOpen && isRefused(opener) ? 'skipped' : VIRTUAL_SERVER_BLOCKS)],
]);

/** Reads a whole file. */
export function importKeepalived(text: string, report: Report): DesiredState {
  const top = readKeepalived(text, BLOCKS, report);
  const groups = groupsOf(top, report);
  const around = surroundingsOf(top, report);
  const services = new Services(report, { goesOn: true });
  const timeouts: SomeTimeouts = {};
  for (const statement of top) {
    if (statement.key === 'global_defs') readGlobals(statement, timeouts, report);
    else if (statement.key === 'virtual_server') addVirtualServer(statement, { groups, around, services, report });
    else if (SURROUNDINGS.has(statement.key)) continue;
    else if (statement.key !== 'virtual_server_group') leaveOut(statement, report);
    else if (!isUsed(statement, top)) report.skip(named(statement), 'no virtual_server has this group');
  }
  return {
    services: services.list,
    ...services.health,
    ...(Object.keys(timeouts).length > 0 && { timeouts: parseTimeouts(timeouts) }),
  };
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

const SURROUNDINGS: ReadonlySet<string> = new Set(['SSL', 'track_file']);

interface Ssl {
  readonly report: Report;
  certificate?: Statement;
  key?: Statement;
}

const SSL: Readonly<Record<string, Handler<Ssl>>> = {
  certificate: (ssl, statement) => {
    ssl.certificate = statement;
  },
  key: (ssl, statement) => {
    ssl.key = statement;
  },
  password: 'a key with a password is not read',
  ca: 'keepalived does not look whether a certificate is valid, and so its checks here do not',
};

/** What checkers take from the rest of the file. */
function surroundingsOf(top: readonly Statement[], report: Report): Surroundings {
  const files = new Map<string, TrackFile>();
  const ssl: Ssl = { report };
  const pass = (inner: Statement) => report.passOver(inner, UNKNOWN);
  for (const statement of top.filter(({ key }) => SURROUNDINGS.has(key))) {
    if (isProblem(statement, report)) continue;
    if (statement.key === 'SSL') handle(statement.block ?? [], SSL, ssl, report, pass);
    else addTrackFile(statement, files, report);
  }
  const around = { files, virtualHost: undefined, ...tellingOf(top, report) };
  const [cert, key] = [ssl.certificate?.values[0], ssl.key?.values[0]];
  if (cert !== undefined && key !== undefined) return { ssl: { cert, key }, ...around };
  const alone = ssl.certificate ?? ssl.key;
  if (alone !== undefined) report.skip(alone, 'a certificate counts only with its key');
  return { ssl: {}, ...around };
}

/** What `global_defs` says of programs that are run, and of a FIFO. */
function tellingOf(top: readonly Statement[], report: Report): Pick<Surroundings, 'account' | 'fifo'> {
  const globals = top.filter(({ key }) => key === 'global_defs').flatMap(({ block = [] }) => block);
  const find = (keyword: string) => globals.findLast(({ key, problem }) => key === keyword && problem === undefined);
  const [user, group] = find('script_user')?.values ?? [];
  const line = find('lvs_notify_fifo');
  const [fifo, owner] = line?.values ?? [];
  const isPath = fifo?.startsWith('/') === true;
  if (line !== undefined && fifo !== undefined && !isPath) report.skip(line, 'is no path from the root');
  if (line !== undefined && owner !== undefined) report.skip(line, 'a FIFO belongs to the user of keep');
  return { account: withoutUndefined({ user, group }), fifo: isPath ? fifo : undefined };
}

function addTrackFile(statement: Statement, files: Map<string, TrackFile>, report: Report): void {
  const { block = [], values } = statement;
  const find = (keyword: string) => block.find(({ key }) => key === keyword)?.values;
  const path = find('file')?.[0];
  const [weight = '1', word] = find('weight') ?? [];
  if (path === undefined) return report.passOver(named(statement), 'has no file: keepalived ignores it');
  // What does not count 0 as it is written cannot be taken; which number it is does not matter.
  files.set(values[0] ?? '', { path, weight: word === 'reverse' ? 1 : Number(weight) });
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
  [/^bfd_instance$/, 'is BFD, which no check hears'],
  [/^track_process$/, VRRP],
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
  lvs_notify_fifo_script: 'a program that reads the FIFO is started by others',
  notify_fifo: 'has the lines of VRRP, too; of lvs_notify_fifo it is taken',
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
    // They are read before, with what is around the checks.
    script_user: (_, inner) => needValue(inner, report),
    lvs_notify_fifo: (_, inner) => needValue(inner, report),
  };
  handle(globals.block ?? [], handlers, timeouts, report, (statement) => {
    if (statement.key.startsWith('lvs_')) report.passOver(statement, UNKNOWN);
    else report.skip(statement, statement.key.startsWith('vrrp_') ? VRRP : OTHER);
  });
}

function needValue(statement: Statement, report: Report): void {
  if (statement.values.length === 0) report.passOver(statement, 'has no value: keepalived ignores it');
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

/** What a virtual server needs of the file, and where it goes. */
interface Setting {
  readonly groups: ReadonlyMap<string, Group>;
  readonly around: Surroundings;
  readonly services: Services;
  readonly report: Report;
}

function addVirtualServer(statement: Statement, setting: Setting): void {
  const { groups, report } = setting;
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
  program(server, targets, isGroup, place, setting);
}

/** Where the address or the mark is none, keepalived counts only the braces of the block (`alloc_vs`: `skip_block`). */
function isRefused(opener: Statement): boolean {
  return opener.values[0] !== 'group' && targetOf(opener, opener, new Report(false)).length === 0;
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
  { services, around }: Setting,
): void {
  const { report, fields } = server;
  if (server.engine !== undefined && server.timeout === undefined) {
    report.skip(fields['persistenceEngine'] ?? place, 'counts only together with persistence_timeout');
  }
  if (isGroup && server.netmask !== undefined) {
    report.skip(fields['persistence'] ?? place, 'keepalived itself does not heed it for a group');
  }
  const { servers, isChecked, sorry } = standing(server);
  const stays = staysOf(server, servers);
  const policy = isChecked ? policyOf(server, servers, stays, around) : undefined;
  refuseUnheard(server, servers, isChecked);
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
    const draftOf = ({ real, weight }: Standing) => destinationOf(real, weight, server, target, isGroup, stays, around);
    services.add(
      { place: isGroup ? target.place : place, fields, draft },
      servers.map(draftOf),
      policy && {
        ...policy,
        sorry: sorry && draftOf(sorry),
      },
    );
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

interface Stand {
  readonly servers: readonly Standing[];
  /** False: whatever their checks say, the sorry server serves. */
  readonly isChecked: boolean;
  /** Serves when too many fail. */
  readonly sorry?: Standing;
}

/** Who serves while every real server is up: with a quorum that they never reach, the sorry server. */
function standing(server: VirtualServer): Stand {
  const { sorry, report } = server;
  const reals = withoutTwins(server).map((real) => ({ real, weight: real.weight ?? server.weight }));
  if (sorry === undefined) return { servers: reals, isChecked: true };
  const total = totalOf(reals);
  const { up, hysteresis } = quorumOf(server, total);
  if (total > 0 && total >= up + hysteresis) {
    const serving = { isChecked: true, sorry: { real: sorry, weight: 1 } };
    // The kernel has one server of an address and a port, whatever the two say besides.
    const isReal = reals.some(({ real }) => real.address === sorry.address && real.port === sorry.port);
    if (sorry.inhibits !== true || isReal) return { servers: reals, ...serving };
    return { servers: [...reals, { real: sorry, weight: 0 }], ...serving };
  }
  report.skip(
    sorry.place,
    'takes the place of the real servers even while they are up: their weights do not reach the quorum',
  );
  const inhibited = reals
    .filter(({ real }) => real.inhibits ?? server.inhibits)
    .map(({ real }) => ({ real, weight: 0 }));
  return { servers: [...inhibited, { real: sorry, weight: 1 }], isChecked: false };
}

function totalOf(standing: readonly Standing[]): number {
  return standing.reduce((sum, { weight }) => sum + weight, 0);
}

/** `validate_check_config`: a quorum above the weights of all is lowered to them, and the hysteresis below the quorum. */
function quorumOf({ quorum, hysteresis }: VirtualServer, total: number) {
  const up = Math.min(quorum, total);
  return { up, hysteresis: Math.max(Math.min(hysteresis, up - 1), 0) };
}

/** Whether real servers that fail stay with weight 0: what all that are checked say, else what the virtual server says. */
function staysOf({ inhibits }: VirtualServer, servers: readonly Standing[]): boolean {
  const said = servers.filter(({ real }) => real.checkers.length > 0).map(({ real }) => real.inhibits ?? inhibits);
  return said[0] !== undefined && said.every((each) => each === said[0]) ? said[0] : inhibits;
}

/** Programs of servers and quorums that nothing is ever known of. */
function refuseUnheard(
  { notify, reals, report }: VirtualServer,
  servers: readonly Standing[],
  isChecked: boolean,
): void {
  const isHeard = (real: RealServer) => isChecked && real.checkers.length > 0;
  const heard = servers.some(({ real }) => isHeard(real)) ? [] : Object.values(notify);
  const own = reals.flatMap((real) => (isHeard(real) ? [] : Object.values(real.notify)));
  for (const { place } of [...heard, ...own]) report.skip(place, 'is not run: no check says anything of it');
}

/** What follows when a real server fails. */
function policyOf(
  server: VirtualServer,
  servers: readonly Standing[],
  stays: boolean,
  { account, fifo }: Surroundings,
): Policy {
  const { up, hysteresis } = quorumOf(server, totalOf(servers));
  const { quorumUp, quorumDown } = server.notify;
  const notify = withoutUndefined({
    quorumUp: hookOf(quorumUp, account),
    quorumDown: hookOf(quorumDown, account),
    fifo,
  });
  return {
    onFailure: { quiesce: true, removeAfter: stays ? 'never' : 0 },
    quorum: { up: Math.min(Math.max(up, 1), 0x7fffffff), hysteresis: Math.min(hysteresis, 0x7fffffff) },
    ...(Object.keys(notify).length > 0 && { notify }),
  };
}

/** What a real server has otherwise than its virtual server. */
function ownPolicyOf(
  { inhibits: own, notify }: RealServer,
  { inhibits: usual }: VirtualServer,
  stays: boolean,
  { account }: Surroundings,
): OwnPolicy {
  const told = withoutUndefined({ up: hookOf(notify.up, account), down: hookOf(notify.down, account) });
  const inhibits = own ?? usual;
  return {
    ...(inhibits !== stays && { onFailure: { removeAfter: inhibits ? ('never' as const) : 0 } }),
    ...(Object.keys(told).length > 0 && { notify: told }),
  };
}

function destinationOf(
  real: RealServer,
  weight: number,
  server: VirtualServer,
  target: GroupTarget,
  isGroup: boolean,
  stays: boolean,
  around: Surroundings,
): CheckedDraft {
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
  const virtualHost = real.virtualHost ?? server.virtualHost;
  return {
    place,
    fields: { ...server.fields, ...fields },
    draft,
    own: ownPolicyOf(real, server, stays, around),
    checks: (destination) => checksOf(real, destination, [real.timing, server.timing], { ...around, virtualHost }),
  };
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
