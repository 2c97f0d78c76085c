/**
 * Desired state -> the part of it that a language has words for.
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { familyOf } from '../../address/ip.js';
import type { DesiredState } from '../../config/desired-state.js';
import { InvalidArgumentError } from '../../errors.js';
import type { DesiredService, DesiredTable } from '../../model/desired.js';
import { formatDestinationKey, type NormalDestination, parseDestination } from '../../model/destination.js';
import { withoutUndefined } from '../../model/parse.js';
import { type NormalService, parseService } from '../../model/service.js';
import { familyOfKey, formatServiceKey, type ServiceKey } from '../../model/service-key.js';
import { type NormalSyncDaemon, parseSyncDaemon } from '../../model/sync-daemon.js';
import { parseTimeouts, type Timeouts } from '../../model/timeouts.js';
import type { Tell, Words } from './language.js';

/** The name of a real server in what is told. */
export function destinationName(service: ServiceKey, destination: NormalDestination): string {
  return `${formatDestinationKey(destination)} of ${formatServiceKey(service)}`;
}

/** What can be said of a state. All else is told. */
export function sayable(state: DesiredState, words: Words, tell: Tell): DesiredTable {
  if (state.services === undefined) tell('services', 'the state says nothing about them, a file always does');
  for (const section of ['director', 'realServer'] as const) {
    if (state[section] !== undefined) tell(section, 'sets up the host, which this file does not do');
  }
  return withoutUndefined({
    services: (state.services ?? []).flatMap((entry) => sayableService(entry, words, tell)),
    timeouts: sayableTimeouts(state.timeouts ?? {}, words, tell),
    daemons: sayableDaemons(state.daemons, words, tell),
  });
}

function sayableTimeouts(timeouts: Partial<Timeouts>, words: Words, tell: Tell): Partial<Timeouts> | undefined {
  if (Object.keys(withoutUndefined(timeouts)).length === 0) return undefined;
  const problem = words.timeouts ? problemOf(timeouts, parseTimeouts) : 'this file has no words for them';
  if (problem === undefined) return timeouts;
  tell('timeouts', problem);
  return undefined;
}

function sayableDaemons(
  daemons: readonly NormalSyncDaemon[] | undefined,
  words: Words,
  tell: Tell,
): readonly NormalSyncDaemon[] | undefined {
  if (daemons?.length === 0) tell('daemons', 'this file cannot say that none is to run');
  return daemons?.filter((daemon) => {
    const problem = words.daemons ? problemOf(daemon, parseSyncDaemon) : 'this file does not say which role runs';
    if (problem !== undefined) tell(`sync daemon ${daemon.role}`, problem);
    return problem === undefined;
  });
}

function sayableService({ service, destinations }: DesiredService, words: Words, tell: Tell): DesiredService[] {
  const name = formatServiceKey(service);
  const problem = problemOf(service, parseService) ?? serviceProblem(service, words);
  if (problem !== undefined) {
    tell(name, `left out: ${problem}`);
    return [];
  }
  const servers = destinations.flatMap((destination) => sayableDestination(service, destination, words, tell));
  return [{ service: withinWords(service, words, (why) => tell(name, why)), destinations: servers }];
}

/** Why there is no such service in this language. */
function serviceProblem(service: NormalService, words: Words): string | undefined {
  const { protocol, scheduler, persistence } = service;
  if (!words.protocols.includes(protocol)) return `${protocol} is none of ${words.protocols.join(', ')}`;
  if (!words.ipv6 && familyOfKey(service) === 'ipv6') return 'only IPv4 is known';
  if (!isWord(scheduler)) return `the name of the scheduler "${scheduler}" is not a plain word`;
  if (words.schedulers?.includes(scheduler) === false) {
    return `the scheduler ${scheduler} is none of ${words.schedulers.join(', ')}`;
  }
  if (protocol !== 'fwmark' && service.port === 0 && persistence !== undefined && !words.persistence) {
    return 'port 0 stands for every port only where there is persistence, which has no words here';
  }
  return undefined;
}

/** What stands in a file of any of the languages as it is, without quotes. */
function isWord(name: string): boolean {
  return /^\w[\w.-]*$/.test(name);
}

/** The service without the settings that there are no words for. */
function withinWords(service: NormalService, words: Words, tell: (why: string) => void): NormalService {
  const { schedulerFlags, onePacket, persistence, persistenceEngine, ...rest } = service;
  const flags = (schedulerFlags ?? []).filter((flag) => isFlagSaid(flag, service, words));
  const isEngineSaid =
    words.persistenceEngine === 'always' || (words.persistenceEngine === 'persistent' && persistence !== undefined);
  const lost = (schedulerFlags ?? []).filter((flag) => !flags.includes(flag));
  if (lost.length > 0) tell(`without ${lost.join(', ')} of the scheduler: no words for it`);
  if (onePacket && !words.onePacket) tell('without one packet scheduling: no words for it');
  if (persistence !== undefined && !words.persistence) tell('without persistence: no words for it');
  const hasEngine = persistenceEngine !== undefined && isEngineSaid && isWord(persistenceEngine);
  if (persistenceEngine !== undefined && !hasEngine) {
    tell(`without the persistence engine ${persistenceEngine}: no words for it here`);
  }
  return {
    ...rest,
    ...(flags.length > 0 && { schedulerFlags: flags }),
    ...(onePacket && words.onePacket && { onePacket }),
    ...(persistence !== undefined && words.persistence && { persistence }),
    ...(hasEngine && { persistenceEngine }),
  };
}

function isFlagSaid(flag: string, { scheduler }: NormalService, { schedulerFlags }: Words): boolean {
  if (schedulerFlags !== 'named') return schedulerFlags === 'all';
  return flag !== 'flag-3' || (scheduler !== 'sh' && scheduler !== 'mh');
}

function sayableDestination(
  service: NormalService,
  destination: NormalDestination,
  words: Words,
  tell: Tell,
): NormalDestination[] {
  const name = destinationName(service, destination);
  const check = (input: NormalDestination) => parseDestination(service, input);
  const problem = problemOf(destination, check) ?? destinationProblem(service, destination, words);
  if (problem !== undefined) {
    tell(name, `left out: ${problem}`);
    return [];
  }
  const { upperThreshold, lowerThreshold, ...rest } = destination;
  if (words.thresholds || (upperThreshold === undefined && lowerThreshold === undefined)) return [destination];
  tell(name, 'without its thresholds: no words for them');
  return [rest];
}

/** Why there is no such real server in this language. Without its tunnel it would get packets that it cannot read. */
function destinationProblem(service: ServiceKey, destination: NormalDestination, words: Words): string | undefined {
  const { address, tunnel } = destination;
  if (!words.crossFamily && familyOf(address) !== familyOfKey(service)) return 'a tunnel stays in its address family';
  if (words.tunnels === 'ipip' && tunnel !== undefined && tunnel.type !== 'ipip') {
    return `a tunnel is ipip here, not ${tunnel.type}`;
  }
  return undefined;
}

/** Why a value is none that a file may ask for: the kernel and /proc tell of more, and of less. */
function problemOf<Value extends object>(value: Value, parse: (value: Value) => object): string | undefined {
  try {
    if (isDeepStrictEqual(parse(value), withoutUndefined(value))) return undefined;
    return 'not all of it is known: /proc does not tell all, netlink does';
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return error.issues.map(({ path, message }) => [path, message].filter(Boolean).join(': ')).join('; ');
  }
}
