/** @module */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseIP } from '../../address/ip.js';
import { type ConnectionStyle, formatConnection, formatConnectionTitle } from '../../ipvsadm/connection-listing.js';
import type { Connection } from '../../model/connection.js';
import { SCTP_STATES, TCP_STATES, TEMPLATE_STATES, UDP_STATES } from '../../model/connection-state.js';
import type { ServiceKeyText } from '../../model/service-key.js';
import type { ConnectionsAction } from '../change-connections.js';
import { API, JSON_OUTPUT, NETNS } from '../common-options.js';
import type { VerbContext } from '../context.js';
import { openTable, refuseWith } from '../remote.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/** The fields that connections can be sorted by. */
const SORTS = ['client', 'service', 'server', 'state', 'expires'] as const;
type Sort = (typeof SORTS)[number];

/** The kernel's names for states of TCP, UDP and SCTP connections and of templates. */
const STATES = [...new Set([...TCP_STATES, ...TEMPLATE_STATES, ...UDP_STATES, ...SCTP_STATES])];

/** Characters that are written at a time. */
const PIECE = 65536;

/**
 * `ipvs-ts connections`: connections are written while they are read, so that memory does not grow with the table unless
 * they are sorted. It needs no rights.
 */
export const connections = defineVerb({
  name: 'connections',
  group: 'Table',
  options: {
    service: {
      placeholder: 'KEY',
      source: 'service',
      help: 'only of this service: tcp://192.0.2.1:80, fwmark://5',
    },
    server: { placeholder: 'ADDR[:PORT]', source: 'server', help: 'only to this real server' },
    client: { placeholder: 'ADDR[/PREFIX]', help: 'only of this client, or of clients in this network' },
    state: {
      placeholder: 'STATE',
      choices: STATES,
      open: true,
      help: "only in this state, by the kernel's name: ESTABLISHED",
    },
    sort: { placeholder: 'FIELD', choices: SORTS, help: "sort by this field, not in the kernel's order" },
    count: { help: 'write only the number of connections' },
    end: { help: 'end the selected connections' },
    'move-to': {
      placeholder: 'ADDR[:PORT]',
      source: 'server',
      help: 'move the selected connections to this real server',
    },
    yes: { short: 'y', help: 'end or move without asking; required without a terminal' },
    save: { placeholder: 'FILE', source: 'file', help: 'save all connections; "-" is standard output' },
    restore: { placeholder: 'FILE', source: 'file', help: 'put saved connections back; "-" is standard input' },
    json: JSON_OUTPUT,
    api: API,
    netns: NETNS,
  },
  help: 'show, end, move, save and restore connections',
  details:
    'A connection is selected if it meets all the options that select connections. --end takes the selected connections out of the ' +
    'table: the next packet of a TCP client is answered with a reset, a UDP client gets a real server by the scheduler. The kernel ' +
    'has no command for it: a backup sync daemon takes the messages, and one is started for the purpose where none runs. The exit ' +
    'code is 1 if connections are left that could not be changed.',

  async run({ values }, context) {
    const { streams } = context;
    const { stdout } = streams;
    const { service, server, client, state, sort } = values;
    const action = actionOf(values);
    if (action !== undefined && isOfFile(action)) return await withFile(action, values, context);
    await using ipvs = await openTable(context, values);
    // The filter checks that it is the text of a key.
    const filter = { service: service as ServiceKeyText | undefined, server, client, state };
    if (action !== undefined) {
      const { changeConnections } = await import('../change-connections.js');
      return await changeConnections(ipvs, filter, action, streams);
    }
    const selected = ipvs.connections(filter);
    if (values.count) {
      stdout.write(`${await count(selected)}\n`);
      return 0;
    }
    const rows = sort === undefined ? selected : sortConnections(selected, sort);
    const { connectionsJson } = await import('../../json/table.js');
    await writeAll(values.json ? connectionsJson(rows) : listing(rows), stdout);
    return 0;
  },
});

/** What the options ask for beside showing. */
type Action = ConnectionsAction | FileAction;

interface FileAction {
  readonly verb: 'save' | 'restore';
  readonly file: string;
  readonly json: boolean;
}

function isOfFile(action: Action): action is FileAction {
  return 'file' in action;
}

