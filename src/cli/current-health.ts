/**
 * What the programs that check a table found last, joined: there is one for each scope.
 * @module
 */
import { type HealthReport, readHealthReports } from '../health/index.js';
import { stateDirectory } from '../reconcile/index.js';

/** Seconds: a report is written every 10. */
export const STALE = 30;

/** The reports of a network namespace, as one. */
export interface CurrentHealth {
  readonly report: HealthReport;
  /** Seconds since it was written. */
  readonly age: number;
}

/** Undefined where nobody has ever checked. What a program left that has ended counts only if no other runs. */
export function currentHealth(
  { netns }: { readonly netns: string | undefined },
  services?: ReadonlySet<string>,
): CurrentHealth | undefined {
  const all = readHealthReports(stateDirectory({ netns })).sort((left, right) => right.written - left.written);
  const fresh = all.filter(({ written }) => ageOf(written) <= STALE);
  const [first, ...others] = fresh.length > 0 ? fresh : all.slice(0, 1);
  if (first === undefined) return undefined;
  const isWanted = ({ service }: { readonly service: string }) => services?.has(service) !== false;
  const report = {
    ...first,
    services: [first, ...others].flatMap((each) => each.services.filter(isWanted)),
    servers: [first, ...others].flatMap((each) => each.servers.filter(isWanted)),
  };
  return { report, age: ageOf(first.written) };
}

function ageOf(written: number): number {
  return Math.round((Date.now() - written) / 1000);
}
