/**
 * Whether a TCP connection comes about.
 * @module
 */
import type { CallSockets, SocketListener } from '../../linux/call-sockets.js';
import type { NormalCheck, TcpCheck } from '../../model/check.js';
import type { Target } from '../check-outcome.js';
import { openSocket } from '../connection.js';
import { LimitedRun } from '../limited-run.js';
import { hardOutcome, passed } from '../outcome.js';
import type { Done, Probe } from '../run.js';
import { outcomeOfErrno } from '../system-error.js';

/** Connects; the end of the run resets the connection. */
export const probeTcp: Probe<TcpCheck> = async (target, check, run) => {
  await openSocket(target, check, run);
  return passed('connected');
};

/** The least port that the kernel may choose for a call. */
const LEAST_CHOSEN = 1024;

/** The same at a quarter of the time: there may be ten thousand of these a second, and each is one object and no socket of Node. */
export class TcpRun extends LimitedRun implements SocketListener {
  readonly #sockets: CallSockets;
  readonly #port: number;
  readonly #socket: number;
  #isConnected = false;

  constructor(sockets: CallSockets, { address, port }: Target, check: NormalCheck, done: Done) {
    const { timeout, source, device, fwmark } = check;
    super(timeout, done);
    this.#sockets = sockets;
    this.#port = port;
    this.waitFor('no connection');
    this.#socket = sockets.connect({ address, port, source, device, mark: fwmark }, this);
    if (this.#socket < 0) process.nextTick(() => this.finish(outcomeOfErrno(this.#socket)));
  }

  onReady(errno: number): void {
    this.#isConnected = errno === 0;
    this.finish(
      this.#isConnected && this.#isOwnPeer() ? REFUSED : this.#isConnected ? CONNECTED : outcomeOfErrno(errno),
    );
  }

  override end(): void {
    if (!this.ended && this.#socket >= 0) this.#sockets.close(this.#socket, this.#isConnected);
    super.end();
  }

  #isOwnPeer(): boolean {
    return this.#port >= LEAST_CHOSEN && this.#sockets.isOwnPeer(this.#socket);
  }
}

const CONNECTED = passed('connected');
const REFUSED = hardOutcome('connection refused');
