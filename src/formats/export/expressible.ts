/**
 * Desired state -> the part of it that a format can express.
 * @module
 */
import { familyOf } from '../../address/ip.js';
import { reasonsUnwritable } from '../../config/writable.js';
import type { NormalDesiredService, NormalDesiredTable } from '../../model/desired.js';
import {
  formatDestinationKey,
  makeDestination,
  type NormalDestination,
  parseDestination,
} from '../../model/destination.js';
import { withoutUndefined } from '../../model/parse.js';
import { makeService, type NormalService, parseService } from '../../model/service.js';
import { familyOfKey, formatServiceKey, type ServiceKey } from '../../model/service-key.js';
import { type NormalSyncDaemon, parseSyncDaemon } from '../../model/sync-daemon.js';
import { parseTimeouts, type Timeouts } from '../../model/timeouts.js';
import type { Capabilities, ReportNotWritten } from './language.js';

/** The name of a real server in reports. */
export function destinationName(service: ServiceKey, destination: NormalDestination): string {
  return `${formatDestinationKey(destination)} of ${formatServiceKey(service)}`;
}

/** What a state may say of the host, which no format says. */
interface HostSections {
  readonly director?: unknown;
  readonly realServer?: unknown;
}

/** What a format can express of a state. All else is reported. */
export function expressible(
  state: NormalDesiredTable & HostSections,
  capabilities: Capabilities,
  report: ReportNotWritten,
): NormalDesiredTable {
  if (state.services === undefined) report('services', 'the state says nothing about them, a file always does');
  for (const section of ['director', 'realServer'] as const) {
    if (state[section] !== undefined) report(section, 'sets up the host, which this file does not do');
  }
  if (!capabilities.checks) {
    for (const { service } of state.health ?? []) report(formatServiceKey(service), 'its checks are left out');
  }
  return withoutUndefined({
    services: (state.services ?? []).flatMap((entry) => expressibleService(entry, capabilities, report)),
    health: capabilities.checks ? state.health : undefined,
    timeouts: expressibleTimeouts(state.timeouts ?? {}, capabilities, report),
    daemons: expressibleDaemons(state.daemons, capabilities, report),
  });
}

function expressibleTimeouts(
  timeouts: Partial<Timeouts>,
  capabilities: Capabilities,
  report: ReportNotWritten,
): Partial<Timeouts> | undefined {
  if (Object.keys(withoutUndefined(timeouts)).length === 0) return undefined;
  const problem = capabilities.timeouts ? problemOf(timeouts, parseTimeouts) : 'not in this format';
  if (problem === undefined) return timeouts;
  report('timeouts', problem);
  return undefined;
}

function expressibleDaemons(
  daemons: readonly NormalSyncDaemon[] | undefined,
  capabilities: Capabilities,
  report: ReportNotWritten,
): readonly NormalSyncDaemon[] | undefined {
  if (daemons?.length === 0) report('daemons', 'this format cannot say that none is to run');
  return daemons?.filter((daemon) => {
    const problem = capabilities.daemons
      ? problemOf(daemon, parseSyncDaemon)
      : 'this format does not say which role runs';
    if (problem !== undefined) report(`sync daemon ${daemon.role}`, problem);
    return problem === undefined;
  });
}

function expressibleService(
  { service, destinations }: NormalDesiredService,
  capabilities: Capabilities,
  report: ReportNotWritten,
): NormalDesiredService[] {
  const name = formatServiceKey(service);
  const problem = problemOf(service, parseService) ?? serviceProblem(service, capabilities);
  if (problem !== undefined) {
    report(name, `left out: ${problem}`);
    return [];
  }
  const servers = destinations.flatMap((destination) =>
    expressibleDestination(service, destination, capabilities, report),
  );
  return [{ service: withinCapabilities(service, capabilities, (why) => report(name, why)), destinations: servers }];
}

