/**
 * `ipvs-ts connections` where it changes the table: end, move, save, restore.
 * @module
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import type { Ipvs } from '../ipvs.js';
import { writeWholeFile } from '../linux/whole-file.js';
import type { ChangedConnections } from '../model/connection-changes.js';
import type { ConnectionFilter } from '../model/connection-filter.js';
import { progress } from './progress.js';
import { isTerminal, type Streams } from './streams.js';
import { systemMessage } from './system-error.js';
import { UsageError } from './usage-error.js';

/** Connections that are listed one by one if they could not be changed. */
const SHOWN = 20;

/** What to do with the connections of a filter. */
export interface ConnectionsAction {
  readonly verb: 'end' | 'move';
  /** The real server to move to. */
  readonly to: string | undefined;
  /** Nobody is asked. */
  readonly yes: boolean;
  readonly json: boolean;
}

/** Ends or moves connections. Returns 0 if all were changed. */
export async function changeConnections(
  ipvs: Pick<Ipvs, 'connections' | 'endConnections' | 'moveConnections'>,
  filter: ConnectionFilter,
  { verb, to, yes, json }: ConnectionsAction,
  streams: Streams,
): Promise<number> {
  const question = async (): Promise<string> => {
    let count = 0;
    for await (const _ of ipvs.connections(filter)) count++;
    return `${verb} ${countOf(count)}${to === undefined ? '' : ` to ${to}`}?`;
  };
  if (!yes && !(await isConfirmed(verb, question, streams))) {
    streams.stderr.write('ipvs-ts: nothing was changed\n');
    return 1;
  }
  using line = progress(`${verb} connections`, streams.stderr);
  const onProgress = ({ done, total }: { readonly done: number; readonly total: number }) => line.update(done, total);
  const result =
    to === undefined
      ? await ipvs.endConnections(filter, { onProgress })
      : await ipvs.moveConnections(filter, to, { onProgress });
  streams.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : summary(verb, result));
  return result.left.length === 0 ? 0 : 1;
}

function summary(verb: ConnectionsAction['verb'], { matched, changed, left }: ChangedConnections): string {
  const first = `${verb === 'end' ? 'ended' : 'moved'} ${changed} of ${countOf(matched)}\n`;
  const lines = left.slice(0, SHOWN).map(({ connection: { client, destination }, why }) => {
    const name = `${client.address} port ${client.port} to ${destination.address} port ${destination.port}`;
    return `left: ${name}: ${why}\n`;
  });
  const more = left.length > SHOWN ? `left: ${left.length - SHOWN} more\n` : '';
  return first + lines.join('') + more;
}

function countOf(count: number): string {
  return `${count} connection${count === 1 ? '' : 's'}`;
}

/** Asks on a terminal. @throws {UsageError} without one: a script must say `--yes`. */
async function isConfirmed(
  verb: ConnectionsAction['verb'],
  question: () => Promise<string>,
  { stdin, stderr }: Streams,
): Promise<boolean> {
  if (!isTerminal(stdin) || !isTerminal(stderr)) {
    throw new UsageError(`without a terminal, --${verb === 'end' ? 'end' : 'move-to'} needs --yes`);
  }
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    return /^y(es)?$/i.test((await lines.question(`${await question()} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}

/** Writes the connections to a file; `-` is standard output. */
export async function saveConnectionsFile(ipvs: Ipvs, path: string, { stdout }: Streams): Promise<number> {
  const pieces = ipvs.saveConnections();
  if (path === '-') {
    for await (const piece of pieces) stdout.write(piece);
    return 0;
  }
  try {
    await writeWholeFile(path, pieces);
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    throw new UsageError(`${path}: ${systemMessage(error)}`);
  }
  return 0;
}

/** Puts the connections of a file back; `-` is standard input. Returns 1 if the kernel did not take all. */
export async function restoreConnectionsFile(
  ipvs: Ipvs,
  path: string,
  json: boolean,
  streams: Streams,
): Promise<number> {
  using line = progress('restore connections', streams.stderr);
  const source = path === '-' ? streams.stdin : createReadStream(path);
  try {
    const result = await ipvs.restoreConnections(bytesOf(source), {
      onProgress: ({ done, total }) => line.update(done, total),
    });
    const { saved, restored, expired, present, missing } = result;
    const text = `restored ${restored} of ${countOf(saved)}; ${expired} expired meanwhile, ${present} were there, ${missing} missing\n`;
    streams.stdout.write(json ? `${JSON.stringify(result, null, 2)}\n` : text);
    return missing === 0 ? 0 : 1;
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error;
    throw new UsageError(`${path}: ${systemMessage(error)}`);
  }
}

async function* bytesOf(source: NodeJS.ReadableStream): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const piece of source) yield typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece;
}
