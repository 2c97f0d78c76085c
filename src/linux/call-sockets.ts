/**
 * Sockets that call somebody, thousands at a twentieth of the memory of Node's own, and a third of their time: all behind one descriptor of
 * epoll, without an object for each.
 * @module
 */
import { UnavailableError } from '../errors.js';
import { inetAddress, writeInetAddress } from './inet-socket.js';
import { loadNative, type NativeSocketSet, SOCK_DGRAM, SOCK_STREAM } from './native.js';

/** Where a socket calls, and from where. */
export interface Call {
  /** IPv4 or IPv6. */
  readonly address: string;
  readonly port: number;
  /** The address of this host to call from, of the same family. Default: the kernel chooses. */
  readonly source?: string | undefined;
  /** Default `tcp`. A socket of `udp` is not connected yet: it is to be given away. */
  readonly protocol?: 'tcp' | 'udp' | undefined;
  /** SO_MARK: the mark that its packets have for the firewall and the routes of this host. */
  readonly mark?: number | undefined;
  /** SO_BINDTODEVICE: the device that it calls by. */
  readonly device?: string | undefined;
}

/** Hears of a socket. */
export interface SocketListener {
  /** 0: it connected, or bytes came, or the other side ended; or a negative errno. */
  onReady(errno: number): void;
}

const TYPES = { tcp: SOCK_STREAM, udp: SOCK_DGRAM } as const;

/** Pairs of {@link NativeSocketSet.ready}. */
const BATCH = 64;

/** The sockets of a process, by their numbers. Each is open until it is closed or given away. */
export class CallSockets {
  readonly #set: NativeSocketSet;
  /** Who hears of a socket, by its number. */
  readonly #listeners: (SocketListener | undefined)[] = [];
  readonly #ready = new Int32Array(2 * BATCH);
  /** How many hold the process open. */
  #holding = 0;

  /** @throws {UnavailableError} without the addon, or a descriptor. */
  constructor() {
    const { SocketSet } = loadNative();
    try {
      this.#set = new SocketSet();
    } catch (cause) {
      throw new UnavailableError(`sockets cannot be watched: ${(cause as Error).message}`, { cause });
    }
    this.#set.watch(() => this.#hear());
    this.#set.hold(false);
  }

  /** Calls somebody. The socket's number, which holds the process open from now on, or a negative errno. */
  connect({ address, port, source, protocol, mark = 0, device }: Call, listener: SocketListener): number {
    const from = source === undefined ? undefined : inetAddress(source);
    const socket = this.#set.connect(writeInetAddress(address, port), from, mark | 0, device, TYPES[protocol ?? 'tcp']);
    if (socket < 0) return socket;
    this.#listeners[socket] = listener;
    this.#hold(1);
    return socket;
  }

  /**
   * TCP can call itself: a call to a port of this host that nobody listens to, from the port that the kernel chose for it, if that
   * is the same one, comes about.
   */
  isOwnPeer(socket: number): boolean {
    return this.#set.isOwnPeer(socket);
  }

  /** Sends, never waiting: the number of bytes that were taken, or a negative errno. */
  send(socket: number, data: Uint8Array): number {
    return this.#set.send(socket, data);
  }

  /** The number of bytes that came, 0 at the end, or a negative errno: EAGAIN when there is nothing more. */
  receive(socket: number, into: Uint8Array): number {
    return this.#set.receive(socket, into);
  }

  /** Who hears of a socket from now on. */
  listen(socket: number, listener: SocketListener): void {
    this.#listeners[socket] = listener;
  }

  /** Gives a socket away: its descriptor is the caller's. */
  release(socket: number): number {
    this.#forget(socket);
    return this.#set.release(socket);
  }

  /** Closes a socket: by a reset if it is connected, so that neither side has anything to wait for. */
  close(socket: number, isConnected: boolean): void {
    this.#forget(socket);
    this.#set.close(socket, isConnected);
  }

  /** Closes all of them. */
  end(): void {
    this.#set.end();
  }

  #forget(socket: number): void {
    this.#listeners[socket] = undefined;
    this.#hold(-1);
  }

  #hold(more: 1 | -1): void {
    this.#holding += more;
    if (this.#holding === 0 || (more === 1 && this.#holding === 1)) this.#set.hold(more === 1);
  }

  #hear(): void {
    for (let count = BATCH; count === BATCH; ) {
      count = this.#set.ready(this.#ready);
      const batch = Array.from({ length: count }, (_, index) => {
        const socket = this.#ready[2 * index] ?? 0;
        return { socket, errno: this.#ready[2 * index + 1] ?? 0, listener: this.#listeners[socket] };
      });
      // A listener may close another socket of the batch, and a new one may get its number.
      for (const { socket, errno, listener } of batch)
        if (this.#listeners[socket] === listener) listener?.onReady(errno);
    }
  }
}

let shared: CallSockets | undefined;
let isTried = false;

/** Those of this thread; undefined where there is no addon. */
export function callSockets(): CallSockets | undefined {
  if (isTried) return shared;
  isTried = true;
  try {
    shared = new CallSockets();
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
  }
  return shared;
}
