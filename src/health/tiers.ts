/**
 * Who serves: a service's own real servers while they have the quorum, then its backups too, then its sorry server. Pure.
 * @module
 */
import type { NormalDestination } from '../model/destination.js';
import type { NormalServiceHealth } from '../model/health.js';
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
  /** As of the decision before; true at first. */
  readonly hadQuorum: boolean;
  readonly now: number;
}

/** Decides for one service. A server that was not checked yet, or never is, counts as up. */
export function decide({ health, servers, statusOf, hadQuorum, now }: TierInput): TierDecision {
  const { service, backups, sorry, failOpen } = health;
  const isUp = (server: NormalDestination) => statusOf(server).status !== 'down';
  const upBackups = backups.filter(isUp);
  const needed = quorumOf(health, servers, hadQuorum);
  const weight = weightOf(servers.filter(isUp));
  const hasQuorum = weight >= needed;
  const tier = hasQuorum ? 'primary' : fallBack(weight + weightOf(upBackups), needed, upBackups, sorry);
  if (tier === 'nobody' && failOpen && servers.length > 0 && !servers.some(isUp)) {
    return { tier: 'fail-open', hasQuorum, verdicts: new Map(), standIns: [] };
  }
  const down = servers.filter((server) => !isUp(server));
  const ends = down.map((server) => removalTime(health, statusOf(server).since)).filter((time) => time > now);
  const verdicts = new Map<ServerName, Verdict>();
  for (const server of down) {
    const verdict = verdictOf(health, statusOf(server).since, now);
    if (verdict !== undefined) verdicts.set(serverName(service, server), verdict);
  }
  // Those that are up, and too few, leave the service to the sorry server; their connections go on.
  if (tier === 'sorry') for (const server of servers.filter(isUp)) verdicts.set(serverName(service, server), 'quiesce');
  const standIns = tier === 'backups' ? upBackups : tier === 'sorry' && sorry ? [sorry] : [];
  const next = Math.min(...ends);
  return { tier, hasQuorum, verdicts, standIns, ...(Number.isFinite(next) && { next }) };
}

function fallBack(
  weight: number,
  needed: number,
  upBackups: readonly NormalDestination[],
  sorry: NormalDestination | undefined,
): Tier {
  if (weight >= needed) return 'backups';
  if (sorry !== undefined) return 'sorry';
  if (upBackups.length > 0) return 'backups';
  return weight > 0 ? 'primary' : 'nobody';
}

/** Hysteresis makes it harder to get, and harder to lose. */
function quorumOf({ quorum }: NormalServiceHealth, servers: readonly NormalDestination[], hadQuorum: boolean): number {
  const { up, hysteresis } = quorum;
  const isPercent = typeof up === 'string';
  const wanted = Math.max((isPercent ? Number.parseInt(up, 10) : up) + (hadQuorum ? -hysteresis : hysteresis), 1);
  // What all of them together do not have, they could never have again.
  const all = weightOf(servers);
  return Math.max(isPercent ? (Math.min(wanted, 100) * all) / 100 : Math.min(wanted, all), 1);
}

function weightOf(servers: readonly NormalDestination[]): number {
  return servers.reduce((sum, { weight }) => sum + weight, 0);
}

function removalTime({ onFailure: { removeAfter } }: NormalServiceHealth, since: number): number {
  return removeAfter === 'never' ? Number.POSITIVE_INFINITY : since + removeAfter;
}

function verdictOf(health: NormalServiceHealth, since: number, now: number): Verdict | undefined {
  if (removalTime(health, since) <= now) return 'remove';
  return health.onFailure.quiesce ? 'quiesce' : undefined;
}
