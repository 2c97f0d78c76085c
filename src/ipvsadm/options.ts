/**
 * Every command and option of ipvsadm 1.31 (ipvsadm.c, `parse_options`), as data: the parser, the help, the shell
 * completion and the manual all read this one table.
 * @module
 */
import { DEFAULT_PERSISTENCE_TIMEOUT, SCHEDULER_FLAGS } from '../model/service.js';
import { DAEMON_ROLES } from '../model/sync-daemon.js';

/** Whether an option takes a value. An `optional` one takes the next word unless that begins with `-` (popt 1.19). */
export type ValueKind = 'none' | 'required' | 'optional';

/**
 * The names by which ipvsadm 1.31 calls options in its messages, in the order in which it checks them. Several options
 * share a name where only one of them may be given (`-t`, `-u`, `--sctp-service`, `-f`: `service-address`).
 */
export const OPTION_NAMES = [
  'numeric',
  'connection',
  'service-address',
  'scheduler',
  'persistent',
  'netmask',
  'real-server',
  'forwarding-method',
  'weight',
  'u-threshold',
  'l-threshold',
  'mcast-interface',
  'timeout',
  'daemon',
  'stats',
  'rate',
  'thresholds',
  'persistent-conn',
  'nosort',
  'syncid',
  'exact',
  'ops',
  'pe',
  'sched-flags',
  'mcast-group',
  'mcast-port',
  'mcast-ttl',
  'sync-maxlen',
  'tun-info',
  'tun-type',
  'tun-port',
  'tun-nocsum',
  'tun-csum',
  'tun-remcsum',
] as const;
/** One of {@link OPTION_NAMES}. */
export type OptionName = (typeof OPTION_NAMES)[number];

/** One row of {@link COMMANDS} or {@link OPTIONS}. */
export interface OptionSpec {
  /** Without the dashes; popt wants it whole, abbreviations are unknown options. */
  readonly long: string;
  /** Letters that mean the same; none for what has only a long name. */
  readonly short: readonly string[];
  readonly value: ValueKind;
  /** What an `optional` value is when it is not given. */
  readonly fallback?: string;
  /** What stands for the value, or for the words after it, in the help. */
  readonly placeholder?: string;
  /** The values it knows, for completion; `list` values may be joined by commas. */
  readonly choices?: readonly string[];
  readonly list?: true;
  /** One line for people. */
  readonly help: string;
}

/** The commands. The first option of a command line must be one of these, and none may follow. */
export const COMMANDS = [
  { long: 'add-service', short: ['A'], value: 'none', name: 'add-service', help: 'add a virtual service' },
  {
    long: 'edit-service',
    short: ['E'],
    value: 'none',
    name: 'edit-service',
    help: 'replace the settings of a service',
  },
  { long: 'delete-service', short: ['D'], value: 'none', name: 'delete-service', help: 'delete a virtual service' },
  { long: 'clear', short: ['C'], value: 'none', name: 'flush', help: 'delete every service' },
  { long: 'restore', short: ['R'], value: 'none', name: 'restore', help: 'read rules from standard input' },
  { long: 'save', short: ['S'], value: 'none', name: 'save', help: 'write rules to standard output' },
  { long: 'add-server', short: ['a'], value: 'none', name: 'add-server', help: 'add a real server to a service' },
  {
    long: 'edit-server',
    short: ['e'],
    value: 'none',
    name: 'edit-server',
    help: 'replace the settings of a real server',
  },
  { long: 'delete-server', short: ['d'], value: 'none', name: 'delete-server', help: 'delete a real server' },
  { long: 'list', short: ['L', 'l'], value: 'none', name: 'list', help: 'show services, connections or settings' },
  { long: 'zero', short: ['Z'], value: 'none', name: 'zero', help: 'zero the counters of one service, or of all' },
  {
    long: 'set',
    short: [],
    value: 'none',
    name: 'set',
    placeholder: 'tcp tcpfin udp',
    help: 'set how long idle connections stay, in seconds; 0 leaves a value as it is',
  },
  {
    long: 'start-daemon',
    short: [],
    value: 'required',
    name: 'start-daemon',
    placeholder: 'role',
    choices: DAEMON_ROLES,
    help: 'start to send (master) or to take (backup) connections of another director',
  },
  {
    long: 'stop-daemon',
    short: [],
    value: 'required',
    name: 'stop-daemon',
    placeholder: 'role',
    choices: DAEMON_ROLES,
    help: 'stop a sync daemon',
  },
  { long: 'help', short: ['h'], value: 'none', name: 'help', help: 'show the help' },
  { long: 'version', short: ['v'], value: 'none', name: 'version', help: 'show the version' },
] as const satisfies readonly (OptionSpec & {
  /** What messages call the command. */
  readonly name: string;
})[];

