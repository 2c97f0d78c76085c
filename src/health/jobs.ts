/**
 * Which checks a table comes to: a service's servers, backups and checks, one by one.
 * @module
 */
import { createHash } from 'node:crypto';
import type { NormalCheck } from '../model/check.js';
import type { NormalDesiredService } from '../model/desired.js';
import type { NormalDestination } from '../model/destination.js';
import { isSorry, type NormalServerHealth, type NormalServiceHealth } from '../model/health.js';
import type { NormalServiceNotify } from '../model/hook.js';
import { formatServiceKey } from '../model/service-key.js';
import type { Target } from './check-outcome.js';

/** A check of one target. Equal ones have equal keys. */
export interface Job {
  readonly key: string;
  readonly target: Target;
  readonly check: NormalCheck;
}

/** A real server that is checked for a service. */
export interface CheckedServer {
  readonly health: NormalServiceHealth;
  readonly destination: NormalDestination;
  readonly role: 'server' | 'backup';
  readonly jobs: readonly Job[];
  /** Who is told of it. */
  readonly notify: NormalServiceNotify;
}

/** A service that is checked, with the servers that the table has for it. */
export interface CheckedService extends NormalDesiredService {
  readonly health: NormalServiceHealth;
}

const NOBODY: NormalServiceNotify = {};

/** The services of a table that are checked. */
export function checkedServices(
  services: readonly NormalDesiredService[],
  health: readonly NormalServiceHealth[],
): CheckedService[] {
  const wanted = new Map(services.map((entry) => [formatServiceKey(entry.service), entry]));
  return health.flatMap((one) => {
    const entry = wanted.get(formatServiceKey(one.service));
    return entry === undefined ? [] : [{ ...entry, health: one }];
  });
}

/** The servers of a service, its own first. */
export function checkedServers({ health, destinations }: CheckedService): CheckedServer[] {
  const own = new Map(health.servers.map((each) => [`${each.address} ${each.port}`, each]));
  const checked = (destination: NormalDestination, role: CheckedServer['role']): CheckedServer => {
    const { address, port } = destination;
    const { checks, notify }: Pick<NormalServerHealth, 'checks' | 'notify'> = own.get(`${address} ${port}`) ?? {
      checks: health.checks,
    };
    const jobs = isSorry(health, destination) ? [] : checks.map((check) => jobOf(destination, check));
    return {
      health,
      destination,
      role,
      jobs,
      notify: notify ? { ...health.notify, ...notify } : (health.notify ?? NOBODY),
    };
  };
  return [
    ...destinations.map((each) => checked(each, 'server')),
    ...health.backups.map((each) => checked(each, 'backup')),
  ];
}

/** Equal checks of equal targets have one key, whatever services they are for. */
function jobOf({ address, port }: Target, check: NormalCheck): Job {
  const target = { address: check.address ?? address, port: check.port ?? port };
  return { key: `${target.address} ${target.port} ${digestOf(check)}`, target, check };
}

/** The text of a check is long, and may hold a password; keys are written to a journal, and thousands of servers have one check. */
const digests = new WeakMap<NormalCheck, string>();

function digestOf(check: NormalCheck): string {
  const known = digests.get(check);
  if (known !== undefined) return known;
  const digest = createHash('sha256').update(JSON.stringify(check)).digest('base64url').slice(0, 22);
  digests.set(check, digest);
  return digest;
}
