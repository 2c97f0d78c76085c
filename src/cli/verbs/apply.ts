/** @module */
import { printable, RemoteError } from '../../errors.js';
import type { DocumentResult } from '../../json/api.js';
import { prettyJson } from '../../json/pretty.js';
import { API, DRAIN, END, JSON_OUTPUT, NETNS, PRUNE, SCOPE, STATE_FILE } from '../common-options.js';
import type { VerbContext } from '../context.js';
import { planFor, planText } from '../difference.js';
import { readInput, readState } from '../input.js';
import { Interrupt } from '../interrupt.js';
import { progress } from '../progress.js';
import { openDirector, refuseWith } from '../remote.js';
import { CHANGING } from '../sources.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts apply` */
export const apply = defineVerb({
  name: 'apply',
  group: 'State',
  operands: { file: STATE_FILE },
  options: {
    scope: SCOPE,
    prune: PRUNE,
    drain: DRAIN,
    end: END,
    'dry-run': { help: 'only show what would be done' },
    'on-refusal': {
      placeholder: 'WAY',
      choices: ['rollback', 'stop', 'continue'],
      default: 'rollback',
      help: 'if the kernel refuses a step: undo the steps before it, stop there, or go on',
    },
    json: JSON_OUTPUT,
    reason: { placeholder: 'TEXT', help: 'with --api: why, for the history' },
    revision: {
      placeholder: 'HASH',
      read: revisionOf,
      help: 'with --api: only if the file there is still the one that --dry-run named; default: as it is now',
    },
    api: API,
    netns: NETNS,
  },
  reports: true,
  help: 'make the table what a state file says',
  details:
    'No connection is dropped: what can be changed in place is changed in place, and servers that stay keep serving. With ' +
    '--api the file replaces the whole state file of the director, which drains and refuses by its own rules. If somebody else changes that ' +
    'file after the plan was made, nothing is changed, and the exit code is 1.',

  async run({ values, operands }, context) {
    const { stdout, stderr } = context.streams;
    if (values.api !== undefined) return await applyAt(values.api, operands.file, values, context);
    const { reason, revision } = values;
    if (reason !== undefined) throw new UsageError('--reason goes with --api');
    if (revision !== undefined) throw new UsageError('--revision goes with --api');
    const desired = await readState(operands.file, context);
    if (desired.services === undefined) stderr.write('ipvs-ts: the file has no services: those in the table stay\n');
    if (desired.health !== undefined) stderr.write('ipvs-ts: "keep" runs the checks of the file; apply does not\n');
    await using ipvs = await context.open({ netns: values.netns, source: CHANGING });
    const difference = await planFor(ipvs, desired, values, context.streams);
    const { json, drain, end } = values;
    if (end && drain === undefined) throw new UsageError('--end needs --drain');
    if (values['dry-run']) {
      stdout.write(json ? prettyJson(difference) : planText(difference));
      return 0;
    }
    const { applyPlan } = await import('../../reconcile/apply.js');
    using line = progress('apply', stderr);
    using interrupt = new Interrupt();
    const steps = await applyPlan(ipvs, difference, {
      onRefusal: values['on-refusal'],
      onProgress: ({ done, total }) => line.update(done, total),
      signal: interrupt.signal,
      ...(drain !== undefined && { drain: { deadline: drain, end } }),
    });
    stdout.write(json ? prettyJson(difference) : planText({ ...difference, steps }));
    return 0;
  },
});

interface Values {
  readonly scope: readonly string[];
  readonly prune: boolean;
  readonly drain: number | undefined;
  readonly end: boolean;
  readonly netns: string | undefined;
  readonly reason: string | undefined;
  readonly revision: string | undefined;
  readonly json: boolean;
  readonly 'dry-run': boolean;
}

async function applyAt(api: string, file: string, values: Values, context: VerbContext): Promise<number> {
  const { scope, prune, drain, end, netns, reason, json, 'dry-run': dryRun } = values;
  refuseWith('--api', { scope, prune, drain, end, netns });
  const { stdout, stderr, stdin } = context.streams;
  const { text } = await readInput(file, stdin);
  await using director = await openDirector(api, context);
  try {
    const revision = values.revision ?? (await director.desired()).revision;
    const planned = await director.putDesired(text, { dryRun: true, reason, revision });
    for (const { path, message } of planned.warnings) {
      stderr.write(`ipvs-ts: ${printable(path)}: ${printable(message)}\n`);
    }
    if (!json) stdout.write(planText(planned.plan));
    if (dryRun) stderr.write(`this replaces revision ${revision}\n`);
    const result = dryRun ? planned : await director.putDesired(text, { reason, revision });
    if (json) stdout.write(prettyJson(result));
    return tell(result, stderr);
  } catch (error) {
    if (!(error instanceof RemoteError && error.status === CHANGED)) throw error;
    stderr.write("ipvs-ts: apply: somebody else has changed the director's file meanwhile; nothing was changed\n");
    return 1;
  }
}

/** What came of it. Returns the exit code. */
function tell({ refused, notTried, outcome }: DocumentResult, stderr: NodeJS.WritableStream): number {
  for (const { step, message } of refused) stderr.write(`ipvs-ts: refused: ${step}: ${message}\n`);
  for (const step of notTried) stderr.write(`ipvs-ts: not tried: ${step}\n`);
  if (outcome === 'pending') stderr.write('ipvs-ts: the file is written; the director has not come to it yet\n');
  return outcome === 'refused' ? 1 : 0;
}

/** The status of a change of what is something else by now. */
const CHANGED = 412;

function revisionOf(text: string): string {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  throw new UsageError(`must be 64 hexadecimal digits, as --dry-run writes them, not "${text}"`);
}
