/** @module */
import { readFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { type Finding, SEVERITIES, type Severity } from '../../doctor/finding.js';
import type { ExamineOptions, RoleOptions } from '../../doctor/gather.js';
import type { Picture } from '../../doctor/picture.js';
import { UnavailableError } from '../../errors.js';
import { prettyJson } from '../../json/pretty.js';
import { type NormalSyncDaemon, parseSyncDaemon } from '../../model/sync-daemon.js';
import { API, DIRECTOR, JSON_OUTPUT, NETNS, TUNNEL } from '../common-options.js';
import type { VerbContext } from '../context.js';
import { type DescriptionValues, describeDirector, describeRealServer, isDescribed } from '../host-description.js';
import { readState } from '../input.js';
import { openDirector, refuseWith } from '../remote.js';
import { isTerminal } from '../streams.js';
import { systemMessage } from '../system-error.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** Exit codes by the worst finding; a note counts as healthy. */
const EXIT = { healthy: 0, warning: 3, error: 4 } as const;

/** `ipvs-ts doctor` */
export const doctor = defineVerb({
  name: 'doctor',
  group: 'Hosts',
  operands: {
    role: {
      placeholder: 'ROLE',
      fallback: 'what the host seems to be',
      choices: ['director', 'realserver'],
      help: 'what the host is to be',
    },
  },
  options: {
    ...DIRECTOR,
    ...TUNNEL,
    scheduler: { placeholder: 'NAME', many: true, help: 'a scheduler that must be available' },
    peer: {
      placeholder: 'FILE',
      source: 'file',
      read: readPeer,
      help: 'output of "settings --json" on the other director, to compare sync daemons',
    },
    state: { placeholder: 'FILE', source: 'file', help: 'state file that is kept, whose health checks are examined' },
    client: { placeholder: 'ADDR', help: 'a client whose requests and answers are examined (default: any client)' },
    fix: { help: 'show the steps that mend findings, and carry them out' },
    'no-probe': { help: 'do not ask the network for virtual IPs, real servers and routers' },
    json: JSON_OUTPUT,
    api: API,
    netns: NETNS,
  },
  help: 'find what is wrong with a host, and what mends it',
  details: 'Every finding has a page in docs/doctor.',
  exitCodes: [
    { code: EXIT.healthy, help: 'nothing to mend' },
    { code: 1, help: 'the host cannot be examined' },
    { code: 2, help: 'usage error' },
    { code: EXIT.warning, help: 'warnings' },
    { code: EXIT.error, help: 'errors' },
  ],

  async run({ values, operands: { role } }, context) {
    const { stdout } = context.streams;
    if (values.json && values.fix) throw new UsageError('--json and --fix exclude each other');
    if (values.api !== undefined) {
      const { api, json, ...others } = values;
      if (role !== undefined) throw new UsageError('ROLE has no meaning with --api');
      refuseWith('--api', others);
      return await examineAt(api, json, context);
    }
    const [{ gather }, { diagnose }] = [
      await import('../../doctor/gather.js'),
      await import('../../doctor/diagnose.js'),
    ];
    const options: ExamineOptions = {
      ...(await roleOf(role, values, context)),
      netns: values.netns,
      probe: !values['no-probe'],
      client: values.client,
      schedulers: values.scheduler,
      peer: values.peer,
      wanted: values.state === undefined ? undefined : await readState(values.state, context),
      checked: await healthHere(values.netns),
    };
    const picture = await gather(options);
    const findings = diagnose(picture);
    if (values.json) {
      const { findingsJson } = await import('../../json/findings.js');
      stdout.write(findingsJson(findings));
      return exitCode(findings);
    }
    const write = (text: string) => void stdout.write(text);
    write(report(findings, picture, inColour(stdout, context.env)));
    if (!values.fix) return exitCode(findings);
    await mend(picture, findings, write);
    return exitCode(diagnose(await gather(options)));
  },
});

async function examineAt(api: string, json: boolean, context: VerbContext): Promise<number> {
  const { stdout } = context.streams;
  await using director = await openDirector(api, context);
  const findings = await director.doctor({ timeout: EXAMINATION });
  const text = json ? prettyJson(findings) : report(findings, { role: 'director' }, inColour(stdout, context.env));
  stdout.write(text);
  return exitCode(findings);
}

/** Milliseconds: the network is asked, too. */
const EXAMINATION = 120_000;

function exitCode(findings: readonly Finding[]): number {
  if (findings.some(({ severity }) => severity === 'error')) return EXIT.error;
  return findings.some(({ severity }) => severity === 'warning') ? EXIT.warning : EXIT.healthy;
}

// What the host is to be

async function roleOf(role: string | undefined, values: DescriptionValues, context: VerbContext): Promise<RoleOptions> {
  switch (role) {
    case 'director':
      return {
        role: 'director',
        description: isDescribed(values) ? await describeDirector(values, context) : undefined,
      };
    case 'realserver':
      return {
        role: 'real-server',
        description: isDescribed(values) ? await describeRealServer(values, context) : undefined,
      };
    default:
      if (!isDescribed(values)) return {};
      throw new UsageError('options that describe a host need ROLE, director or realserver');
  }
}

/** What the checks of "keep" found; nothing where nobody checks now, or this user may not know it. */
async function healthHere(netns: string | undefined): Promise<ExamineOptions['checked']> {
  const { currentHealth, STALE } = await import('../current-health.js');
  try {
    const { report, age = 0 } = currentHealth({ netns }) ?? {};
    return age <= STALE ? report : undefined;
  } catch (error) {
    if (error instanceof UnavailableError) return undefined;
    throw error;
  }
}

/** The other director's `ipvs-ts settings --json`. */
function readPeer(file: string): NormalSyncDaemon[] {
  try {
    const { daemons } = JSON.parse(readFileSync(file, 'utf8')) as { daemons?: unknown };
    if (!Array.isArray(daemons)) throw new Error('it has no daemons');
    return daemons.map((daemon) => parseSyncDaemon(daemon));
  } catch (error) {
    throw new UsageError(`${file}: ${systemMessage(error)}`);
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

function inColour(stdout: NodeJS.WritableStream, env: NodeJS.ProcessEnv): boolean {
  return isTerminal(stdout) && (env['NO_COLOR'] ?? '') === '';
}

// Mending

async function mend(picture: Picture, findings: readonly Finding[], write: (text: string) => void): Promise<void> {
  const [{ Host }, { leftToPeople, mendings }] = [await import('../../host.js'), await import('../../doctor/mend.js')];
  const host = await Host.open({ netns: picture.netns });
  const found = mendings(picture);
  for (const { plan, steps } of found) {
    write(`\nSteps for this ${plan.role.replace('-', ' ')}:\n`);
    for (const { what } of steps) write(`  ${what}\n`);
  }
  for (const { plan, steps } of found) {
    const names = new Set(steps.map(({ what }) => what));
    const { path } = await host.apply(
      { ...plan, obstacles: [] },
      // The doctor has asked the network already, and knows real servers that answer though they should not.
      { force: true, only: ({ what }) => names.has(what), onProgress: ({ step }) => write(`done: ${step.what}\n`) },
    );
    write(`What was there before is in ${path}.\n`);
  }
  const left = leftToPeople(findings);
  if (left.length > 0) write(`\nLeft to you: ${left.map(inShort).join(', ')}\n`);
}

function inShort({ id, subject, fix: { manual } }: Finding): string {
  return `${id} (${subject})${manual === undefined ? '' : `: ${manual}`}`;
}
