/**
 * The difference between the table and a state file, as `diff` and `apply` show it.
 * @module
 */
import type { DesiredState } from '../config/desired-state.js';
import { formatServiceKey } from '../model/service-key.js';
import type { TableAccess } from '../model/table-access.js';
import type { Plan, Step } from '../reconcile/plan.js';
import { keeperText, overrideLine } from './override-text.js';
import type { Streams } from './streams.js';

/** What makes the table the desired one, overrides included. What comes before the file is written to standard error. */
export async function planFor(
  ipvs: TableAccess,
  desired: DesiredState,
  { prune, scope, netns }: PlanValues,
  { stderr }: Pick<Streams, 'stderr'>,
): Promise<Plan> {
  const { effective, keepersOf, parseScope, plan, readOverrides, readState, stateDirectory } = await import(
    '../reconcile/index.js'
  );
  const directory = stateDirectory({ netns });
  const overrides = readOverrides(directory);
  const services = new Set((desired.services ?? []).map(({ service }) => formatServiceKey(service)));
  for (const override of overrides.filter(({ service }) => services.has(formatServiceKey(service)))) {
    stderr.write(`override: ${overrideLine(override)}\n`);
  }
  for (const keeper of keepersOf(directory)) {
    stderr.write(`the table is kept by ${keeperText(keeper)}, which puts back what its own file says\n`);
  }
  const joined = effective(desired, { overrides });
  return plan(await readState(ipvs, joined), joined, { prune, scope: parseScope(scope) });
}

/** What `diff` and `apply` are given besides the file. */
interface PlanValues {
  readonly prune: boolean;
  readonly scope: readonly string[];
  readonly netns: string | undefined;
}

/** As much of a plan as is shown: one of the API has no more. */
export interface PlanShown {
  readonly steps: readonly (Pick<Step, 'what' | 'why'> & { readonly change: { readonly verb: string } })[];
  readonly unmanaged: readonly string[];
}

/** A line for each step: `+` adds, `-` deletes, `~` changes; then the services that no step is about. */
export function planText({ steps, unmanaged }: PlanShown): string {
  return steps.map(stepText).join('') + unmanaged.map(strayText).join('');
}

function stepText({ change, what, why }: PlanShown['steps'][number]): string {
  const sign = /^(add|start)-/.test(change.verb) ? '+' : /^(delete|stop)-/.test(change.verb) ? '-' : '~';
  return `${sign} ${what}${why === '' ? '' : `  (${why})`}\n`;
}

function strayText(key: string): string {
  return `  ${key} is not in the file, and stays (--prune deletes it)\n`;
}
