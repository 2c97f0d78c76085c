/**
 * What ipvsadm gathers while it reads options from left to right. Later options see what earlier ones did, which is why
 * their order matters now and then (ipvsadm.c 1.31, `parse_options`).
 * @module
 */
import { type Family, familyOf, formatIP, parseIPv4, parseIPv6 } from '../address/ip.js';
import { describeMask } from '../address/network.js';
import { INT_MAX, type NormalDestination, type Tunnel } from '../model/destination.js';
import type { SchedulerFlag } from '../model/service.js';
import {
  familyOfKey,
  makeServiceKey,
  type NormalServiceKey,
  type Protocol,
  type ServiceKey,
} from '../model/service-key.js';
import type { DaemonRole } from '../model/sync-daemon.js';
import type { Timeouts } from '../model/timeouts.js';
import { CommandError } from './command-error.js';
import { type HostPort, readHostPort, readIPv4 } from './host-port.js';
import type { Names } from './names.js';
import { leadingNumber, readNumber } from './numbers.js';
import type { OptionId, OptionName } from './options.js';

/** Seconds in 31 days: ipvsadm takes no longer timeout. */
const LONGEST = 31 * 24 * 60 * 60;

/** Names are cut to what the kernel's structures hold, silently (libipvs/ip_vs.h). */
const NAME_LENGTH = { scheduler: 15, engine: 16, interface: 15 };

/**
 * `ipvsadm`: what ipvsadm takes. `saved`: also what ipvsadm writes about services of other programs and does not take again:
 * `-p 0`, `-o` for TCP, thresholds from 2^31 on, `-b` without flags.
 */
export type Dialect = 'ipvsadm' | 'saved';

/** The options so far. A number or a name that is not given is 0 or empty, as in ipvsadm. */
export interface Draft {
  readonly dialect: Dialect;
  readonly given: OptionName[];

  key: NormalServiceKey | undefined;
  scheduler: string;
  /** What -b says, and what it means: read at the end, since -s may follow. */
  schedulerFlagsText: string;
  schedulerFlags: readonly SchedulerFlag[];
  onePacket: boolean;
  /** Undefined until -p is given. */
  persistenceTimeout: number | undefined;
  netmask: number | string;
  engine: string;

  server: HostPort | undefined;
  forward: NormalDestination['forward'];
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
  /** Undefined until one of the tunnel's options is given. */
  tunnel: TunnelDraft | undefined;

  /** Undefined until one of the sync daemon's options is given. */
  daemon: DaemonDraft | undefined;
  role: DaemonRole;

  timeouts: Timeouts;
}

/** The part of a {@link Draft} that is about a real server's tunnel. */
export interface TunnelDraft {
  type: Tunnel['type'];
  port: number;
  checksum: 'none' | 'csum' | 'remcsum';
}

/** The part of a {@link Draft} that is about a sync daemon. */
export interface DaemonDraft {
  interface: string;
  syncId: number;
  maxLength: number;
  group: string | undefined;
  port: number;
  ttl: number;
}

/** Nothing given yet. Made for each line of a restore, so that what few lines need is left out until they do. */
export function newDraft(dialect: Dialect = 'ipvsadm'): Draft {
  return {
    dialect,
    given: [],
    key: undefined,
    scheduler: '',
    schedulerFlagsText: '',
    schedulerFlags: NO_FLAGS,
    onePacket: false,
    persistenceTimeout: undefined,
    netmask: 32,
    engine: '',
    server: undefined,
    forward: 'dr',
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    tunnel: undefined,
    daemon: undefined,
    role: 'master',
    timeouts: NO_TIMEOUTS,
  };
}

const NO_FLAGS: readonly SchedulerFlag[] = [];
const NO_TIMEOUTS: Timeouts = { tcp: 0, tcpFin: 0, udp: 0 };

/** The tunnel of a draft, as far as it is known. */
export function tunnelOf(draft: Draft): TunnelDraft {
  draft.tunnel ??= { type: 'ipip', port: 0, checksum: 'none' };
  return draft.tunnel;
}

