/** @module */
import { prettyJson } from '../../json/pretty.js';
import { API, JSON_OUTPUT, NETNS, PRUNE, SCOPE, STATE_FILE } from '../common-options.js';
import type { VerbContext } from '../context.js';
import { type PlanShown, planFor, planText } from '../difference.js';
import { readAnyState, readInput, readState } from '../input.js';
import { openDirector, refuseWith } from '../remote.js';
import { CHANGING } from '../sources.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** There is a difference. */
const DIFFERENT = 2;

interface Values {
  readonly scope: readonly string[];
  readonly prune: boolean;
  readonly against: string | undefined;
  readonly api: string | undefined;
  readonly netns: string | undefined;
}

/** Another file stands for what the table would be after it: such a comparison needs no kernel. */
async function compare(file: string, values: Values, context: VerbContext): Promise<PlanShown> {
  const { against, netns, api, scope, prune } = values;
  if (api !== undefined) {
    refuseWith('--api', { against, netns, scope, prune });
    const { text } = await readInput(file, context.streams.stdin);
    await using director = await openDirector(api, context);
    return await director.plan(text);
  }
  if (against === undefined) {
    await using ipvs = await context.open({ netns, source: CHANGING });
    return await planFor(ipvs, await readState(file, context), values, context.streams);
  }
  if (netns !== undefined) throw new UsageError('--against FILE reads no table, so --netns has no meaning');
  if (file === '-' && against === '-') throw new UsageError('only one of the files can be standard input');
  const { parseScope, plan, stateOf } = await import('../../reconcile/index.js');
  const current = stateOf(await readAnyState(against, context));
  return plan(current, await readState(file, context), { prune: values.prune, scope: parseScope(values.scope) });
}

/** `ipvs-ts diff` */
export const diff = defineVerb({
  name: 'diff',
  group: 'State',
  operands: { file: STATE_FILE },
  options: {
    scope: SCOPE,
    prune: PRUNE,
    against: {
      placeholder: 'FILE',
      source: 'file',
      help: "compare with this state file, or another program's file, instead of the table in the kernel",
    },
    json: JSON_OUTPUT,
    api: API,
    netns: NETNS,
  },
  help: 'show what "apply" would do',
  details:
    'With --against no kernel is needed: what the other file does not name counts as on a host just started. With --api, ' +
    'what the director would do if the file stood in the place of its own.',
  exitCodes: [
    { code: 0, help: 'no difference' },
    { code: 1, help: 'an error of any kind' },
    { code: DIFFERENT, help: 'a difference, or services that are not in the file' },
  ],

  async run({ values, operands }, context) {
    const difference = await compare(operands.file, values, context);
    context.streams.stdout.write(values.json ? prettyJson(difference) : planText(difference));
    return difference.steps.length + difference.unmanaged.length === 0 ? 0 : DIFFERENT;
  },
});