/** Why there is no such service in this language. */
function serviceProblem(service: NormalService, capabilities: Capabilities): string | undefined {
  const { protocol, scheduler, persistence } = service;
  if (!capabilities.protocols.includes(protocol)) return `${protocol} is none of ${capabilities.protocols.join(', ')}`;
  if (!capabilities.ipv6 && familyOfKey(service) === 'ipv6') return 'only IPv4 is known';
  if (!isWord(scheduler) || capabilities.schedulerName?.test(scheduler) === false) {
    return `the name of the scheduler "${scheduler}" cannot be written here`;
  }
  if (capabilities.schedulers?.includes(scheduler) === false) {
    return `the scheduler ${scheduler} is none of ${capabilities.schedulers.join(', ')}`;
  }
  if (protocol !== 'fwmark' && service.port === 0 && persistence !== undefined && !capabilities.persistence) {
    return 'port 0 stands for every port only where there is persistence, which is not in this format';
  }
  return undefined;
}

/** What stands in a file of any of the languages as it is, without quotes. */
function isWord(name: string): boolean {
  return /^\w[\w.-]*$/.test(name);
}

/** The service without the settings that the format cannot express. */
function withinCapabilities(
  service: NormalService,
  capabilities: Capabilities,
  report: (why: string) => void,
): NormalService {
  const { schedulerFlags, onePacket, persistence, persistenceEngine, ...rest } = service;
  const flags = (schedulerFlags ?? []).filter((flag) => isFlagExpressible(flag, service, capabilities));
  const isEngineExpressible =
    capabilities.persistenceEngine === 'always' ||
    (capabilities.persistenceEngine === 'persistent' && persistence !== undefined);
  const lost = (schedulerFlags ?? []).filter((flag) => !flags.includes(flag));
  if (lost.length > 0) report(`without ${lost.join(', ')} of the scheduler: not in this format`);
  const isOnePacket =
    capabilities.onePacket === 'all' || (capabilities.onePacket === 'udp' && service.protocol === 'udp');
  if (onePacket && !isOnePacket) report('without one packet scheduling: not in this format');
  if (persistence !== undefined && !capabilities.persistence) report('without persistence: not in this format');
  const hasEngine = persistenceEngine !== undefined && isEngineExpressible && isWord(persistenceEngine);
  if (persistenceEngine !== undefined && !hasEngine) {
    report(`without the persistence engine ${persistenceEngine}: not in this format`);
  }
  return makeService(rest, {
    scheduler: rest.scheduler,
    ...(flags.length > 0 && { schedulerFlags: flags }),
    ...(onePacket && isOnePacket && { onePacket }),
    ...(persistence !== undefined && capabilities.persistence && { persistence }),
    ...(hasEngine && { persistenceEngine }),
  });
}

function isFlagExpressible(flag: string, { scheduler }: NormalService, { schedulerFlags }: Capabilities): boolean {
  if (schedulerFlags !== 'named') return schedulerFlags === 'all';
  return flag !== 'flag-3' || (scheduler !== 'sh' && scheduler !== 'mh');
}

function expressibleDestination(
  service: NormalService,
  destination: NormalDestination,
  capabilities: Capabilities,
  report: ReportNotWritten,
): NormalDestination[] {
  const name = destinationName(service, destination);
  const check = (input: NormalDestination) => parseDestination(service, input);
  const problem = problemOf(destination, check) ?? destinationProblem(service, destination, capabilities);
  if (problem !== undefined) {
    report(name, `left out: ${problem}`);
    return [];
  }
  const { upperThreshold = 0, lowerThreshold = 0, ...rest } = destination;
  const highest = capabilities.highestThreshold;
  if (upperThreshold <= highest && lowerThreshold <= highest) return [destination];
  report(name, `without its thresholds: ${highest === 0 ? 'not in this format' : `at most ${highest} in this format`}`);
  return [makeDestination(rest)];
}

/** Why there is no such real server in this language. Without its tunnel it would get packets that it cannot read. */
function destinationProblem(
  service: ServiceKey,
  destination: NormalDestination,
  capabilities: Capabilities,
): string | undefined {
  const { address, tunnel } = destination;
  if (!capabilities.crossFamily && familyOf(address) !== familyOfKey(service))
    return 'a tunnel stays in its address family';
  if (capabilities.tunnels === 'ipip' && tunnel !== undefined && tunnel.type !== 'ipip') {
    return `a tunnel is ipip here, not ${tunnel.type}`;
  }
  return undefined;
}

/** Why a value that was read from the kernel cannot stand in a file of any format. */
function problemOf<Value extends object>(value: Value, parse: (value: Value) => object): string | undefined {
  const reasons = reasonsUnwritable(value, parse);
  return reasons.length === 0 ? undefined : reasons.join('; ');
}
