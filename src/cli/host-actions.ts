/**
 * The actions of `ipvs-ts director` and `ipvs-ts realserver`.
 * @module
 */
import type { HostPlan, PlannedStep, Role } from '../host/plan.js';
import { prettyJson } from '../json/pretty.js';

interface Values {
  readonly netns: string | undefined;
  readonly record: string | undefined;
  readonly json: boolean;
}

/** What an action is about. */
export interface Setup {
  readonly role: Role;
  readonly values: Values;
  readonly stdout: NodeJS.WritableStream;
  plan(): Promise<HostPlan>;
}

/** Carries out an action. Returns the exit code: of `check` 1 if a step is not in place. */
export async function carryOut(action: 'up' | 'down' | 'plan' | 'check', setup: Setup): Promise<number> {
  switch (action) {
    case 'up':
      return up(setup);
    case 'down':
      return down(setup);
    case 'check':
      return check(setup);
    case 'plan':
      return show(setup);
  }
}

async function show({ plan, values, stdout }: Setup): Promise<number> {
  const planned = await plan();
  stdout.write(values.json ? prettyJson(planned) : planText(planned));
  return 0;
}

async function check({ plan, values, stdout }: Setup): Promise<number> {
  const planned = await plan();
  const open = planned.steps.filter(({ done }) => !done);
  stdout.write(values.json ? prettyJson(planned) : planned.steps.map(line).join('') + obstacleText(planned));
  return open.length + planned.obstacles.length === 0 ? 0 : 1;
}

async function up({ role, plan, values, stdout }: Setup): Promise<number> {
  const { apply } = await import('../host/apply.js');
  const { netns, record } = values;
  const tell = values.json ? undefined : (step: { what: string }) => stdout.write(`done  ${step.what}\n`);
  const result = await apply(await plan(), { netns, record, onStep: tell });
  if (values.json) stdout.write(prettyJson(result));
  else stdout.write(summary(result.record.steps.length, result.already.length, downCommand(role, values)));
  return 0;
}

function summary(done: number, already: number, takeBack: string): string {
  const before = already === 0 ? '' : `, ${count(already)} there before`;
  return `${count(done)} done${before}${done === 0 ? '' : `; to take back: ${takeBack}`}\n`;
}

function downCommand(role: Role, { netns, record }: Values): string {
  const words = ['ipvs-ts', role === 'director' ? 'director' : 'realserver', 'down'];
  if (netns !== undefined) words.push('--netns', netns);
  if (record !== undefined) words.push('--record', record);
  return words.join(' ');
}

async function down({ role, values, stdout }: Setup): Promise<number> {
  const [{ recordPath }, { revert }] = [await import('../host/record.js'), await import('../host/revert.js')];
  const { netns, record = recordPath(role, { netns }) } = values;
  const tell = values.json ? undefined : (step: { undo: string }) => stdout.write(`done  ${step.undo}\n`);
  const result = await revert(record, { netns, onStep: tell });
  if (values.json) {
    stdout.write(prettyJson(result));
    return 0;
  }
  for (const { what } of result.left) stdout.write(`left  ${what}\n`);
  stdout.write(result.undone.length === 0 ? 'nothing to take back\n' : `${count(result.undone.length)} taken back\n`);
  return 0;
}

function count(steps: number): string {
  return steps === 1 ? '1 step' : `${steps} steps`;
}

function planText(plan: HostPlan): string {
  const steps = plan.steps.map((step) => `${line(step)}      ${step.why}\n`);
  return steps.join('') + obstacleText(plan);
}

/** `todo  add 10.0.0.100/32 to lo` */
function line({ done, what }: PlannedStep): string {
  return `${done ? 'ok  ' : 'todo'}  ${what}\n`;
}

function obstacleText({ obstacles }: HostPlan): string {
  return obstacles.map(({ what, hint }) => `in the way: ${what} (${hint})\n`).join('');
}
