/**
 * A TCP connection of a check, with TLS or without, as the bytes that came and were not looked at yet.
 * @module
 */
import { connect as connectTcp, Socket } from 'node:net';
import { callSockets } from '../linux/call-sockets.js';
import type { CallFrom, NormalTls } from '../model/check.js';
import type { Target } from './check-outcome.js';
import { hard, ownTrouble, quoted, soft } from './outcome.js';
import type { Run } from './run.js';
import { NO_ADDON, systemError } from './system-error.js';
import { secure } from './tls.js';

/** What a connection is besides where it goes. */
export interface ConnectionOptions {
  readonly from: CallFrom;
  readonly tls?: NormalTls | undefined;
  /** The name that TLS uses where `tls` has none. Default: the address. */
  readonly name?: string | undefined;
  /** Protocols to offer by ALPN. */
  readonly protocols?: readonly string[];
}

/**
 * A TCP connection that is closed when the run ends: by a reset, so that neither side has anything to wait for.
 * Rejects with what the system says.
 */
export function openSocket({ address, port }: Target, from: CallFrom, run: Run): Promise<Socket> {
  run.waitFor('no connection');
  const { source, device, fwmark } = from;
  if (device !== undefined || fwmark !== undefined) return openBy({ address, port }, from, run);
  return new Promise((resolve, reject) => {
    const socket = connectTcp({
      host: address,
      port,
      noDelay: true,
      ...(source !== undefined && { localAddress: source }),
    });
    run.onEnd(() => close(socket));
    // Stays for the socket's life: an error that nobody listens for would end the process.
    socket.on('error', reject);
    socket.once('connect', () => (isItsOwnPeer(socket, port) ? reject(REFUSED) : resolve(socket)));
  });
}

/** Node knows no device and no mark: the connection is made without it, and then given to it. */
async function openBy({ address, port }: Target, from: CallFrom, run: Run): Promise<Socket> {
  const sockets = callSockets();
  if (sockets === undefined) throw ownTrouble(NO_ADDON);
  const call = { address, port, source: from.source, device: from.device, mark: from.fwmark };
  const descriptor = await new Promise<number>((resolve, reject) => {
    let isGiven = false;
    let isConnected = false;
    const number = sockets.connect(call, {
      onReady: (errno) => {
        isConnected = errno === 0;
        if (errno < 0) return reject(systemError(errno));
        if (sockets.isOwnPeer(number)) return reject(REFUSED);
        isGiven = true;
        resolve(sockets.release(number));
      },
    });
    if (number < 0) reject(systemError(number));
    else run.onEnd(() => isGiven || sockets.close(number, isConnected));
  });
  const socket = new Socket({ fd: descriptor, readable: true, writable: true });
  socket.setNoDelay(true).on('error', () => {});
  run.onEnd(() => close(socket));
  return socket;
}

const REFUSED = Object.assign(new Error('connection refused'), { code: 'ECONNREFUSED' });

/**
 * TCP can call itself: a call to a port of this host that nobody listens to, from the port that the kernel chose for it, if that
 * is the same one, comes about.
 */
function isItsOwnPeer(socket: Socket, port: number): boolean {
  // Every one of these asks the kernel: the others only where the first says that it may be so.
  return socket.localPort === port && socket.localAddress === socket.remoteAddress;
}

/** Those whose descriptor TLS or HTTP/2 has taken over. */
const takenOver = new WeakSet<Socket>();

/**
 * A reset, if there is somebody to send it to. While it is connecting, Node would wait for the connection to reset it. A reset below
 * TLS ends the process; one of a connection that the other side has ended, and Node is ending too, fails and leaves the descriptor
 * open for good (Node 20.20).
 */
function close(socket: Socket): void {
  const isEnding = socket.connecting || socket.readableEnded || socket.writableEnded || socket.destroyed;
  if (isEnding || takenOver.has(socket)) socket.destroy();
  else socket.resetAndDestroy();
}