/** The daemon of a draft, as far as it is known. */
export function daemonOf(draft: Draft): DaemonDraft {
  draft.daemon ??= { interface: '', syncId: 0, maxLength: 0, group: undefined, port: 0, ttl: 0 };
  return draft.daemon;
}

/** What an option does. The value is empty for an option that takes none. */
type Apply = (draft: Draft, value: string, names: Names) => void;

/** Acts on one option. Throws {@link CommandError}. */
export function applyOption(draft: Draft, id: OptionId, value: string, names: Names): void {
  APPLY[id](draft, value, names);
}

/** For options of which it matters only whether they were given; that is noted by their name. */
const doNothing: Apply = () => {};

const APPLY: Readonly<Record<OptionId, Apply>> = {
  'tcp-service': endpointService('tcp'),
  'udp-service': endpointService('udp'),
  'sctp-service': endpointService('sctp'),
  'fwmark-service': (draft, value) => {
    const mark = readNumber(value, 1, 0xffffffff, `invalid fwmark value \`${value}' specified`);
    draft.key = makeServiceKey({ protocol: 'fwmark', mark, family: 'ipv4' });
  },
  ipv6: (draft) => {
    // The message has an empty line behind it.
    if (draft.key?.protocol !== 'fwmark') throw new CommandError('-6 used before -f\n');
    draft.key = makeServiceKey({ protocol: 'fwmark', mark: draft.key.mark, family: 'ipv6' });
    draft.netmask = 128;
  },

  scheduler: (draft, value) => {
    draft.scheduler = value.slice(0, NAME_LENGTH.scheduler);
  },
  persistent: (draft, value) => {
    draft.persistenceTimeout = readTimeout(value, draft.dialect === 'saved' ? 0 : 1);
  },
  netmask: applyNetmask,
  pe: (draft, value) => {
    draft.engine = value.slice(0, NAME_LENGTH.engine);
  },
  ops: (draft) => {
    draft.onePacket = true;
  },
  'sched-flags': (draft, value) => {
    draft.schedulerFlagsText = value;
  },

  'real-server': applyServer,
  gatewaying: forwardBy('dr'),
  ipip: forwardBy('tun'),
  masquerading: forwardBy('nat'),
  // Debian's limit; upstream's 1.31 stops at 65535.
  weight: (draft, value) => {
    draft.weight = readNumber(value, 0, INT_MAX, 'illegal weight specified');
  },
  'u-threshold': (draft, value) => {
    draft.upperThreshold = readNumber(value, 0, greatestThreshold(draft), 'illegal u_threshold specified');
  },
  'l-threshold': (draft, value) => {
    draft.lowerThreshold = readNumber(value, 0, greatestThreshold(draft), 'illegal l_threshold specified');
  },
  'tun-type': (draft, value) => {
    if (value !== 'ipip' && value !== 'gue' && value !== 'gre') {
      throw new CommandError('illegal tunnel type specified');
    }
    tunnelOf(draft).type = value;
  },
  'tun-port': (draft, value) => {
    tunnelOf(draft).port = readNumber(value, 1, 65535, 'illegal tunnel port specified');
  },
  'tun-nocsum': checksum('none'),
  'tun-csum': checksum('csum'),
  'tun-remcsum': checksum('remcsum'),

  'mcast-interface': (draft, value) => {
    daemonOf(draft).interface = value.slice(0, NAME_LENGTH.interface);
  },
  syncid: (draft, value) => {
    daemonOf(draft).syncId = readNumber(value, 0, 255, 'illegal syncid specified');
  },
  'sync-maxlen': (draft, value) => {
    daemonOf(draft).maxLength = readNumber(value, 1, 65507, 'illegal sync-maxlen specified');
  },
  'mcast-group': applyGroup,
  'mcast-port': (draft, value) => {
    daemonOf(draft).port = readNumber(value, 1, 65535, 'illegal mcast-port specified');
  },
  'mcast-ttl': (draft, value) => {
    daemonOf(draft).ttl = readNumber(value, 1, 255, 'illegal mcast-ttl specified');
  },

  numeric: doNothing,
  connection: doNothing,
  timeout: doNothing,
  daemon: doNothing,
  stats: doNothing,
  rate: doNothing,
  exact: doNothing,
  thresholds: doNothing,
  'persistent-conn': doNothing,
  'tun-info': doNothing,
  nosort: doNothing,
  sort: doNothing,
};

