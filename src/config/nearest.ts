/**
 * What a kernel can hold and a state file cannot say, as near as it can say it: other programs make such services, and a
 * whole table must not stay unwritten for one of them.
 * @module
 */
import { MAX_PERSISTENCE_TIMEOUT, makeService, type NormalService, type ServiceSettings } from '../model/service.js';

/** A service, and in words what it has otherwise than the kernel's. */
export interface NearestService {
  readonly service: NormalService;
  /** Empty where the service is as it was. */
  readonly changes: readonly string[];
}

/** The nearest service that a state file can say; what it cannot say at all stays as it is. */
export function nearestService(service: NormalService): NearestService {
  const changes: string[] = [];
  const { onePacket, persistence, ...rest } = service;
  const settings: ServiceSettings = {
    ...rest,
    ...(onePacket === true && keepsOnePacket(service, changes) && { onePacket }),
    ...(persistence !== undefined && { persistence: nearestPersistence(persistence, changes) }),
  };
  return { service: changes.length === 0 ? service : makeService(service, settings), changes };
}

/** The kernel looks at the flag for UDP alone (ip_vs_sched_persist and ip_vs_schedule in ip_vs_core.c). */
function keepsOnePacket({ protocol }: NormalService, changes: string[]): boolean {
  if (protocol === 'udp' || protocol === 'fwmark') return true;
  changes.push(`one-packet scheduling has no effect on ${protocol}, and is left out`);
  return false;
}

function nearestPersistence(
  persistence: NonNullable<ServiceSettings['persistence']>,
  changes: string[],
): NonNullable<ServiceSettings['persistence']> {
  const { timeout } = persistence;
  if (timeout === undefined) return persistence;
  const nearest = Math.min(Math.max(timeout, 1), MAX_PERSISTENCE_TIMEOUT);
  if (nearest !== timeout)
    changes.push(`a persistence timeout of ${timeout} s cannot be written: ${nearest} s is taken`);
  return { ...persistence, timeout: nearest };
}
