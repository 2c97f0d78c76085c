/**
 * The rules that `ipvsadm -Sn` writes and `ipvsadm-restore` reads (1.31).
 * @module
 */
import { formatIP } from '../address/ip.js';
import { maskOfPrefix } from '../address/network.js';
import { RulesError } from '../errors.js';
import type { NormalChange } from '../model/change.js';
import type { DestinationFields, NormalTunnel } from '../model/destination.js';
import type { ServiceFields } from '../model/service.js';
import { familyOfKey, type ServiceKey } from '../model/service-key.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import {
  compareDestinationKeys,
  compareServiceKeys,
  type NormalTableService,
  readWrittenTable,
  type WrittenTable,
} from '../model/table.js';
import type { Timeouts } from '../model/timeouts.js';
import { type Command, parseCommand } from './command.js';
import { CommandError } from './command-error.js';
import type { Dialect } from './draft.js';
import { type Names, numericNames } from './names.js';
import { endpointText, numericReverseNames, type ReverseNames } from './reverse-names.js';
import { schedulerFlagsText } from './scheduler-flags.js';

/** One line of rules. */
export interface Rule {
  /** Counted from 1. */
  readonly line: number;
  /** The line without its end. */
  readonly text: string;
  readonly change: NormalChange;
}

/** What rules tell beside the table that `ipvsadm -Sn` tells. */
export interface RulesOptions {
  /** What addresses are called, as in `ipvsadm -S` without `-n`. Default: nothing has a name. */
  readonly names?: ReverseNames;
  /** Also the thresholds of real servers (`-x`, `-y`), which ipvsadm takes but does not save. Default false. */
  readonly thresholds?: boolean;
}

/**
 * A table as `ipvsadm -Sn` writes it: sorted, every service followed by its servers.
 *
 * It differs from ipvsadm 1.31 where that writes what it cannot read: marks from 2^31 on are not negative here, and the
 * order is the one that ipvsadm means (see {@link compareServiceKeys}).
 * @throws {InvalidArgumentError} with the path of everything in the table that no kernel can hold.
 *
 * @example
 * ```ts
 * import { formatRules } from 'ipvs-ts';
 * process.stdout.write(formatRules(await ipvs.snapshot(), { thresholds: true }));
 * ```
 */
export function formatRules(
  table: WrittenTable,
  { names = numericReverseNames, thresholds = false }: RulesOptions = {},
): string {
  const services = readWrittenTable('table', table).services.toSorted(byServiceKey);
  return services.map((service) => formatService(service, names, thresholds)).join('');
}

/** Joined service by service: the pieces of a whole table would be megabytes that the collector carries about. */
function formatService(
  { service, destinations }: NormalTableService,
  names: ReverseNames,
  thresholds: boolean,
): string {
  const key = formatKey(service, names);
  const start = `-a ${key} -r `;
  const lines = [`-A ${key} ${formatSettings(service)}\n`];
  for (const { destination } of destinations.toSorted(byDestinationKey)) {
    const endpoint = endpointText(destination.address, destination.port, service.protocol, names);
    const limits = thresholds ? formatThresholds(destination) : '';
    lines.push(`${start}${endpoint} ${formatServer(destination)}${limits}\n`);
  }
  return lines.join('');
}

function byServiceKey(left: NormalTableService, right: NormalTableService): number {
  return compareServiceKeys(left.service, right.service);
}

function byDestinationKey(
  left: NormalTableService['destinations'][number],
  right: NormalTableService['destinations'][number],
): number {
  return compareDestinationKeys(left.destination, right.destination);
}

/** Timeouts and sync daemons as lines that ipvsadm takes (but never writes). */
export function formatSettingsRules(timeouts: Timeouts, daemons: readonly NormalSyncDaemon[]): string {
  const { tcp, tcpFin, udp } = timeouts;
  return [`--set ${tcp} ${tcpFin} ${udp}`, ...daemons.map(formatDaemon), ''].join('\n');
}

function formatDaemon(daemon: NormalSyncDaemon): string {
  const { role, interface: device, syncId, maxLength, group, port, ttl } = daemon;
  const words = [`--start-daemon ${role} --mcast-interface ${device} --syncid ${syncId}`];
  if (maxLength !== undefined) words.push(`--sync-maxlen ${maxLength}`);
  if (group !== undefined) words.push(`--mcast-group ${group}`);
  if (port !== undefined) words.push(`--mcast-port ${port}`);
  if (ttl !== undefined) words.push(`--mcast-ttl ${ttl}`);
  return words.join(' ');
}

function formatThresholds({ upperThreshold, lowerThreshold }: DestinationFields): string {
  const upper = upperThreshold === undefined ? '' : ` -x ${upperThreshold}`;
  return lowerThreshold === undefined ? upper : `${upper} -y ${lowerThreshold}`;
}

/** What ipvsadm writes for other protocols is no option that it knows; it is kept to be recognised. */
function formatKey(key: ServiceKey, names: ReverseNames): string {
  if (key.protocol === 'fwmark') return `-f ${key.mark}${familyOfKey(key) === 'ipv6' ? ' -6' : ''}`;
  const { protocol, address, port } = key;
  return `${PROTOCOL_OPTIONS.get(protocol) ?? '--xxx-service'} ${endpointText(address, port, protocol, names)}`;
}

const PROTOCOL_OPTIONS: ReadonlyMap<string, string> = new Map([
  ['tcp', '-t'],
  ['udp', '-u'],
  ['sctp', '--sctp-service'],
]);

