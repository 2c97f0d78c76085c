/**
 * What a command line asks for, made from its options: the checks that need to see them all together.
 * @module
 */
import { familyOf } from '../address/ip.js';
import type { NormalChange } from '../model/change.js';
import { makeDestination, type NormalDestination, type NormalTunnel } from '../model/destination.js';
import { DEFAULT_SCHEDULER, makeService, type NormalService, type ServiceSettings } from '../model/service.js';
import { familyOfKey, type NormalServiceKey } from '../model/service-key.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import { withoutZeros } from '../model/timeouts.js';
import { checkTunnelOptions } from './combinations.js';
import { CommandError } from './command-error.js';
import { type Draft, daemonOf, tunnelOf } from './draft.js';
import type { HostPort } from './host-port.js';
import type { OptionName, Verb } from './options.js';

/** `ipvsadm -L` and what it shall show. */
export interface ListCommand {
  readonly verb: 'list';
  readonly subject: 'services' | 'connections' | 'timeouts' | 'daemons';
  /** Of services, only this one. */
  readonly key?: NormalServiceKey;
  /** What to tell about each; the usual columns when absent. With connections, `persistent-conn` alone has a meaning. */
  readonly columns?: ListColumns;
  readonly numeric: boolean;
  readonly exact: boolean;
  readonly sort: boolean;
}

/** In ipvsadm's order of precedence, should several be given (`print_title`). */
const LIST_COLUMNS = ['stats', 'rate', 'thresholds', 'persistent-conn', 'tun-info'] as const;
/** What `ipvsadm -L` can tell instead of its usual columns. */
export type ListColumns = (typeof LIST_COLUMNS)[number];

/** Everything that a command line can ask for. */
export type Command =
  | NormalChange
  | ListCommand
  | { readonly verb: 'save'; readonly numeric: boolean }
  | { readonly verb: 'restore' }
  | { readonly verb: 'help' }
  | { readonly verb: 'version' };

/** The command of a verb whose options were found legal. Throws {@link CommandError}, as ipvsadm 1.31 does next. */
export function buildCommand(verb: Verb, draft: Draft): Command {
  switch (verb) {
    case 'add-service':
      return { verb, service: buildService(draft) };
    case 'edit-service':
      return { verb: 'update-service', service: buildService(draft) };
    case 'delete-service':
      return { verb, key: keyOf(draft) };
    case 'add-server':
      return { verb: 'add-destination', key: keyOf(draft), destination: buildDestination(draft) };
    case 'edit-server':
      return { verb: 'update-destination', key: keyOf(draft), destination: buildDestination(draft) };
    case 'delete-server':
      return { verb: 'delete-destination', key: keyOf(draft), destination: serverOf(draft) };
    case 'clear':
      return { verb: 'flush' };
    case 'zero':
      return draft.key === undefined ? { verb } : { verb, key: draft.key };
    case 'set':
      return { verb: 'set-timeouts', timeouts: withoutZeros(draft.timeouts) };
    case 'start-daemon':
      return { verb, daemon: buildDaemon(draft) };
    case 'stop-daemon':
      return { verb, role: draft.role };
    case 'list':
      return buildList(draft);
    case 'save':
      return { verb, numeric: draft.given.includes('numeric') };
    case 'restore':
    case 'help':
    case 'version':
      return { verb };
  }
}

/** For what is put together here step by step: faster than spreads, which a restore of thousands of lines feels. */
type Mutable<T> = { -readonly [Field in keyof T]: T[Field] };

/** A service is there wherever this is asked: `checkCommandOptions` has seen to it. */
function keyOf({ key }: Draft): NormalServiceKey {
  if (key === undefined) throw new CommandError('illegal virtual server address[:port] specified');
  return key;
}

/** As {@link keyOf}, for the real server. */
function serverOf({ server }: Draft): HostPort {
  if (server === undefined) throw new CommandError('illegal real server address[:port] specified');
  return server;
}

function buildService(draft: Draft): NormalService {
  const key = keyOf(draft);
  const { schedulerFlags, persistenceTimeout, netmask, engine, onePacket } = draft;
  if (key.protocol !== 'fwmark' && key.port === 0 && persistenceTimeout === undefined) {
    throw new CommandError('Zero port specified for non-persistent service');
  }
  if (onePacket && draft.dialect === 'ipvsadm' && key.protocol !== 'fwmark' && key.protocol !== 'udp') {
    throw new CommandError('One-Packet Scheduling is only for UDP virtual services');
  }
  const scheduler = draft.scheduler || DEFAULT_SCHEDULER;
  const settings: Mutable<ServiceSettings> = { scheduler };
  if (schedulerFlags.length > 0) settings.schedulerFlags = schedulerFlags;
  if (onePacket) settings.onePacket = true;
  if (persistenceTimeout !== undefined) settings.persistence = { timeout: persistenceTimeout, netmask };
  if (engine !== '') settings.persistenceEngine = engine;
  return makeService(key, settings);
}

function buildDestination(draft: Draft): NormalDestination {
  const key = keyOf(draft);
  const { address, port } = serverOf(draft);
  const { forward, weight, upperThreshold, lowerThreshold } = draft;
  if (forward !== 'tun') {
    if (familyOf(address) !== familyOfKey(key)) {
      throw new CommandError('Different address family is allowed only for tunneling servers');
    }
    if (draft.tunnel !== undefined) throw new CommandError('Tunnel options conflict with forward method');
  }
  // DR and TUN leave the port as it is, so ipvsadm corrects it and says nothing.
  const keepsPort = forward !== 'nat' && key.protocol !== 'fwmark';
  const kept = keepsPort ? key.port : port;
  // No spreads: a restore of thousands of lines feels them.
  return forward === 'tun'
    ? makeDestination({
        address,
        port: kept,
        weight,
        forward,
        tunnel: buildTunnel(draft),
        upperThreshold,
        lowerThreshold,
      })
    : makeDestination({ address, port: kept, weight, forward, tunnel: undefined, upperThreshold, lowerThreshold });
}

function buildTunnel(draft: Draft): NormalTunnel {
  const { type, port, checksum } = tunnelOf(draft);
  checkTunnelOptions(type, draft.given);
  switch (type) {
    case 'ipip':
      return { type };
    case 'gue':
      return { type, port, checksum };
    case 'gre':
      // --tun-remcsum is refused with gre.
      return { type, checksum: checksum === 'csum' ? 'csum' : 'none' };
  }
}

function buildDaemon(draft: Draft): NormalSyncDaemon {
  const { syncId, maxLength, group, port, ttl, interface: device } = daemonOf(draft);
  return {
    role: draft.role,
    interface: device || 'eth0',
    syncId,
    ...(maxLength > 0 && { maxLength }),
    ...(group !== undefined && { group }),
    ...(port > 0 && { port }),
    ...(ttl > 0 && { ttl }),
  };
}

function buildList({ given, key }: Draft): ListCommand {
  const has = (...names: OptionName[]) => names.some((name) => given.includes(name));
  const conflict =
    (has('connection', 'timeout', 'daemon') && has('stats', 'rate', 'thresholds')) ||
    (has('timeout', 'daemon') && has('persistent-conn'));
  if (conflict) throw new CommandError('options conflicts in the list command');
  const columns = LIST_COLUMNS.find((name) => given.includes(name));
  return {
    verb: 'list',
    subject: has('connection') ? 'connections' : has('timeout') ? 'timeouts' : has('daemon') ? 'daemons' : 'services',
    ...(key !== undefined && { key }),
    ...(columns !== undefined && { columns }),
    numeric: has('numeric'),
    exact: has('exact'),
    sort: !has('nosort'),
  };
}
