/** @module */
import { HOST_ACTION, JSON_OUTPUT, NETNS, REAL_SERVER, SETUP, SETUP_DETAILS } from '../common-options.js';
import { carryOut } from '../host-actions.js';
import { describeRealServer } from '../host-description.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts realserver` */
export const realServer = defineVerb({
  name: 'realserver',
  group: 'Hosts',
  operands: { action: HOST_ACTION },
  options: { ...REAL_SERVER, ...SETUP, json: JSON_OUTPUT, netns: NETNS },
  reports: true,
  help: 'set up virtual IPs without ARP, tunnels, the gateway',
  details: SETUP_DETAILS,

  run({ values, operands }, context) {
    return carryOut(operands.action, {
      role: 'real-server',
      values,
      stdout: context.streams.stdout,
      describe: () => describeRealServer(values, context),
    });
  },
});
