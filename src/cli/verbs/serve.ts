/** @module */
import { runDirectory } from '../../linux/state-directory.js';
import { STATE_FILE } from '../common-options.js';
import { KEEP_OPTIONS, keeping } from '../keeping.js';
import { packageVersion } from '../package-version.js';
import { CHANGING } from '../sources.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts serve`: `keep`, with an API at a unix socket. */
export const serve = defineVerb({
  name: 'serve',
  group: 'State',
  operands: { file: { ...STATE_FILE, help: 'the desired state, in YAML or JSON' } },
  options: {
    socket: {
      placeholder: 'PATH',
      source: 'file',
      help: 'unix socket of the API; default: /run/ipvs-ts/api.sock',
    },
    'socket-group': { placeholder: 'GROUP', help: 'let the members of this group use the API' },
    ...KEEP_OPTIONS,
  },
  reports: true,
  help: 'keep the table as a state file says, with an API',
  details:
    'It does what "keep" does, and answers HTTP requests at a unix socket: the table, health, connections, events, the file and ' +
    'what would change, weights and drains; docs/serve.md has them all. Who can use the socket has the rights of this ' +
    'program: it is for its user alone, unless --socket-group lets others in.',

  async run({ values, operands: { file } }, context) {
    using kept = await keeping('serve', file, values, context);
    await using ipvs = await context.open({ netns: values.netns, source: CHANGING });
    const { netns, socket = `${runDirectory()}/api.sock`, 'socket-group': group } = values;
    const [{ serve: serveFile }, { examine }] = [
      await import('../../daemon/serve.js'),
      await import('../../doctor/examine.js'),
    ];
    await serveFile(ipvs, {
      ...{ ...kept.options, socket, group },
      version: packageVersion(),
      examine: () => examine({ netns }),
      onTrouble: (what, error) => void context.streams.stderr.write(`ipvs-ts: serve: ${what}: ${error.message}\n`),
    });
    return 0;
  },
});
