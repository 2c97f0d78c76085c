/** @module */
import { HOST_ACTION, JSON_OUTPUT, NETNS, REAL_SERVER, RECORD } from '../common-options.js';
import { carryOut } from '../host-actions.js';
import { describeRealServer } from '../host-description.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts realserver` */
export const realServer = defineVerb({
  name: 'realserver',
  group: 'Hosts',
  operands: { action: HOST_ACTION },
  options: { ...REAL_SERVER, record: RECORD, json: JSON_OUTPUT, netns: NETNS },
  help: 'set up virtual IPs without ARP, tunnels, the gateway',
  details:
    '"up" records what was there before each step in the undo journal, and "down" restores it, also after a crash. ' +
    '"check" exits with 1 if a step is not in place.',

  async run({ values, operands }, context) {
    const { planRealServer } = await import('../../host/real-server-plan.js');
    return carryOut(operands.action, {
      role: 'real-server',
      values,
      stdout: context.streams.stdout,
      plan: async () => planRealServer(await describeRealServer(values, context), { netns: values.netns }),
    });
  },
});
