/**
 * The actions of `ipvs-ts director` and `ipvs-ts realserver`.
 * @module
 */
import { resolve } from 'node:path';
import type { Finding } from '../doctor/finding.js';
import type { HostPlan, PlannedStep } from '../host/plan.js';
import type { RevertTarget } from '../host/revert.js';
import type { HostSetup } from '../host/setup.js';
import type { Host } from '../host.js';
import { prettyJson } from '../json/pretty.js';
import { type DescriptionValues, isDescribed } from './host-description.js';
import { UsageError } from './usage-error.js';

type Values = DescriptionValues & {
  readonly netns: string | undefined;
  readonly record: string | undefined;
  readonly name: string | undefined;
  readonly force: boolean;
  readonly json: boolean;
};

/** What an action is about. */
export interface HostAction<Setup extends HostSetup = HostSetup> {
  readonly role: Setup['role'];
  readonly values: Values;
  readonly stdout: NodeJS.WritableStream;
  /** What the options or the file describe. */
  describe(): Promise<Setup['description']>;
}

/** The same, with its host. */
interface Action {
  readonly host: Host;
  readonly values: Values;
  readonly stdout: NodeJS.WritableStream;
  readonly role: HostSetup['role'];
  setup(): Promise<HostSetup>;
}

/** Carries out an action. Returns the exit code: of `check` 1 if something is wrong. */
export async function carryOut<Setup extends HostSetup>(
  name: 'up' | 'down' | 'plan' | 'check',
  { role, values, stdout, describe }: HostAction<Setup>,
): Promise<number> {
  const { Host } = await import('../host.js');
  const setup = async () => ({ role, name: nameOf(values), description: await describe() }) as HostSetup;
  const action: Action = { host: await Host.open({ netns: values.netns }), values, stdout, role, setup };
  switch (name) {
    case 'up':
      return up(action);
    case 'down':
      return down(action);
    case 'check':
      return check(action);
    case 'plan':
      return show(action);
  }
}

/** A file is one set-up, whatever is written in it: when it changes, the new form takes the old one's place. */
function nameOf({ name, file }: Values): string | undefined {
  return name ?? (file === undefined || file === '-' ? undefined : resolve(file));
}

async function show({ host, setup, values, stdout }: Action): Promise<number> {
  const plan = await host.plan(await setup());
  stdout.write(values.json ? prettyJson(plan) : planText(plan));
  return 0;
}

/** Every step, and what the doctor finds wrong. So the two never contradict each other. */
async function check({ host, setup, values, stdout }: Action): Promise<number> {
  const described = await setup();
  const plan = await host.plan(described);
  const { role, description } = described;
  const findings = await host.examine({ role, description } as Parameters<Host['examine']>[0]);
  const wrong = findings.filter(({ severity, fix }) => severity === 'error' || fix.step !== undefined);
  if (values.json) stdout.write(prettyJson({ ...plan, findings: wrong }));
  else stdout.write(plan.steps.map(line).join('') + obstacleText(plan) + wrong.map(findingLine).join(''));
  return wrong.length === 0 ? 0 : 1;
}

/** `wrong vip-wrong-device: The virtual IP 10.0.0.100 is on eth0, and should be on lo alone.` */
function findingLine({ what, id }: Finding): string {
  return `wrong ${id}: ${what}\n`;
}

async function up({ host, setup, role, values, stdout }: Action): Promise<number> {
  const { record, force } = values;
  const onProgress = values.json
    ? undefined
    : ({ step }: { step: { what: string } }) => void stdout.write(`done  ${step.what}\n`);
  const result = await host.apply(await host.plan(await setup()), { record, force, onProgress });
  if (values.json) stdout.write(prettyJson(result));
  else stdout.write(summary(result.record.steps.length, result.already.length, downCommand(role, values)));
  return 0;
}

function summary(done: number, already: number, takeBack: string): string {
  const before = already === 0 ? '' : `, ${count(already)} there before`;
  return `${count(done)} done${before}${done === 0 ? '' : `; to take back: ${takeBack}`}\n`;
}

function downCommand(role: HostSetup['role'], { netns, record, name, file }: Values): string {
  const words = ['ipvs-ts', role === 'director' ? 'director' : 'realserver', 'down'];
  if (netns !== undefined) words.push('--netns', netns);
  if (record !== undefined) words.push('--record', record);
  else if (name !== undefined) words.push('--name', name);
  else if (file !== undefined && file !== '-') words.push('--file', file);
  return words.join(' ');
}

async function down(action: Action): Promise<number> {
  const { host, values, stdout } = action;
  const onProgress = values.json
    ? undefined
    : ({ step }: { step: { undo: string } }) => void stdout.write(`done  ${step.undo}\n`);
  const result = await host.revert(await targetOf(action), { force: values.force, onProgress });
  if (values.json) {
    stdout.write(prettyJson(result));
    return 0;
  }
  for (const { what } of result.left) stdout.write(`left  ${what}\n`);
  stdout.write(result.undone.length === 0 ? 'nothing to take back\n' : `${count(result.undone.length)} taken back\n`);
  return 0;
}

/** One set-up, by its journal, description or name; without these, all of the role. */
async function targetOf({ role, setup, values }: Action): Promise<RevertTarget> {
  const { record, name } = values;
  if (record === undefined) return isDescribed(values) ? setup() : { role, name };
  if (!isDescribed(values) && name === undefined) return { record };
  throw new UsageError('--record names a set-up by itself, and does not go with what describes one');
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