/** Bytes in both directions. All that it opens is closed when the run ends. */
export class Connection {
  /** What came and was not taken yet. */
  received: Buffer = Buffer.alloc(0);
  /** What is to be said of the certificate, if all is well otherwise. */
  warning: string | undefined;
  readonly #run: Run;
  readonly #name: string;
  #socket: Socket;
  #problem: Error | undefined;
  #ended = false;
  #hasAnswered = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket, name: string, run: Run) {
    this.#socket = socket;
    this.#name = name;
    this.#run = run;
  }

  /** Connects, with TLS if that is wanted. Rejects with what the system says, or a `CheckFailure`. */
  static async open(target: Target, options: ConnectionOptions, run: Run): Promise<Connection> {
    const { from, tls, name = target.address, protocols } = options;
    const connection = new Connection(await openSocket(target, from, run), name, run);
    if (tls === undefined) connection.#listen();
    else await connection.secure(tls, protocols);
    run.waitFor('no answer');
    return connection;
  }

  /** Goes on with TLS. */
  async secure(tls: NormalTls, protocols: readonly string[] = []): Promise<void> {
    // What came before the handshake may be from somebody who sits in between.
    if (this.received.length > 0) throw soft(`more than was asked for before TLS: ${quoted(this.received)}`);
    const { socket, warning } = await secure(this.detach(), { tls, name: this.#name, protocols }, this.#run);
    this.#socket = socket;
    this.warning = warning;
    this.#listen();
  }

  /** The socket itself, for a protocol that another module speaks: nothing is read here any more. */
  detach(): Socket {
    takenOver.add(this.#socket);
    this.#socket.off('readable', this.#onReadable).off('end', this.#onEnd).off('close', this.#onEnd);
    return this.#socket;
  }

  readonly #onReadable = () => this.#wake();

  readonly #onEnd = () => {
    this.#ended = true;
    this.#wake();
  };

  #listen(): void {
    this.#socket.on('readable', this.#onReadable).on('end', this.#onEnd).on('close', this.#onEnd);
    // Stays for the socket's life.
    this.#socket.on('error', (error) => {
      this.#problem ??= error;
      this.#wake();
    });
  }

  /** Whether nothing came that was not read, and neither side has ended it. */
  get isQuiet(): boolean {
    return this.received.length === 0 && this.#socket.readableLength === 0 && !this.#isOver;
  }

  /** Whether the other side had ended it before it answered to what was sent last. */
  get isStale(): boolean {
    return !this.#hasAnswered && this.#isOver;
  }

  get #isOver(): boolean {
    return this.#ended || this.#problem !== undefined || this.#socket.destroyed;
  }

  /** Whether it holds the process open. */
  hold(hold: boolean): void {
    if (hold) this.#socket.ref();
    else this.#socket.unref();
  }

  /** Sends. What becomes of it shows when the answer is read. */
  send(data: Uint8Array | string): void {
    this.#hasAnswered = false;
    this.#socket.write(data);
  }

  /** Waits for more bytes; false at the end of the connection. Rejects with what the system says. */
  async more(): Promise<boolean> {
    const chunk = await this.chunk();
    if (chunk === undefined) return false;
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk]);
    return true;
  }

  /** The same, without keeping them. */
  async chunk(): Promise<Buffer | undefined> {
    for (;;) {
      const chunk = this.#socket.read() as Buffer | null;
      if (chunk !== null) {
        this.#hasAnswered = true;
        return chunk;
      }
      if (this.#problem !== undefined) throw this.#problem;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Takes so many of the bytes that came. */
  take(length: number): Buffer {
    const taken = this.received.subarray(0, length);
    this.received = this.received.subarray(length);
    return taken;
  }

  /** Waits for so many bytes, and takes them. Fails if the connection ends before. */
  async bytes(length: number): Promise<Buffer> {
    while (this.received.length < length) if (!(await this.more())) throw this.closed();
    return this.take(length);
  }

  /**
   * Takes a line, without its end. Fails if none ends within so many bytes, or the connection does.
   */
  async line(most: number): Promise<string> {
    for (let searched = 0; ; ) {
      const end = this.received.indexOf(0x0a, searched);
      if (end >= 0 && end <= most)
        return this.take(end + 1)
          .toString('latin1')
          .replace(/\r?\n$/, '');
      if (end > most || this.received.length > most)
        throw soft(`a line of more than ${most} bytes: ${quoted(this.received)}`);
      searched = this.received.length;
      if (!(await this.more())) throw this.closed();
    }
  }

  /** The failure that it is if the connection ends here. */
  closed(): Error {
    if (this.received.length === 0) return hard('connection closed by the server before its answer');
    return soft(`connection closed by the server in the middle of its answer: ${quoted(this.received)}`);
  }
}