/** The options that may follow a command; `name` is what messages call them, absent where they may be repeated. */
export const OPTIONS = [
  {
    long: 'tcp-service',
    short: ['t'],
    value: 'required',
    name: 'service-address',
    placeholder: 'host[:port]',
    help: 'the TCP service at an address and port',
  },
  {
    long: 'udp-service',
    short: ['u'],
    value: 'required',
    name: 'service-address',
    placeholder: 'host[:port]',
    help: 'the UDP service at an address and port',
  },
  {
    long: 'sctp-service',
    short: [],
    value: 'required',
    name: 'service-address',
    placeholder: 'host[:port]',
    help: 'the SCTP service at an address and port',
  },
  {
    long: 'fwmark-service',
    short: ['f'],
    value: 'required',
    name: 'service-address',
    placeholder: 'fwmark',
    help: 'the service of packets with a firewall mark, 1 to 4294967295',
  },
  { long: 'ipv6', short: ['6'], value: 'none', help: 'the mark is of IPv6 packets; stands after -f' },
  {
    long: 'scheduler',
    short: ['s'],
    value: 'required',
    name: 'scheduler',
    placeholder: 'name',
    choices: ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'fo', 'ovf', 'mh', 'twos'],
    help: 'how to choose a real server (default wlc)',
  },
  {
    long: 'persistent',
    short: ['p'],
    value: 'optional',
    name: 'persistent',
    fallback: String(DEFAULT_PERSISTENCE_TIMEOUT),
    placeholder: 'seconds',
    help: `persistence timeout in seconds (default ${DEFAULT_PERSISTENCE_TIMEOUT})`,
  },
  {
    long: 'netmask',
    short: ['M'],
    value: 'required',
    name: 'netmask',
    placeholder: 'mask',
    help: 'persistence is by network: a dotted mask, for IPv6 a prefix length',
  },
  {
    long: 'pe',
    short: [],
    value: 'required',
    name: 'pe',
    placeholder: 'engine',
    choices: ['sip'],
    help: 'what besides the address tells clients apart',
  },
  { long: 'ops', short: ['o'], value: 'none', name: 'ops', help: 'schedule every datagram by itself' },
  {
    long: 'sched-flags',
    short: ['b'],
    value: 'required',
    name: 'sched-flags',
    placeholder: 'flags',
    choices: SCHEDULER_FLAGS,
    list: true,
    help: 'settings of the scheduler, joined by commas',
  },
  {
    long: 'real-server',
    short: ['r'],
    value: 'required',
    name: 'real-server',
    placeholder: 'host[:port]',
    help: 'the real server; without a port it has the one of the service',
  },
  {
    long: 'gatewaying',
    short: ['g'],
    value: 'none',
    name: 'forwarding-method',
    help: 'reach it by direct routing (default)',
  },
  { long: 'ipip', short: ['i'], value: 'none', name: 'forwarding-method', help: 'reach it by a tunnel' },
  { long: 'masquerading', short: ['m'], value: 'none', name: 'forwarding-method', help: 'reach it by NAT' },
  {
    long: 'tun-type',
    short: [],
    value: 'required',
    name: 'tun-type',
    placeholder: 'type',
    choices: ['ipip', 'gue', 'gre'],
    help: 'the kind of tunnel (default ipip)',
  },
  {
    long: 'tun-port',
    short: [],
    value: 'required',
    name: 'tun-port',
    placeholder: 'port',
    help: 'the UDP port at the far end of a gue tunnel',
  },
  { long: 'tun-nocsum', short: [], value: 'none', name: 'tun-nocsum', help: 'tunnel without checksums' },
  { long: 'tun-csum', short: [], value: 'none', name: 'tun-csum', help: 'tunnel with checksums' },
  { long: 'tun-remcsum', short: [], value: 'none', name: 'tun-remcsum', help: 'gue with remote checksum offload' },
  {
    long: 'weight',
    short: ['w'],
    value: 'required',
    name: 'weight',
    placeholder: 'weight',
    help: 'its share of the connections (default 1); 0 gives it no new ones',
  },
  {
    long: 'u-threshold',
    short: ['x'],
    value: 'required',
    name: 'u-threshold',
    placeholder: 'connections',
    help: 'no new connections above this many (default 0: no limit)',
  },
  {
    long: 'l-threshold',
    short: ['y'],
    value: 'required',
    name: 'l-threshold',
    placeholder: 'connections',
    help: 'new connections again below this many (default 0: three quarters of the upper threshold)',
  },
  { long: 'numeric', short: ['n'], value: 'none', name: 'numeric', help: 'show numbers, look up no names' },
  { long: 'connection', short: ['c'], value: 'none', name: 'connection', help: 'show the connections' },
  { long: 'timeout', short: [], value: 'none', name: 'timeout', help: 'show the timeouts that --set sets' },
  { long: 'daemon', short: [], value: 'none', name: 'daemon', help: 'show the sync daemons' },
  { long: 'stats', short: [], value: 'none', name: 'stats', help: 'show counters' },
  { long: 'rate', short: [], value: 'none', name: 'rate', help: 'show rates a second' },
  { long: 'exact', short: ['X'], value: 'none', name: 'exact', help: 'do not shorten large numbers' },
  { long: 'thresholds', short: [], value: 'none', name: 'thresholds', help: 'show the thresholds' },
  {
    long: 'persistent-conn',
    short: [],
    value: 'none',
    name: 'persistent-conn',
    help: 'show persistent connections; with -c, the data of persistence engines',
  },
  { long: 'tun-info', short: [], value: 'none', name: 'tun-info', help: 'show the tunnels' },
  { long: 'nosort', short: [], value: 'none', name: 'nosort', help: "keep the kernel's order" },
  { long: 'sort', short: [], value: 'none', help: 'does nothing: sorted is the default' },
  {
    long: 'syncid',
    short: [],
    value: 'required',
    name: 'syncid',
    placeholder: 'id',
    help: 'which group of directors, 0 to 255 (default 0)',
  },
  {
    long: 'sync-maxlen',
    short: [],
    value: 'required',
    name: 'sync-maxlen',
    placeholder: 'bytes',
    help: 'the length of a sync message, 1 to 65507',
  },
  {
    long: 'mcast-interface',
    short: [],
    value: 'required',
    name: 'mcast-interface',
    placeholder: 'interface',
    help: 'the interface to send or listen on (default eth0)',
  },
  {
    long: 'mcast-group',
    short: [],
    value: 'required',
    name: 'mcast-group',
    placeholder: 'address',
    help: 'the multicast group (default 224.0.0.81)',
  },
  {
    long: 'mcast-port',
    short: [],
    value: 'required',
    name: 'mcast-port',
    placeholder: 'port',
    help: 'the UDP port (default 8848)',
  },
  {
    long: 'mcast-ttl',
    short: [],
    value: 'required',
    name: 'mcast-ttl',
    placeholder: 'ttl',
    help: 'the multicast TTL, 1 to 255 (default 1)',
  },
] as const satisfies readonly (OptionSpec & { readonly name?: OptionName })[];

/** What a command line does: the long name of its command. */
export type Verb = (typeof COMMANDS)[number]['long'];
/** The long name of an option that is not a command. */
export type OptionId = (typeof OPTIONS)[number]['long'];

/** A command as the parser meets it. */
export interface CommandOption extends OptionSpec {
  readonly kind: 'command';
  readonly long: Verb;
}

/** An option as the parser meets it. */
export interface PlainOption extends OptionSpec {
  readonly kind: 'option';
  readonly long: OptionId;
  readonly name?: OptionName;
}

/** A row of either table. */
export type AnyOption = CommandOption | PlainOption;

const ALL: readonly AnyOption[] = [
  ...COMMANDS.map((spec) => ({ ...spec, kind: 'command' as const })),
  ...OPTIONS.map((spec) => ({ ...spec, kind: 'option' as const })),
];

/** By long name, without the dashes. */
export const BY_LONG: ReadonlyMap<string, AnyOption> = new Map(ALL.map((option) => [option.long, option]));

/** By letter. */
export const BY_SHORT: ReadonlyMap<string, AnyOption> = new Map(
  ALL.flatMap((option) => option.short.map((letter) => [letter, option] as const)),
);
