/** @module */
import { type Endpoint, parseEndpoint } from '../../address/endpoint.js';
import type { TcpOptions } from '../../daemon/tls-listener.js';
import { runDirectory } from '../../linux/state-directory.js';
import { STATE_FILE } from '../common-options.js';
import { KEEP_OPTIONS, keeping } from '../keeping.js';
import { packageVersion } from '../package-version.js';
import { CHANGING } from '../sources.js';
import { UsageError } from '../usage-error.js';
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
    listen: {
      placeholder: 'ADDR:PORT',
      read: endpoint,
      help: 'listen by TCP as well, with TLS and tokens: 0.0.0.0:8443',
    },
    'tls-cert': { placeholder: 'FILE', source: 'file', help: 'certificate of the API, in PEM' },
    'tls-key': { placeholder: 'FILE', source: 'file', help: 'its key' },
    'client-ca': {
      placeholder: 'FILE',
      source: 'file',
      help: 'let in only clients with a certificate of this authority',
    },
    tokens: {
      placeholder: 'FILE',
      source: 'file',
      help: 'file of "token create"; default: /var/lib/ipvs-ts/tokens.json',
    },
    ...KEEP_OPTIONS,
  },
  reports: true,
  help: 'keep the table as a state file says, with an API',
  details:
    'It does what "keep" does, and answers HTTP requests at a unix socket: the table, health, connections, events, the file and ' +
    'what would change, weights and drains; docs/serve.md has them all. Who can use the socket has the rights of this ' +
    'program: it is for its user alone, unless --socket-group lets others in. By TCP a token says who may do what ("token create"). Requests ' +
    'that change something are written to standard output, with who sent them.',

  async run({ values, operands: { file } }, context) {
    const tcp = await tcpOf(values);
    using kept = await keeping('serve', file, values, context);
    await using ipvs = await context.open({ netns: values.netns, source: CHANGING });
    const { netns, socket = `${runDirectory()}/api.sock`, 'socket-group': group } = values;
    const [{ serve: serveFile }, { examine }] = [
      await import('../../daemon/serve.js'),
      await import('../../doctor/examine.js'),
    ];
    await serveFile(ipvs, {
      ...{ ...kept.options, socket, group, tcp },
      onRequest: kept.onRequest,
      version: packageVersion(),
      examine: () => examine({ netns }),
      onTrouble: (what, error) => void context.streams.stderr.write(`ipvs-ts: serve: ${what}: ${error.message}\n`),
    });
    return 0;
  },
});

function endpoint(text: string): Endpoint {
  const found = parseEndpoint(text);
  if (found === undefined) throw new UsageError(`must be ADDR:PORT, as 0.0.0.0:8443 or [::]:8443, not "${text}"`);
  return found;
}

/** @throws {UsageError} for TCP without TLS. */
async function tcpOf(values: {
  readonly listen: Endpoint | undefined;
  readonly 'tls-cert': string | undefined;
  readonly 'tls-key': string | undefined;
  readonly 'client-ca': string | undefined;
  readonly tokens: string | undefined;
}): Promise<TcpOptions | undefined> {
  const { listen, 'tls-cert': cert, 'tls-key': key, 'client-ca': clientCa, tokens } = values;
  if (listen === undefined) {
    const given = [cert, key, clientCa, tokens].some((value) => value !== undefined);
    if (given) throw new UsageError('--tls-cert, --tls-key, --client-ca and --tokens go with --listen');
    return undefined;
  }
  if (cert === undefined || key === undefined) throw new UsageError('--listen needs --tls-cert and --tls-key');
  const { defaultTokenFile } = await import('../../daemon/tokens.js');
  return { listen, cert, key, clientCa, tokens: tokens ?? defaultTokenFile() };
}
