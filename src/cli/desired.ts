/**
 * `ipvs-ts diff`, `ipvs-ts apply` and `ipvs-ts export`: the table against the file that says how it should be.
 * @module
 */
import type { DesiredState } from '../config/desired-state.js';
import { desiredServices, formatStateFile } from '../config/write.js';
import { exportConfig } from '../formats/export-config.js';
import { IMPORT_FORMATS } from '../formats/import-config.js';
import { Ipvs } from '../ipvs.js';
import { applyPlan } from '../reconcile/apply.js';
import { type Plan, plan, type Step } from '../reconcile/plan.js';
import { readState } from '../reconcile/state.js';
import { milliseconds, scopeOf } from './desired-options.js';
import type { Parsed } from './parse-verb.js';
import { progress } from './progress.js';
import { readStateFile } from './state-file.js';
import type { Streams } from './streams.js';

/** There is a difference: the exit code of `diff`. */
const DIFFERENT = 2;

/** Writes the live table as a state file, or as another program's. What that has no words for is told. */
export async function exportState({ values }: Parsed<'export'>, { stdout, stderr }: Streams): Promise<void> {
  await using ipvs = await Ipvs.open({ netns: values.netns, source: 'netlink' });
  const services = desiredServices(await ipvs.snapshot());
  const state = { services, timeouts: await ipvs.timeouts(), daemons: await ipvs.daemons() };
  const format = IMPORT_FORMATS.find((known) => known === values.format);
  if (format === undefined) {
    stdout.write(formatStateFile(state));
    return;
  }
  const { text, notWritten } = exportConfig(state, { format });
  for (const { object, why } of notWritten) stderr.write(`ipvs-ts: not told: ${object}: ${why}\n`);
  stdout.write(text);
}

/** Shows what `apply` would do. Returns 0 where that is nothing, else 2. */
export async function diff({ values, operand }: Parsed<'diff'>, streams: Streams): Promise<number> {
  await using ipvs = await Ipvs.open({ netns: values.netns, source: 'netlink' });
  const difference = await compare(ipvs, await readStateFile(operand ?? '-', streams), values);
  streams.stdout.write(values.json ? json(difference) : planText(difference));
  return difference.steps.length === 0 ? 0 : DIFFERENT;
}

/** Makes the table what the file says, or shows what would be done. */
export async function apply({ values, operand }: Parsed<'apply'>, streams: Streams): Promise<void> {
  const desired = await readStateFile(operand ?? '-', streams);
  await using ipvs = await Ipvs.open({ netns: values.netns, source: 'netlink' });
  const difference = await compare(ipvs, desired, values);
  const { stdout, stderr } = streams;
  if (values['dry-run']) {
    stdout.write(values.json ? json(difference) : planText(difference));
    return;
  }
  using line = progress('apply', stderr);
  const deadline = milliseconds('apply', 'drain', values.drain);
  const done = await applyPlan(ipvs, difference, {
    onRefusal: values['on-refusal'] as 'rollback' | 'stop' | 'continue',
    onProgress: ({ done: count, total }) => line.update(count, total),
    ...(deadline !== undefined && { drain: { deadline } }),
  });
  stdout.write(values.json ? json(difference) : done.map(stepText).join('') + unmanagedText(difference));
}

async function compare(
  ipvs: Ipvs,
  desired: DesiredState,
  { prune, scope }: { readonly prune: boolean; readonly scope?: string[] | undefined },
): Promise<Plan> {
  return plan(await readState(ipvs, desired), desired, { prune, scope: scopeOf(scope) });
}

/** As a diff prints it: `+` what is added, `-` what goes, `~` what changes, with what changes in it. */
function planText(difference: Plan): string {
  return difference.steps.map(stepText).join('') + unmanagedText(difference);
}

function stepText({ change, what, why }: Step): string {
  const sign = /^(add|start)-/.test(change.verb) ? '+' : /^(delete|stop)-/.test(change.verb) ? '-' : '~';
  return `${sign} ${what}${why === '' ? '' : `  (${why})`}\n`;
}

function unmanagedText({ unmanaged }: Plan): string {
  return unmanaged.map((key) => `  ${key} is not in the file, and stays (--prune deletes it)\n`).join('');
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
