/** @module */
import { prettyJson } from '../../json/pretty.js';
import { JSON_OUTPUT, NETNS, PRUNE, SCOPE, STATE_FILE } from '../common-options.js';
import { planFor, planText } from '../difference.js';
import { readState } from '../input.js';
import { defineVerb } from '../verb.js';

/** There is a difference. */
const DIFFERENT = 2;

/** `ipvs-ts diff` */
export const diff = defineVerb({
  name: 'diff',
  group: 'State',
  operands: { file: STATE_FILE },
  options: { scope: SCOPE, prune: PRUNE, json: JSON_OUTPUT, netns: NETNS },
  help: 'show what "apply" would do',
  exitCodes: [
    { code: 0, help: 'no difference' },
    { code: 1, help: 'an error of any kind' },
    { code: DIFFERENT, help: 'a difference' },
  ],

  async run({ values, operands }, context) {
    await using ipvs = await context.open({ netns: values.netns, source: 'netlink' });
    const difference = await planFor(ipvs, await readState(operands.file, context), values, context.streams);
    context.streams.stdout.write(values.json ? prettyJson(difference) : planText(difference));
    return difference.steps.length === 0 ? 0 : DIFFERENT;
  },
});
