/**
 * The way into the connection table: a backup sync daemon of this director, which takes messages from any sender.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { KernelError, UnavailableError } from '../errors.js';
import type { CallOptions } from '../model/call-options.js';
import type { DaemonRole, NormalSyncDaemon, SyncDaemon } from '../model/sync-daemon.js';
import { IP_VS_SYNC_GROUP, IP_VS_SYNC_PORT } from './constants.js';
import { MessageFiller, type SyncConnection, type SyncMessage, writeSyncMessage } from './message.js';

/** What a channel needs of a director; `Ipvs` and its kernel have it. */
export interface SyncDirector {
  daemons(options?: CallOptions): Promise<NormalSyncDaemon[]>;
  startDaemon(daemon: SyncDaemon, options?: CallOptions): Promise<void>;
  stopDaemon(role: DaemonRole, options?: CallOptions): Promise<void>;
}

/** The network of the director's kernel. */
export interface SyncNetwork {
  isolatedDevice(name: string, mtu: number): Promise<{ readonly name: string } & AsyncDisposable>;
  groupSender(group: { readonly address: string; readonly port: number; readonly device: string }): Promise<Sender>;
}

interface Sender extends Disposable {
  send(datagram: Uint8Array): void;
}

/** The device of a daemon of our own. One that a killed process left is used, and taken away. */
const DEVICE = 'ipvs-ts-sync';
/** Bytes of a message: as many connections as one may have, in the form of an IPv4 connection. */
const MESSAGE = 9216;
/** The headers of IP and UDP. */
const HEADERS = 28;
/** Bytes of the smallest buffer that a backup daemon may have (start_sync_thread in ip_vs_sync.c). */
const SMALL_MESSAGE = 1024;
/** Messages that the daemon's socket holds by default (net.core.rmem_default), with room to spare. */
const BURST = 8;
/** Milliseconds after a burst in which the daemon's thread works it off. */
const PAUSE = 1;
/** A daemon of our own. Its buffer follows from the MTU of the device (start_sync_thread); socket options have no field for it. */
const OWN = { role: 'backup', interface: DEVICE, syncId: 1 } as const;

/** An open way; disposing of it takes away what was made for it. */
export class SyncChannel implements AsyncDisposable {
  readonly #sender: Sender;
  readonly #syncId: number;
  readonly #maxLength: number;
  readonly #close: () => Promise<void>;

  private constructor(
    sender: Sender,
    { syncId, maxLength = SMALL_MESSAGE }: Pick<NormalSyncDaemon, 'syncId' | 'maxLength'>,
    close: () => Promise<void>,
  ) {
    this.#sender = sender;
    this.#syncId = syncId;
    this.#maxLength = maxLength;
    this.#close = close;
  }

  /**
   * Uses the backup daemon that runs, or starts one on a device that leads nowhere.
   * @throws {UnavailableError} if the kernel has no network for it.
   * @throws {KernelError} if device or daemon are refused: EINVAL while a destination is of another family than its service.
   */
  static async open(
    director: SyncDirector,
    network: SyncNetwork | undefined,
    options?: CallOptions,
  ): Promise<SyncChannel> {
    if (network === undefined) throw new UnavailableError('this kernel takes no sync messages from this process');
    const others = await backupOf(director, options);
    if (others !== undefined && others.interface !== DEVICE) return SyncChannel.#over(others, network, async () => {});
    const device = await network.isolatedDevice(DEVICE, MESSAGE + HEADERS);
    const close = () => director.stopDaemon('backup').finally(() => device[Symbol.asyncDispose]());
    try {
      // One that is on this device now was left by a killed process.
      if ((await backupOf(director, options)) === undefined) await director.startDaemon(OWN, options);
    } catch (error) {
      await device[Symbol.asyncDispose]();
      throw error;
    }
    return SyncChannel.#over({ ...OWN, maxLength: MESSAGE }, network, close);
  }

  static async #over(
    { interface: device, group: address = IP_VS_SYNC_GROUP, port = IP_VS_SYNC_PORT, ...daemon }: NormalSyncDaemon,
    network: SyncNetwork,
    close: () => Promise<void>,
  ): Promise<SyncChannel> {
    try {
      return new SyncChannel(await network.groupSender({ address, port, device }), daemon, close);
    } catch (error) {
      await close();
      throw error;
    }
  }

  /**
   * Sends connections, as many to a message as it holds, and gives the daemon time to work them off. What it drops it drops in
   * silence: look at the table afterwards.
   */
  async send(
    version: SyncMessage['version'],
    connections: readonly SyncConnection[],
    signal?: AbortSignal,
  ): Promise<void> {
    let burst = 0;
    for (const piece of this.#pieces(connections)) {
      signal?.throwIfAborted();
      await this.#sendOne(writeSyncMessage({ version, syncId: this.#syncId, connections: piece }));
      burst = (burst + 1) % BURST;
      if (burst === 0) await sleep(PAUSE);
    }
    await sleep(PAUSE);
  }

  async #sendOne(datagram: Uint8Array): Promise<void> {
    for (;;) {
      try {
        this.#sender.send(datagram);
        return;
      } catch (error) {
        if (!(error instanceof KernelError) || error.code !== 'EAGAIN') throw error;
        await sleep(PAUSE);
      }
    }
  }

  *#pieces(connections: readonly SyncConnection[]): Generator<readonly SyncConnection[], void, undefined> {
    const filler = new MessageFiller(this.#maxLength);
    for (const connection of connections) {
      const full = filler.add(connection);
      if (full.length > 0) yield full;
    }
    const rest = filler.rest();
    if (rest.length > 0) yield rest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sender[Symbol.dispose]();
    await this.#close();
  }
}

async function backupOf(director: SyncDirector, options?: CallOptions): Promise<NormalSyncDaemon | undefined> {
  return (await director.daemons(options)).find(({ role }) => role === 'backup');
}
