/**
 * Telling systemd how a service is: the protocol of sd_notify(3), so that units may say `Type=notify`, `Type=notify-reload` and
 * `WatchdogSec=`.
 *
 *     const systemd = systemdNotifier();
 *     systemd?.notify(`${READY}\n${statusOf('3 services')}`);
 * @module
 */
import { constants } from 'node:os';
import { AF_UNIX, type NativeSocket, SOCK_DGRAM } from './native.js';
import { openSocket } from './socket.js';

/** The service does its work now: for the first time, or again after {@link reloading}. */
export const READY = 'READY=1';
/** The service is ending. */
export const STOPPING = 'STOPPING=1';
const WATCHDOG = 'WATCHDOG=1';

const { EAGAIN } = constants.errno;

/** The service reads its configuration again. `Type=notify-reload` wants to know since when, in microseconds. */
export function reloading(): string {
  return `RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`;
}

/** What `systemctl status` shows. One line: a second one would be another assignment. */
export function statusOf(text: string): string {
  return `STATUS=${text.replaceAll(/\s+/g, ' ').trim()}`;
}

/** Whether a service makes progress. */
export interface ServiceProgress {
  /** Why it makes none; undefined if it does. */
  readonly stall: string | undefined;
  /** How it is. */
  readonly sentence: string;
}

/** Whom to tell. */
export interface SystemdNotifier {
  /**
   * Sends assignments, one a line: {@link READY}, {@link STOPPING}, {@link reloading}, {@link statusOf}. Never throws: a service
   * does not fail because nobody listens. While systemd's queue is full, it waits its turn, and does not hold the process.
   */
  notify(state: string): void;
  /** Ends the watchdog's signs of life, and forgets what waits. */
  close(): void;
}

/**
 * The systemd that started this process, by NOTIFY_SOCKET: the path of a socket, or a name in the abstract namespace (`@name`).
 * Where WATCHDOG_USEC wants them of this process (WATCHDOG_PID), signs of life are sent twice as often, until it is closed, and with
 * `progress` only while there is some. The status says how it is then, or why it is not.
 * Undefined if nobody wants to be told, or not by a socket of this machine (`vsock:`).
 */
export function systemdNotifier(
  env: NodeJS.ProcessEnv = process.env,
  progress?: ServiceProgress,
): SystemdNotifier | undefined {
  const address = socketAddress(env['NOTIFY_SOCKET'] ?? '');
  return address && new Notifier(address, watchdogPeriod(env), () => signOf(progress));
}

/** Milliseconds between two tries while systemd's queue is full. */
const RETRY = 50;

class Notifier implements SystemdNotifier {
  readonly #address: Uint8Array;
  readonly #watchdog: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** The last sign of life. */
  #sign = '';
  /** In their order: READY after RELOADING is not RELOADING after READY. */
  #waiting: string[] = [];

  constructor(address: Uint8Array, watchdogPeriod: number | undefined, sign: () => string) {
    this.#address = address;
    if (watchdogPeriod === undefined) return;
    this.#watchdog = setInterval(() => this.#give(sign()), watchdogPeriod).unref();
  }

  notify(state: string): void {
    this.#waiting.push(state);
    if (this.#retry === undefined) this.#sendWaiting();
  }

  close(): void {
    clearInterval(this.#watchdog);
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#waiting = [];
  }

  /** One sign of life says as much as many. */
  #give(sign: string): void {
    this.#waiting = this.#waiting.filter((state) => state !== this.#sign);
    this.#sign = sign;
    this.notify(sign);
  }

  #sendWaiting(): void {
    this.#retry = undefined;
    while (this.#waiting[0] !== undefined) {
      if (!send(this.#address, this.#waiting[0])) {
        this.#retry = setTimeout(() => this.#sendWaiting(), RETRY).unref();
        return;
      }
      this.#waiting.shift();
    }
  }
}

/** A service without progress gives none, and says why. */
function signOf(progress: ServiceProgress | undefined): string {
  if (progress === undefined) return WATCHDOG;
  const { stall } = progress;
  return stall === undefined ? `${WATCHDOG}\n${statusOf(progress.sentence)}` : statusOf(`no progress: ${stall}`);
}

/** By a socket of its own, as sd_notify(3) does it: systemd may be another one by now. False if its queue is full. */
function send(address: Uint8Array, state: string): boolean {
  let socket: NativeSocket | undefined;
  try {
    socket = openSocket({ what: 'the socket to systemd', domain: AF_UNIX, type: SOCK_DGRAM, protocol: 0 });
    return socket.connect(address) < 0 || socket.send(Buffer.from(state)) !== -EAGAIN;
  } catch {
    return true;
  } finally {
    socket?.close();
  }
}

/** Bytes of the name in a struct sockaddr_un (unix(7)). */
const SUN_PATH = 108;

/** struct sockaddr_un; undefined for what is no name of such a socket. */
function socketAddress(name: string): Uint8Array | undefined {
  if (!/^[/@]./.test(name)) return undefined;
  // An abstract name begins with a NUL and ends with the struct; a path ends with a NUL.
  const path = Buffer.from(name.startsWith('@') ? `\0${name.slice(1)}` : `${name}\0`);
  if (path.length > SUN_PATH) return undefined;
  return Buffer.concat([new Uint8Array(Uint16Array.of(AF_UNIX).buffer), path]);
}

/** The longest that setInterval waits: with more it does not wait at all. */
const LONGEST = 2 ** 31 - 1;

/** Milliseconds: half of what systemd waits, as sd_watchdog_enabled(3) advises. */
function watchdogPeriod({
  WATCHDOG_USEC: microseconds = '',
  WATCHDOG_PID: pid,
}: NodeJS.ProcessEnv): number | undefined {
  if (pid !== undefined && pid !== String(process.pid)) return undefined;
  return /^[1-9]\d*$/.test(microseconds) ? Math.min(Number(microseconds) / 2000, LONGEST) : undefined;
}
