/** @module */
import { defineVerb } from '../verb.js';

/** `ipvs-ts completion` */
export const completion = defineVerb({
  name: 'completion',
  group: 'Other',
  operands: { shell: { placeholder: 'SHELL', choices: ['bash', 'zsh', 'fish'], help: 'the shell that is to load it' } },
  help: 'write the completion script of a shell',

  async run({ operands: { shell } }, { streams }) {
    const { COMPLETION_SCRIPTS } = await import('../complete/scripts.js');
    streams.stdout.write(COMPLETION_SCRIPTS[shell]);
    return 0;
  },
});
