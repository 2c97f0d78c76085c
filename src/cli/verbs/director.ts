/** @module */
import { DIRECTOR, HOST_ACTION, JSON_OUTPUT, NETNS, SETUP, SETUP_DETAILS } from '../common-options.js';
import { carryOut } from '../host-actions.js';
import { describeDirector } from '../host-description.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts director` */
export const director = defineVerb({
  name: 'director',
  group: 'Hosts',
  operands: { action: HOST_ACTION },
  options: { ...DIRECTOR, ...SETUP, json: JSON_OUTPUT, netns: NETNS },
  reports: true,
  help: 'set up virtual IPs, forwarding and masquerading',
  details: SETUP_DETAILS,

  run({ values, operands }, context) {
    return carryOut(operands.action, {
      role: 'director',
      values,
      stdout: context.streams.stdout,
      describe: () => describeDirector(values, context),
    });
  },
});
