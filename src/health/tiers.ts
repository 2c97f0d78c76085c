/**
 * Who serves: a service's own real servers while they have the quorum, then its backups too, then its sorry server. Pure.
 * @module
 */
import { formatDestinationKey, type NormalDestination } from '../model/destination.js';
import { isSorry, type NormalOnFailure, type NormalServiceHealth, onFailureOf } from '../model/health.js';
import type { Verdict } from '../reconcile/intent.js';
import { type ServerName, serverName } from '../reconcile/override.js';

/** Whether a server passes its checks, and since when (milliseconds since 1970). */
export interface ServerStatus {
  readonly status: 'unknown' | 'up' | 'down';
  readonly since: number;
}

/** Who serves a service. `nobody`: all are down, and there is no sorry server. */
export type Tier = 'primary' | 'backups' | 'sorry' | 'fail-open' | 'nobody';

/** What follows for one service. */
export interface TierDecision {
  readonly tier: Tier;
  /** Whether the service's own servers have the quorum: what the next decision begins with. */
  readonly hasQuorum: boolean;
  /** For servers of the table; none: it serves as the table says. */
  readonly verdicts: ReadonlyMap<ServerName, Verdict>;
  /** Servers that are down, whose connections are to be ended. */
  readonly cut: readonly ServerName[];
  /** Who serves besides. */
  readonly standIns: readonly NormalDestination[];
  /** Milliseconds since 1970, when time alone changes the decision. */
  readonly next?: number;
}

/** What is decided upon. */
export interface TierInput {
  readonly health: NormalServiceHealth;
  /** The servers that the table has for it. */
  readonly servers: readonly NormalDestination[];
  readonly statusOf: (server: NormalDestination) => ServerStatus;
  /** What a server counts for while it is up: 0 if it is drained. Default: its weight. */
  readonly weightOf?: ((server: NormalDestination) => number) | undefined;
  /** As of the decision before; true at first. */
  readonly hadQuorum: boolean;
  /** Who served besides by the decision before (`10.0.0.21:80`): a backup that fails leaves as a real server does. */
  readonly stoodIn?: ReadonlySet<string> | undefined;
  readonly now: number;
}

/** Decides for one service. A server that was not checked yet, or never is, counts as up. */
export function decide(input: TierInput): TierDecision {
  const { health, servers, statusOf, weightOf = ({ weight }) => weight, hadQuorum, now } = input;
  const { service, backups, sorry, failOpen } = health;
  const isUp = (server: NormalDestination) => statusOf(server).status !== 'down';
  const weighed = (some: readonly NormalDestination[]) => sumOf(some.filter(isUp), weightOf);
  const failureOf = onFailureOf(health);
  const removalOf = (server: NormalDestination) => removalTime(failureOf(server), statusOf(server).since);
  const needed = quorumOf(health, servers, hadQuorum);
  const weight = weighed(servers);
  const hasQuorum = weight >= needed;
  const spare = weighed(backups);
  const tier = hasQuorum ? 'primary' : fallBack({ weight, spare, needed, sorry });
  const isDown = (server: NormalDestination) => !isUp(server);
  const isOpen = tier === 'nobody' && failOpen && servers.some((server) => isDown(server) && weightOf(server) > 0);
  const staying = tier === 'primary' ? [] : stayingBackups(input, tier);
  const down = [...(isOpen ? [] : servers), ...staying].filter(isDown);
  const ends = down.map(removalOf).filter((time) => time > now);
  const verdicts = new Map<ServerName, Verdict>();
  // Also of those that are out by now: what takes them out does not wait for their connections then.
  const gone = backups.filter((backup) => isDown(backup) && removalOf(backup) <= now);
  for (const backup of gone) verdicts.set(serverName(service, backup), 'remove');
  for (const server of down) {
    const verdict = verdictOf(failureOf(server), statusOf(server).since, now);
    if (verdict !== undefined) verdicts.set(serverName(service, server), verdict);
  }
  const cut = [...gone, ...down].filter((server) => {
    const { endConnections, removeAfter } = failureOf(server);
    const verdict = verdicts.get(serverName(service, server));
    return endConnections && (verdict === 'remove' || (verdict === 'quiesce' && removeAfter === 'never'));
  });
  // Those that are up, and too few, leave the service to the sorry server; their connections go on.
  if (tier === 'sorry') {
    const others = servers.filter((server) => !isSorry(health, server));
    for (const server of [...others, ...staying].filter(isUp)) verdicts.set(serverName(service, server), 'quiesce');
  }
  const standIns = [...staying, ...(tier === 'sorry' && sorry ? [sorry] : [])];
  const next = Math.min(...ends);
  return {
    tier: isOpen ? 'fail-open' : tier,
    hasQuorum,
    verdicts,
    cut: cut.map((server) => serverName(service, server)),
    standIns,
    ...(Number.isFinite(next) && { next }),
  };
}

/** The backups that are in the table while the service's own servers have no quorum. */
function stayingBackups({ health, statusOf, stoodIn, now }: TierInput, tier: Tier): NormalDestination[] {
  const failureOf = onFailureOf(health);
  return health.backups.filter((backup) => {
    const { status, since } = statusOf(backup);
    if (status !== 'down' && tier === 'backups') return true;
    const isThere = stoodIn?.has(formatDestinationKey(backup)) === true;
    return isThere && (status !== 'down' || removalTime(failureOf(backup), since) > now);
  });
}

function fallBack({
  weight,
  spare,
  needed,
  sorry,
}: {
  /** Of the servers that are up, */
  readonly weight: number;
  /** and of the backups. */
  readonly spare: number;
  readonly needed: number;
  readonly sorry: NormalDestination | undefined;
}): Tier {
  if (weight + spare >= needed) return 'backups';
  if (sorry !== undefined) return 'sorry';
  if (spare > 0) return 'backups';
  return weight > 0 ? 'primary' : 'nobody';
}

/** Hysteresis makes it harder to get, and harder to lose. */
function quorumOf({ quorum }: NormalServiceHealth, servers: readonly NormalDestination[], hadQuorum: boolean): number {
  const { up, hysteresis } = quorum;
  const isPercent = typeof up === 'string';
  const wanted = Math.max((isPercent ? Number.parseInt(up, 10) : up) + (hadQuorum ? -hysteresis : hysteresis), 1);
  // What all of them together do not have, they could never have again.
  const all = sumOf(servers, ({ weight }) => weight);
  return Math.max(isPercent ? (Math.min(wanted, 100) * all) / 100 : Math.min(wanted, all), 1);
}

function sumOf(servers: readonly NormalDestination[], weightOf: (server: NormalDestination) => number): number {
  return servers.reduce((sum, server) => sum + weightOf(server), 0);
}

function removalTime({ removeAfter }: NormalOnFailure, since: number): number {
  return removeAfter === 'never' ? Number.POSITIVE_INFINITY : since + removeAfter;
}

function verdictOf(onFailure: NormalOnFailure, since: number, now: number): Verdict | undefined {
  if (removalTime(onFailure, since) <= now) return 'remove';
  return onFailure.quiesce ? 'quiesce' : undefined;
}