/** The kernel's field is unsigned. */
function greatestThreshold({ dialect }: Draft): number {
  return dialect === 'saved' ? 0xffffffff : INT_MAX;
}

/** Seconds from `min` to 31 days. */
function readTimeout(text: string, min: number): number {
  return readNumber(text, min, LONGEST, `invalid timeout value \`${text}' specified`);
}

function forwardBy(forward: 'dr' | 'tun' | 'nat'): Apply {
  return (draft) => {
    draft.forward = forward;
  };
}

function checksum(kind: TunnelDraft['checksum']): Apply {
  return (draft) => {
    tunnelOf(draft).checksum = kind;
  };
}

function endpointService(protocol: Protocol): Apply {
  // Rules name one service line after line.
  let last: { text: string; names: Names; key: NormalServiceKey; family: Family } | undefined;
  return (draft, text, names) => {
    if (last === undefined || last.text !== text || last.names !== names) {
      const message = 'illegal virtual server address[:port] specified';
      const { address, port } = readHostPort(text, protocol, names, 0, message);
      last = { text, names, key: makeServiceKey({ protocol, address, port }), family: familyOf(address) };
    }
    draft.key = last.key;
    // An IPv6 address sets the mask, so that a mask given before it is lost.
    if (last.family === 'ipv6') draft.netmask = 128;
  };
}

function applyServer(draft: Draft, value: string, names: Names): void {
  // Names of ports are looked up for the service's protocol, so not before it is known; TCP counts for a mark.
  const protocol = portNameProtocol(draft.key);
  const message = 'illegal real server address[:port] specified';
  draft.server = readHostPort(value, protocol, names, portOfKey(draft.key), message);
}

function portNameProtocol(key: ServiceKey | undefined): Protocol | undefined {
  switch (key?.protocol) {
    case 'fwmark':
    case 'tcp':
      return 'tcp';
    case 'udp':
    case 'sctp':
      return key.protocol;
    default:
      return undefined;
  }
}

function portOfKey(key: ServiceKey | undefined): number {
  return key === undefined || key.protocol === 'fwmark' ? 0 : key.port;
}

function applyNetmask(draft: Draft, value: string, names: Names): void {
  if (draft.key !== undefined && familyOfKey(draft.key) === 'ipv6') {
    const prefix = leadingNumber(value);
    if (prefix < 1 || prefix > 128) throw new CommandError('illegal ipv6 netmask specified');
    draft.netmask = prefix;
  } else {
    const mask = readIPv4(value, names, 'illegal virtual server persistent mask specified');
    draft.netmask = describeMask(parseIPv4(mask) ?? new Uint8Array(4));
  }
}

function applyGroup(draft: Draft, value: string): void {
  const isIPv6 = value.includes(':');
  const bytes = isIPv6 ? parseIPv6(value) : parseIPv4(value);
  const first = bytes?.[0] ?? 0;
  const isMulticast = isIPv6 ? first === 0xff : first >= 224 && first <= 239;
  if (bytes === undefined || !isMulticast) {
    throw new CommandError(`invalid ${isIPv6 ? 'IPv6' : 'IPv4'} mcast-group \`${value}'`);
  }
  daemonOf(draft).group = formatIP(bytes);
}

/** The three values of --set; 0 leaves a timeout as it is. Throws {@link CommandError}. */
export function readTimeouts(words: readonly string[]): Timeouts {
  const [tcp, tcpFin, udp] = words;
  if (tcp === undefined || tcpFin === undefined || udp === undefined) {
    throw new CommandError('--set option requires 3 timeout values');
  }
  return { tcp: readTimeout(tcp, 0), tcpFin: readTimeout(tcpFin, 0), udp: readTimeout(udp, 0) };
}