/** @throws {UsageError} if several things are asked for at once. */
function actionOf(values: {
  readonly end: boolean;
  readonly 'move-to': string | undefined;
  readonly yes: boolean;
  readonly save: string | undefined;
  readonly restore: string | undefined;
  readonly json: boolean;
}): Action | undefined {
  const { end, 'move-to': to, yes, save, restore, json } = values;
  const actions: Action[] = [
    ...(end ? [{ verb: 'end', to: undefined, yes, json } as const] : []),
    ...(to !== undefined ? [{ verb: 'move', to, yes, json } as const] : []),
    ...(save !== undefined ? [{ verb: 'save', file: save, json } as const] : []),
    ...(restore !== undefined ? [{ verb: 'restore', file: restore, json } as const] : []),
  ];
  if (actions.length > 1) throw new UsageError('only one of --end, --move-to, --save and --restore');
  return actions[0];
}

/** What is saved and restored is what a kernel here has. */
async function withFile(
  { verb, file, json }: FileAction,
  values: { readonly [Name in 'service' | 'server' | 'client' | 'state' | 'api' | 'netns']: string | undefined },
  { streams, open }: Pick<VerbContext, 'streams' | 'open'>,
): Promise<number> {
  const { service, server, client, state, api, netns } = values;
  if ([service, server, client, state].some((value) => value !== undefined)) {
    throw new UsageError(`--${verb} takes all connections, not some`);
  }
  refuseWith(`--${verb}`, { api });
  const files = await import('../change-connections.js');
  await using ipvs = await open({ netns });
  if (verb === 'save') return await files.saveConnectionsFile(ipvs, file, streams);
  return await files.restoreConnectionsFile(ipvs, file, json, streams);
}

async function count(rows: AsyncIterable<Connection>): Promise<number> {
  let number = 0;
  for await (const _ of rows) number++;
  return number;
}

/** The columns of `ipvsadm -Lnc`. */
async function* listing(rows: AsyncIterable<Connection>): AsyncGenerator<string> {
  const style: ConnectionStyle = { numeric: true };
  yield formatConnectionTitle(style);
  for await (const row of rows) yield formatConnection(row, style);
}

/** Those that are equal in the field keep the kernel's order. */
async function* sortConnections(rows: AsyncIterable<Connection>, field: Sort): AsyncGenerator<Connection> {
  const keyed: { readonly key: string; readonly row: Connection }[] = [];
  for await (const row of rows) keyed.push({ key: SORT_KEYS[field](row), row });
  keyed.sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
  for (const { row } of keyed) yield row;
}

/** Texts whose order as texts is the one that is wanted: to compare them costs less than to compare addresses. */
const SORT_KEYS: Readonly<Record<Sort, (connection: Connection) => string>> = {
  client: ({ client }) => endpointKey(client),
  service: ({ protocol, virtual }) =>
    'mark' in virtual ? `~${hex(virtual.mark, 8)}` : `${PROTOCOL_RANKS.get(protocol) ?? 9}${endpointKey(virtual)}`,
  server: ({ destination }) => endpointKey(destination),
  state: ({ state }) => state,
  expires: ({ expires }) => String(expires).padStart(16, '0'),
};

const PROTOCOL_RANKS: ReadonlyMap<string, number> = new Map(['tcp', 'udp', 'sctp'].map((name, rank) => [name, rank]));

/** IPv4 before IPv6. */
function endpointKey({ address, port }: { address: string; port: number }): string {
  const bytes = parseIP(address) ?? new Uint8Array(4);
  let key = bytes.length === 4 ? '4' : '6';
  for (const byte of bytes) key += hex(byte, 2);
  return key + hex(port, 4);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** As fast as the reader takes it. One that takes no more (`| head`) is no failure. */
async function writeAll(lines: AsyncIterable<string>, stdout: NodeJS.WritableStream): Promise<void> {
  try {
    await pipeline(Readable.from(inPieces(lines), { objectMode: true, highWaterMark: 2 }), stdout, { end: false });
  } catch (error) {
    if (!READER_GONE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

const READER_GONE: ReadonlySet<string> = new Set(['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED']);

async function* inPieces(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = '';
  for await (const line of lines) {
    piece += line;
    if (piece.length < PIECE) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}
