/**
 * `ipvs-ts doctor`.
 * @module
 */
import { readFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { diagnose } from '../doctor/diagnose.js';
import { type Finding, SEVERITIES, type Severity } from '../doctor/finding.js';
import { type ExamineOptions, gather, type RoleOptions } from '../doctor/gather.js';
import { leftToPeople, mendingPlans } from '../doctor/mend.js';
import type { Picture } from '../doctor/picture.js';
import { apply } from '../host/apply.js';
import { findingsJson } from '../json/findings.js';
import { type NormalSyncDaemon, parseSyncDaemon } from '../model/sync-daemon.js';
import { type DescriptionValues, describeDirector, describeRealServer } from './host-description.js';
import { UsageError } from './parse-verb.js';
import type { Streams } from './streams.js';

/** The values of the verb's options. */
export interface DoctorValues extends DescriptionValues {
  readonly scheduler?: readonly string[] | undefined;
  readonly peer?: string | undefined;
  readonly netns?: string | undefined;
  readonly json?: boolean | undefined;
  readonly fix?: boolean | undefined;
  readonly 'no-probe'?: boolean | undefined;
}

/** The exit codes beside 1 (the host can't be looked at) and 2 (wrong words): 0 is nothing above a note. */
export const DOCTOR_EXIT = { healthy: 0, warning: 3, error: 4 } as const;

/** Says what is wrong with this host, and with `--fix` mends what steps can mend. Returns the exit code. */
export async function doctor(
  { values, operand }: { readonly values: DoctorValues; readonly operand?: string | undefined },
  streams: Streams,
): Promise<number> {
  const { stdout } = streams;
  if (values.json && values.fix) throw new UsageError('doctor: --json and --fix exclude each other');
  const options: ExamineOptions = {
    ...(await roleOf(operand, values, streams)),
    netns: values.netns,
    probe: !values['no-probe'],
    schedulers: values.scheduler,
    peer: values.peer === undefined ? undefined : readPeer(values.peer),
  };
  const picture = await gather(options);
  const findings = diagnose(picture);
  if (values.json) {
    stdout.write(findingsJson(findings));
    return exitCode(findings);
  }
  const write = (text: string) => void stdout.write(text);
  write(report(findings, picture, inColour(stdout)));
  if (!values.fix) return exitCode(findings);
  await mend(picture, findings, write);
  return exitCode(diagnose(await gather(options)));
}

function exitCode(findings: readonly Finding[]): number {
  if (findings.some(({ severity }) => severity === 'error')) return DOCTOR_EXIT.error;
  return findings.some(({ severity }) => severity === 'warning') ? DOCTOR_EXIT.warning : DOCTOR_EXIT.healthy;
}

// What the host is to be

async function roleOf(operand: string | undefined, values: DoctorValues, streams: Streams): Promise<RoleOptions> {
  const isDescribed = DESCRIBING.some((option) => values[option] !== undefined && values[option] !== false);
  switch (operand) {
    case 'director':
      return {
        role: 'director',
        description: isDescribed ? await describeDirector('doctor', values, streams) : undefined,
      };
    case 'realserver':
      return {
        role: 'real-server',
        description: isDescribed ? await describeRealServer('doctor', values, streams) : undefined,
      };
    default:
      if (!isDescribed) return {};
      throw new UsageError('doctor: what describes a host needs the word director or realserver');
  }
}

const DESCRIBING = [
  'file',
  'mode',
  'vip',
  'device',
  'gateway',
  'network',
  'inside-device',
  'inside-address',
  'masquerade',
  'tunnel',
] as const satisfies readonly (keyof DescriptionValues)[];

/** The other director's `ipvs-ts settings --json`. */
function readPeer(file: string): NormalSyncDaemon[] {
  const wrong = (reason: string) => new UsageError(`doctor: --peer ${file}: ${reason}`);
  try {
    const { daemons } = JSON.parse(readFileSync(file, 'utf8')) as { daemons?: unknown };
    if (!Array.isArray(daemons)) throw new Error('it has no daemons');
    return daemons.map((daemon) => parseSyncDaemon(daemon));
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
}

// What people read

/** One block for each finding, and a line of their numbers. */
export function report(findings: readonly Finding[], { role }: Pick<Picture, 'role'>, colour: boolean): string {
  const blocks = findings.map((finding) => block(finding, colour));
  return `${[...blocks, summary(findings, role)].join('\n')}`;
}

function block({ id, severity, subject, what, why, fix, page }: Finding, colour: boolean): string {
  const title = colour ? styleText(COLOURS[severity], severity, { validateStream: false }) : severity;
  const where = fix.on === undefined ? '' : `on ${fix.on}: `;
  return [
    `${title} ${id}: ${subject}`,
    `  ${what}`,
    `  ${why}`,
    `  mend: ${where}${fix.command}`,
    `  see:  ${page}`,
    '',
  ].join('\n');
}

const COLOURS = { error: 'red', warning: 'yellow', note: 'cyan' } as const satisfies Record<Severity, string>;

function summary(findings: readonly Finding[], role: Picture['role']): string {
  const kind = role === undefined ? 'this host' : `this ${role.replace('-', ' ')}`;
  const counts = SEVERITIES.flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}${count === 1 ? '' : 's'}`];
  });
  return counts.length === 0 ? `Nothing is wrong with ${kind}.\n` : `${kind}: ${counts.join(', ')}\n`;
}

function inColour(stdout: NodeJS.WritableStream): boolean {
  return 'isTTY' in stdout && stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === '';
}

// Mending

async function mend(picture: Picture, findings: readonly Finding[], write: (text: string) => void): Promise<void> {
  const plans = mendingPlans(picture);
  for (const plan of plans) {
    write(`\nSteps for this ${plan.role.replace('-', ' ')}:\n`);
    for (const { what } of plan.steps) write(`  ${what}\n`);
  }
  for (const plan of plans) {
    const { path } = await apply(plan, { netns: picture.netns, onStep: ({ what }) => write(`done: ${what}\n`) });
    write(`What was there before is in ${path}.\n`);
  }
  const left = leftToPeople(findings);
  if (left.length > 0) write(`\nLeft to you: ${left.map(({ id, subject }) => `${id} (${subject})`).join(', ')}\n`);
}
