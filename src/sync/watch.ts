/**
 * Listening to what a master sync daemon tells its backups.
 * @module
 */
import { EventEmitter, on } from 'node:events';
import { familyOf, formatIP, parseIP } from '../address/ip.js';
import { InvalidArgumentError, ProtocolError } from '../errors.js';
import { MulticastSocket } from '../linux/multicast-socket.js';
import type { NamespaceOptions } from '../linux/namespace.js';
import { RouteClient } from '../netlink/route/client.js';
import { IP_VS_SYNC_GROUP, IP_VS_SYNC_PORT } from './constants.js';
import { readSyncMessage, type SyncMessage } from './message.js';

/** Where to listen. */
export interface WatchSyncOptions extends NamespaceOptions {
  /** The network device that the messages come in on: `eth1`. */
  readonly device: string;
  /** The multicast group; default `224.0.0.81`. */
  readonly group?: string | undefined;
  /** UDP port, 1 to 65535; default 8848. */
  readonly port?: number | undefined;
  /** Ends the stream. */
  readonly signal?: AbortSignal | undefined;
}

/** A datagram that came. */
export type WatchedSync =
  | { readonly at: Date; readonly message: SyncMessage }
  /** What a backup daemon would drop, and why. */
  | { readonly at: Date; readonly error: ProtocolError };

/**
 * The sync messages of a group, as they come, until the signal. Other members of the group, a backup daemon of this host among
 * them, receive them all the same.
 * @throws {InvalidArgumentError} for a device that is not there, a group that is none, a port out of range.
 * @throws {UnavailableError} without the addon or the namespace.
 * @throws {KernelError} if the port is taken by a program that does not share it.
 *
 * @example
 * ```ts
 * import { watchSync } from 'ipvs-ts/sync';
 * for await (const { at, ...seen } of watchSync({ device: 'eth1' })) console.log(at, seen);
 * ```
 */
export async function* watchSync(options: WatchSyncOptions): AsyncGenerator<WatchedSync, void, undefined> {
  const { signal, netns, port = IP_VS_SYNC_PORT } = options;
  const address = groupOf(options.group ?? IP_VS_SYNC_GROUP);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw invalid('port', `${port} is not a port, 1 to 65535`);
  const device = await deviceOf(options.device, netns);
  using socket = MulticastSocket.member({ address, port, device, netns });
  const datagrams = new EventEmitter();
  socket.listen((datagram) => datagrams.emit('datagram', { at: new Date(), ...readOrExplain(datagram) }));
  try {
    for await (const [watched] of on(datagrams, 'datagram', signal && { signal })) yield watched;
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}

function readOrExplain(datagram: Uint8Array): { message: SyncMessage } | { error: ProtocolError } {
  try {
    return { message: readSyncMessage(datagram) };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { error };
  }
}

function groupOf(text: string): string {
  const bytes = parseIP(text);
  const first = bytes?.[0] ?? 0;
  const address = bytes && formatIP(bytes);
  const isGroup =
    address !== undefined && (familyOf(address) === 'ipv6' ? first === 0xff : first >= 224 && first < 240);
  if (!isGroup) throw invalid('group', `"${text}" is not a multicast address (224.0.0.0/4 or ff00::/8)`);
  return address;
}

async function deviceOf(name: string, netns: string | undefined): Promise<{ name: string; index: number }> {
  await using client = await RouteClient.open({ netns });
  const found = (await client.links()).find((link) => link.name === name);
  if (found === undefined) throw invalid('device', `there is no device "${name}"`);
  return found;
}

function invalid(path: string, message: string): InvalidArgumentError {
  return new InvalidArgumentError('sync watch', [{ path, message }]);
}
