/** @module */
import { DIRECTOR, HOST_ACTION, JSON_OUTPUT, NETNS, RECORD } from '../common-options.js';
import { carryOut } from '../host-actions.js';
import { describeDirector } from '../host-description.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts director` */
export const director = defineVerb({
  name: 'director',
  group: 'Hosts',
  operands: { action: HOST_ACTION },
  options: { ...DIRECTOR, record: RECORD, json: JSON_OUTPUT, netns: NETNS },
  help: 'set up virtual IPs, forwarding and masquerading',
  details:
    '"up" records what was there before each step in the undo journal, and "down" restores it, also after a crash. ' +
    '"check" exits with 1 if a step is not in place.',

  async run({ values, operands }, context) {
    const { planDirector } = await import('../../host/director-plan.js');
    return carryOut(operands.action, {
      role: 'director',
      values,
      stdout: context.streams.stdout,
      plan: async () => planDirector(await describeDirector(values, context), { netns: values.netns }),
    });
  },
});
