/**
 * What a changed source may not want, whatever the kernel says.
 * @module
 */
import { InvalidArgumentError } from '../errors.js';
import type { NormalDesiredTable } from '../model/desired.js';
import { type PlanOptions, plan } from './plan.js';

/** What is allowed. */
export interface NextOptions extends PlanOptions {
  /** Percent of the services, and of the real servers, that may go at once. */
  readonly maxRemoval: number;
}

/**
 * @throws {InvalidArgumentError} for services out of scope or wanted twice, and if so much less is wanted that the file may be half
 *   of one.
 */
export function refuseNext(before: NormalDesiredTable, next: NormalDesiredTable, options: NextOptions): void {
  plan({ services: [] }, { services: next.services ?? [] }, options);
  refuseRemoval(before, next, options.maxRemoval);
}

function refuseRemoval(before: NormalDesiredTable, next: NormalDesiredTable, maxRemoval: number): void {
  const issues = removals(before, next).flatMap(({ what, from, to }) => {
    const percent = (100 * (from - to)) / from;
    if (percent <= maxRemoval) return [];
    const message = `${from - to} of ${from} ${what} would go, more than ${maxRemoval} %: half a file, or allow more`;
    return [{ path: 'services', message }];
  });
  if (issues.length > 0) throw new InvalidArgumentError('desired table', issues);
}

function removals(before: NormalDesiredTable, next: NormalDesiredTable): { what: string; from: number; to: number }[] {
  if (next.services === undefined) return [];
  const count = ({ services = [] }: NormalDesiredTable) =>
    services.reduce((sum, { destinations }) => sum + destinations.length, 0);
  return [
    { what: 'services', from: before.services?.length ?? 0, to: next.services.length },
    { what: 'real servers', from: count(before), to: count(next) },
  ].filter(({ from }) => from > 0);
}
