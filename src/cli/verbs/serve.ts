/** @module */
import { type Endpoint, parseEndpoint } from '../../address/endpoint.js';
import type { ServeOptions } from '../../daemon/serve.js';
import type { TcpOptions } from '../../daemon/tls-listener.js';
import type { Ipvs } from '../../ipvs.js';
import { runDirectory } from '../../linux/state-directory.js';
import { STATE_FILE } from '../common-options.js';
import type { VerbContext } from '../context.js';
import { KEEP_OPTIONS, keeping } from '../keeping.js';
import { packageVersion } from '../package-version.js';
import { refuseWith } from '../remote.js';
import { CHANGING } from '../sources.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts serve`: `keep`, with an API at a unix socket. */
export const serve = defineVerb({
  name: 'serve',
  group: 'State',
  operands: {
    file: { ...STATE_FILE, fallback: 'with --demo, one of its own', help: 'the desired state, in YAML or JSON' },
  },
  options: {
    demo: { help: 'look around: a simulated kernel, made traffic, made faults' },
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
    'that change something are written to standard output, with who sent them. --demo needs no rights: it works on a copy of FILE, checks ' +
    'nothing, and neither reads nor changes the table of this host.',

  async run({ values, operands: { file } }, context) {
    const tcp = await tcpOf(values);
    const { netns, socket, 'socket-group': group, demo: isDemo } = values;
    if (isDemo) refuseWith('--demo', { netns });
    else if (file === undefined) throw new UsageError('FILE is missing: the desired state; --demo needs none');
    using kept = await keeping('serve', file ?? '--demo', values, context);
    await using world = isDemo ? await demonstration(file) : await thisHost(netns, context);
    const { serve: serveFile } = await import('../../daemon/serve.js');
    const options = { ...kept.options, ...world.options, ...(socket !== undefined && { socket }) };
    if (isDemo) context.streams.stderr.write(whatToTry(options));
    await serveFile(world.table, {
      ...{ ...options, group, tcp },
      onRequest: kept.onRequest,
      version: packageVersion(),
      onTrouble: (what, error) => void context.streams.stderr.write(`ipvs-ts: serve: ${what}: ${error.message}\n`),
    });
    return 0;
  },
});

/** What is served: a table, and what goes with it. */
interface World extends AsyncDisposable {
  readonly table: Ipvs;
  readonly options: Pick<ServeOptions, 'socket' | 'examine'>;
}

async function thisHost(netns: string | undefined, context: VerbContext): Promise<World> {
  const { examine } = await import('../../doctor/examine.js');
  const table = await context.open({ netns, source: CHANGING });
  return {
    table,
    options: { socket: `${runDirectory()}/api.sock`, examine: () => examine({ netns }) },
    [Symbol.asyncDispose]: () => table.close(),
  };
}

async function demonstration(file: string | undefined): Promise<World> {
  const { openDemo } = await import('../../daemon/demo/demo.js');
  return openDemo(file);
}

function whatToTry({ file, socket }: Pick<ServeOptions, 'file' | 'socket'>): string {
  const api = `--api unix:${socket}`;
  const curl = `curl -s --unix-socket ${socket} http://localhost`;
  return `A demonstration: kernel, clients and real servers are simulated, and servers fail and come back. Try, in another terminal:
  ipvs-ts top ${api}
  ipvs-ts health ${api}
  ipvs-ts weight tcp://192.0.2.10:80 10.0.0.11 50% --reason 'new disk' ${api}
  ipvs-ts drain --service tcp://192.0.2.10:80 --server 10.0.0.12 ${api}
  ${curl}/v1/state
  ${curl}/metrics
  curl -sN --unix-socket ${socket} http://localhost/v1/events
Its file is ${file}: edit it, or: ipvs-ts apply NEW ${api}
Ctrl-C ends it, and its files go with it.
`;
}

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
