/** @module */
import { STATE_FILE } from '../common-options.js';
import { KEEP_OPTIONS, keeping } from '../keeping.js';
import { CHANGING } from '../sources.js';
import { defineVerb } from '../verb.js';

/**
 * `ipvs-ts keep`: until SIGTERM or SIGINT. SIGHUP and a change of the file read it again. What happens is written to standard
 * output, a line each, and systemd learns when the table is ready.
 */
export const keep = defineVerb({
  name: 'keep',
  group: 'State',
  operands: { file: { ...STATE_FILE, help: 'the desired state, in YAML or JSON' } },
  options: KEEP_OPTIONS,
  reports: true,
  help: 'keep the table as a state file says',
  details:
    'It watches the file, and corrects what other programs change. SIGHUP reads the file at once, SIGTERM ends it: servers that ' +
    'are being drained keep weight 0 then. A file with a mistake changes nothing. Write the file beside and rename it, or hold ' +
    'a lock on it (flock) while you write. It runs the health checks that the file has, and acts upon them. One program keeps the services of a scope in a network namespace.',

  async run({ values, operands: { file } }, context) {
    using kept = await keeping('keep', file, values, context);
    await using ipvs = await context.open({ netns: values.netns, source: CHANGING });
    const { keepFile } = await import('../../daemon/keep-file.js');
    await keepFile(ipvs, kept.options);
    return 0;
  },
});
