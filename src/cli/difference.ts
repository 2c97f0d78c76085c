/**
 * The difference between the table and a state file, as `diff` and `apply` show it.
 * @module
 */
import type { DesiredState } from '../config/desired-state.js';
import type { TableAccess } from '../model/table-access.js';
import type { Plan, Step } from '../reconcile/plan.js';

/** What makes the table the desired one. */
export async function planFor(
  ipvs: TableAccess,
  desired: DesiredState,
  { prune, scope }: { readonly prune: boolean; readonly scope: readonly string[] },
): Promise<Plan> {
  const { parseScope, plan, readState } = await import('../reconcile/index.js');
  return plan(await readState(ipvs, desired), desired, { prune, scope: parseScope(scope) });
}

/** A line for each step: `+` adds, `-` deletes, `~` changes; then the services that no step is about. */
export function planText({ steps, unmanaged }: Pick<Plan, 'steps' | 'unmanaged'>): string {
  return steps.map(stepText).join('') + unmanaged.map(strayText).join('');
}

function stepText({ change, what, why }: Step): string {
  const sign = /^(add|start)-/.test(change.verb) ? '+' : /^(delete|stop)-/.test(change.verb) ? '-' : '~';
  return `${sign} ${what}${why === '' ? '' : `  (${why})`}\n`;
}

function strayText(key: string): string {
  return `  ${key} is not in the file, and stays (--prune deletes it)\n`;
}
