/** @module */
import { prettyJson } from '../../json/pretty.js';
import { DRAIN, END, JSON_OUTPUT, NETNS, PRUNE, SCOPE, STATE_FILE } from '../common-options.js';
import { planFor, planText } from '../difference.js';
import { readState } from '../input.js';
import { Interrupt } from '../interrupt.js';
import { progress } from '../progress.js';
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
    netns: NETNS,
  },
  reports: true,
  help: 'make the table what a state file says',
  details:
    'No connection is dropped: what can be changed in place is changed in place, and servers that stay keep serving.',

  async run({ values, operands }, context) {
    const { stdout, stderr } = context.streams;
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
