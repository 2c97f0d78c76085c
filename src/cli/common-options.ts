/**
 * Options and operands that several verbs share.
 * @module
 */
import { parseEndpoint } from '../address/endpoint.js';
import { formatIP, parseIP } from '../address/ip.js';
import type { DestinationKey } from '../model/destination.js';
import { UsageError } from './usage-error.js';
import type { FlagSpec, OperandSpec, ValueOptionSpec } from './verb.js';

/** `--netns` */
export const NETNS = {
  placeholder: 'NAME',
  source: 'netns',
  help: 'work in this network namespace: a name of "ip netns", or a path',
} as const satisfies ValueOptionSpec;

/** `--api` */
export const API = {
  placeholder: 'URL',
  help: 'ask a running "serve": unix:PATH, or https://HOST:PORT with IPVS_TS_TOKEN',
} as const satisfies ValueOptionSpec;

/** `--json` */
export const JSON_OUTPUT = { help: 'write JSON' } as const satisfies FlagSpec;

/** The file of the desired state. */
export const STATE_FILE = {
  placeholder: 'FILE',
  source: 'file',
  help: 'the desired state, in YAML or JSON; "-" is standard input',
} as const satisfies OperandSpec;

/** `--scope` */
export const SCOPE = {
  placeholder: 'WHAT',
  many: true,
  help: 'only these services: 192.0.2.0/24, fwmark:100-199, tcp://192.0.2.1:80',
} as const satisfies ValueOptionSpec;

/** `--prune` */
export const PRUNE = { help: 'delete services that are not in the file' } as const satisfies FlagSpec;

/** `--drain` */
export const DRAIN = {
  placeholder: 'SECONDS',
  read: milliseconds,
  help: 'drain servers that are removed; this is the drain timeout',
} as const satisfies ValueOptionSpec<number>;

/** What becomes of connections at the timeout of {@link DRAIN}. */
export const END = { help: 'with --drain: end the connections that are left at the drain timeout' } as const;

/** The formats of other programs' files. */
export const FORMATS = ['keepalived', 'lvs.cf', 'ldirectord', 'ipvsctl', 'rules'] as const;

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Seconds as a person writes them, or a time with a unit (`15m`, `1h`), as milliseconds. @throws {UsageError} */
export function milliseconds(text: string): number {
  const [, number, unit = 's'] = /^(\d+(?:\.\d+)?)([smhd])?$/.exec(text) ?? [];
  if (number === undefined) throw new UsageError(`must be a number of seconds, not "${text}"`);
  return Math.round(Number(number) * (SECONDS[unit] ?? 1) * 1000);
}

/** A port, 1 to 65535. @throws {UsageError} */
export function portOf(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65535) return Number(text);
  throw new UsageError(`must be a port, 1 to 65535, not "${text}"`);
}

/** `10.0.0.2` or `10.0.0.2:80`. @throws {UsageError} */
export function server(text: string): DestinationKey {
  const bytes = parseIP(text);
  if (bytes !== undefined) return { address: formatIP(bytes) };
  const endpoint = parseEndpoint(text);
  if (endpoint === undefined) throw new UsageError(`must be ADDR or ADDR:PORT, not "${text}"`);
  return endpoint;
}

const MODE = {
  placeholder: 'MODE',
  choices: ['nat', 'dr', 'tun'],
  help: 'how packets reach the real servers',
} as const satisfies ValueOptionSpec;

const VIP = {
  placeholder: 'VIP',
  many: true,
  help: 'virtual IP: 10.0.0.100, 10.0.0.100/24, 10.0.0.100-10.0.0.120',
} as const satisfies ValueOptionSpec;

const GATEWAY = { placeholder: 'ADDR', help: 'router of the default route' } as const satisfies ValueOptionSpec;

/** The options that say how a director's packets come to a real server. */
export const TUNNEL = {
  tunnel: { placeholder: 'TYPE', choices: ['ipip', 'gre', 'gue'], help: 'tun: encapsulation that the director uses' },
  port: { placeholder: 'PORT', read: portOf, help: 'gue: UDP port that packets come to' },
  checksum: { help: 'gre: packets have checksums' },
  local: { placeholder: 'ADDR', many: true, help: 'with --checksum: address that the director sends to' },
} as const;

/** `--file` */
const HOST_FILE = {
  short: 'f',
  placeholder: 'FILE',
  source: 'file',
  help: 'state file that describes the host, instead of options',
} as const satisfies ValueOptionSpec;

/** The options that describe a director. */
export const DIRECTOR = {
  file: HOST_FILE,
  mode: MODE,
  vip: VIP,
  device: { placeholder: 'DEVICE', source: 'interface', help: 'device that has the virtual IPs' },
  gateway: GATEWAY,
  network: { placeholder: 'ADDR/PREFIX', help: 'nat: network of the real servers' },
  'inside-device': { placeholder: 'DEVICE', source: 'interface', help: 'nat: device towards the real servers' },
  'inside-address': {
    placeholder: 'ADDR/PREFIX',
    help: "nat: the director's address there, which is the real servers' gateway",
  },
  masquerade: { help: 'nat: real servers see the director instead of the client' },
} as const;

/** The options that describe a real server. */
export const REAL_SERVER = { file: HOST_FILE, mode: MODE, vip: VIP, gateway: GATEWAY, ...TUNNEL } as const;

/** What `director` and `realserver` have besides a description. */
export const HOST_ACTION = {
  placeholder: 'ACTION',
  choices: ['up', 'down', 'plan', 'check'],
  help: 'set up, undo, show the steps, or verify them',
} as const satisfies OperandSpec;

/** What every action of a set-up may need. */
export const SETUP = {
  name: { placeholder: 'NAME', help: 'name of the set-up; default: the path of --file, or its description' },
  record: { placeholder: 'FILE', source: 'file', help: 'undo journal; default: one below /run/ipvs-ts' },
  force: { help: 'up: take virtual IPs that another host has; down: delete those that no journal knows' },
} as const;

/** What is to be known of `director` and `realserver`. */
export const SETUP_DETAILS =
  '"up" records what was there before each step in an undo journal, and "down" restores it, also after a crash: for the ' +
  'set-up that the options describe, or for all set-ups of the role. What another set-up needs stays. "check" exits with ' +
  '1 if a step is not in place, or the doctor finds an error.';