function formatSettings(service: ServiceFields): string {
  const { scheduler, persistence, persistenceEngine, onePacket } = service;
  const flags = schedulerFlagsText(service);
  let text = `-s ${scheduler}`;
  if (persistence !== undefined) {
    // Where the timeout is not known (/proc without the kernel's HZ), -p alone is ipvsadm's default.
    text += persistence.timeout === undefined ? ' -p' : ` -p ${persistence.timeout}`;
    const mask = netmaskText(service);
    if (mask !== undefined) text += ` -M ${mask}`;
  }
  if (persistenceEngine !== undefined) text += ` --pe ${persistenceEngine}`;
  if (onePacket === true) text += ' -o';
  // Without a name for any of the flags ipvsadm leaves "-b " behind, which it cannot read.
  if (flags !== undefined) text += ` -b ${flags}`;
  return text;
}

/** What ipvsadm shows of a persistent service's mask; undefined for the mask that makes every address count by itself. */
export function netmaskText(service: ServiceFields): string | undefined {
  const netmask = service.persistence?.netmask;
  if (typeof netmask !== 'number') return netmask;
  // /proc does not tell the family of a mark with the prefix 128.
  if (netmask === 128 || familyOfKey(service) === 'ipv6') return netmask === 128 ? undefined : String(netmask);
  return netmask === 32 ? undefined : formatIP(maskOfPrefix(netmask));
}

function formatServer(destination: DestinationFields): string {
  const { forward, tunnel, weight } = destination;
  const text = `${METHOD_OPTIONS.get(forward) ?? '(null)'} -w ${weight}`;
  return tunnel === undefined ? text : `${text}${formatTunnel(tunnel)}`;
}

/** ipvsadm has no option for `local`, which the kernel chooses by itself, and no name for the others. */
const METHOD_OPTIONS: ReadonlyMap<string, string> = new Map([
  ['nat', '-m'],
  ['dr', '-g'],
  ['local', '-g'],
  ['tun', '-i'],
]);

function formatTunnel(tunnel: NormalTunnel): string {
  switch (tunnel.type) {
    case 'ipip':
      return ' --tun-type ipip';
    case 'gue':
      return ` --tun-type gue --tun-port ${tunnel.port} ${CHECKSUM_OPTIONS[tunnel.checksum]}`;
    case 'gre':
      return ` --tun-type gre ${CHECKSUM_OPTIONS[tunnel.checksum]}`;
    default:
      // Types that ipvsadm does not know it does not tell.
      return '';
  }
}

const CHECKSUM_OPTIONS = { none: '--tun-nocsum', csum: '--tun-csum', remcsum: '--tun-remcsum' } as const;

/**
 * Reads rules one by one, by default in the dialect of a saved table. The first line that cannot be taken throws
 * {@link RulesError}. Beside what ipvsadm writes, `ipvsadm-restore` takes lines that begin with `#` as comments, empty
 * lines, CRLF, and the word `ipvsadm` anywhere; here a comment may be indented. A command that changes nothing (`-L`) is
 * refused.
 */
export function* readRules(
  text: string,
  names: Names = numericNames,
  dialect: Dialect = 'saved',
): Generator<Rule, void, undefined> {
  let line = 0;
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    const rule = text.slice(start, text[end - 1] === '\r' ? end - 1 : end);
    const words = splitWords(rule);
    line++;
    if (words.length > 0 && !words[0]?.startsWith('#')) {
      yield { line, text: rule, change: parseRule(line, rule, words, names, dialect) };
    }
    start = end + 1;
  }
}

/** All of {@link readRules} at once. */
export function parseRules(text: string, names?: Names): Rule[] {
  return [...readRules(text, names)];
}

/** The words of one line: no quotes, no escapes, and `ipvsadm` is no word (config_stream.c). */
export function splitWords(line: string): string[] {
  const spaced = line.includes('\t') || line.includes('\r') ? line.replace(/[\t\r]/g, ' ') : line;
  const words: string[] = [];
  for (let start = 0; start < spaced.length; ) {
    const space = spaced.indexOf(' ', start);
    const end = space === -1 ? spaced.length : space;
    const word = spaced.slice(start, end);
    if (word !== '' && word !== 'ipvsadm') words.push(word);
    start = end + 1;
  }
  return words;
}

function parseRule(line: number, text: string, words: readonly string[], names: Names, dialect: Dialect): NormalChange {
  const command = parseLine(line, text, words, names, dialect);
  if (isChange(command)) return command;
  throw new RulesError(line, text, `the '${command.verb}' command has no place in rules`);
}

function parseLine(line: number, text: string, words: readonly string[], names: Names, dialect: Dialect): Command {
  try {
    const isCut = dialect === 'saved' && words.at(-1) === '-b';
    return parseCommand(isCut ? withFlags(words) : words, names, dialect);
  } catch (error) {
    if (error instanceof CommandError) throw new RulesError(line, text, error.reason);
    throw error;
  }
}

/** ipvsadm writes nothing behind -b where sh or mh has the flag alone that it has no name for there. */
function withFlags(words: readonly string[]): readonly string[] {
  const scheduler = words[words.indexOf('-s') + 1];
  return scheduler === 'sh' || scheduler === 'mh' ? [...words, 'flag-3'] : words.slice(0, -1);
}

function isChange(command: Command): command is NormalChange {
  switch (command.verb) {
    case 'list':
    case 'save':
    case 'restore':
    case 'help':
    case 'version':
      return false;
    default:
      return true;
  }
}
