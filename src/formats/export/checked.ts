/**
 * What the checks of a state say of one service, and of one real server.
 * @module
 */
import type { NormalCheck } from '../../model/check.js';
import { formatDestinationKey, type NormalDestination } from '../../model/destination.js';
import type { NormalOnFailure, NormalServiceHealth } from '../../model/health.js';
import type { NormalServerNotify } from '../../model/hook.js';
import { formatServiceKey } from '../../model/service-key.js';
import type { ReportNotWritten } from './language.js';

/** How services are checked, by their names. */
export function byService(health: readonly NormalServiceHealth[]): ReadonlyMap<string, NormalServiceHealth> {
  return new Map(health.map((each) => [formatServiceKey(each.service), each]));
}

/** The checks of one real server: its own, or those of its service. */
export function checksOf(
  destination: NormalDestination,
  health: NormalServiceHealth | undefined,
): readonly NormalCheck[] {
  const name = formatDestinationKey(destination);
  return (health?.servers.find((own) => formatDestinationKey(own) === name) ?? health)?.checks ?? [];
}

/** Other programs give a sorry server weight 1, and no thresholds. */
export function tellSorry(
  service: string,
  { weight, upperThreshold, lowerThreshold }: NormalDestination,
  report: ReportNotWritten,
): void {
  if (weight === 1 && upperThreshold === undefined && lowerThreshold === undefined) return;
  report(service, 'its sorry server has weight 1, and no thresholds');
}

/** What happens to one real server that is down, and who is told of it. */
export function policyOfServer(
  destination: NormalDestination,
  { servers, onFailure, notify }: NormalServiceHealth,
): { readonly onFailure: NormalOnFailure; readonly notify: NormalServerNotify } {
  const name = formatDestinationKey(destination);
  const own = servers.find((each) => formatDestinationKey(each) === name);
  return { onFailure: own?.onFailure ?? onFailure, notify: { ...notify, ...own?.notify } };
}
