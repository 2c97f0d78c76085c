/** @module */
import { SCRIPT_FORMS, SCRIPT_OSES, type ScriptForm } from '../../host-script/forms.js';
import { DIRECTOR, TUNNEL } from '../common-options.js';
import { describeDirector, describeRealServer } from '../host-description.js';
import { defineVerb } from '../verb.js';

const FORMS: readonly ScriptForm[] = Object.values(SCRIPT_FORMS).flat();

/** `ipvs-ts script` */
export const script = defineVerb({
  name: 'script',
  group: 'Hosts',
  operands: {
    role: { placeholder: 'ROLE', choices: ['director', 'realserver'], help: 'what the host is to be' },
  },
  options: {
    os: {
      placeholder: 'OS',
      choices: SCRIPT_OSES,
      default: 'linux',
      help: 'the operating system of that host',
    },
    form: {
      placeholder: 'FORM',
      choices: FORMS,
      help: SCRIPT_OSES.map((os) => `${os}: ${SCRIPT_FORMS[os].join(', ')}`).join('; '),
    },
    ...DIRECTOR,
    ...TUNNEL,
  },
  help: 'write a script that sets up a host without Node',
  details: 'Shell scripts take start, stop and status. The first form of each system is its default.',

  async run({ values, operands: { role } }, context) {
    const { hostScript } = await import('../../host-script/host-script.js');
    const { os, form } = values;
    const { text } =
      role === 'director'
        ? hostScript({ role, description: await describeDirector(values, context), os, form })
        : hostScript({ role: 'real-server', description: await describeRealServer(values, context), os, form });
    context.streams.stdout.write(text);
    return 0;
  },
});
