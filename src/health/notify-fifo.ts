/**
 * FIFOs that get a line for each change, in keepalived's form (2.2.7: ipwrapper.c, check_data.c `format_vs`, `format_rs`; lib/utils.c
 * `inet_sockaddrtotrio`; lib/notify.c opens them):
 *
 *     VS [192.0.2.1]:tcp:80 UP
 *     RS [10.0.0.11]:tcp:80 [192.0.2.1]:tcp:80 DOWN
 *     RS [10.0.0.11]:none:80 FWM 5 DOWN
 * @module
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { runProgram } from '../linux/program.js';
import type { ServiceKey } from '../model/service-key.js';

/** Something to tell. Without a server it is about the quorum. */
export interface News {
  readonly service: ServiceKey;
  readonly server?: { readonly address: string; readonly port: number };
  readonly isUp: boolean;
  readonly reason: string;
}

/** Says why a line did not get through. */
type Fail = (reason: string) => void;

/** Lines that wait while a FIFO is made. */
const WAITING = 1000;

/** A FIFO is open, or lines wait until it is. */
interface Fifo {
  descriptor?: number;
  readonly lines: { readonly line: string; readonly fail: Fail }[];
}

/** FIFOs by their paths, each opened when its first line comes. */
export class NotifyFifos {
  readonly #fifos = new Map<string, Fifo>();

  /** Never waits for a reader. */
  write(path: string, news: News, fail: Fail): void {
    const line = fifoLine(news);
    const fifo = this.#fifos.get(path);
    if (fifo?.descriptor !== undefined) put(fifo.descriptor, line, fail);
    else if (fifo === undefined) void this.#open(path, { line, fail });
    else if (fifo.lines.length < WAITING) fifo.lines.push({ line, fail });
    else fail(`${WAITING} lines wait for it`);
  }

  /** Closes the others. */
  keepOnly(paths: ReadonlySet<string>): void {
    for (const [path, { descriptor }] of this.#fifos) {
      if (paths.has(path)) continue;
      this.#fifos.delete(path);
      if (descriptor !== undefined) closeSync(descriptor);
    }
  }

  async #open(path: string, first: Fifo['lines'][number]): Promise<void> {
    const fifo: Fifo = { lines: [first] };
    this.#fifos.set(path, fifo);
    const opened = await openFifo(path);
    const isWanted = this.#fifos.get(path) === fifo;
    if (typeof opened === 'number' && isWanted) fifo.descriptor = opened;
    else if (typeof opened === 'number') closeSync(opened);
    // The next line tries again.
    else if (isWanted) this.#fifos.delete(path);
    for (const { line, fail } of fifo.lines.splice(0)) {
      if (typeof opened === 'string') fail(opened);
      else if (isWanted) put(opened, line, fail);
    }
  }
}

/** Its descriptor, or why there is none. */
async function openFifo(path: string): Promise<number | string> {
  const opened = tryOpen(path);
  if (opened !== undefined) return opened;
  const { code, stderr } = await runProgram(['mkfifo', '-m', '600', '--', path]);
  if (code !== 0) return `it cannot be made: ${stderr.trim()}`;
  return tryOpen(path) ?? 'it is not there any more';
}

/** Undefined where there is no such file. */
function tryOpen(path: string): number | string | undefined {
  try {
    // Reading too, as keepalived does: without a reader a FIFO cannot be opened for writing alone.
    const descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    if (fstatSync(descriptor).isFIFO()) return descriptor;
    closeSync(descriptor);
    return 'it is no FIFO';
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? undefined : message;
  }
}

/** A line is shorter than PIPE_BUF: it goes in whole, or not at all. */
function put(descriptor: number, line: string, fail: Fail): void {
  try {
    writeSync(descriptor, line);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    fail(code === 'EAGAIN' ? 'it is full: nobody reads it' : message);
  }
}

/** The line of some news, as keepalived has it. */
export function fifoLine({ service, server, isUp }: News): string {
  const state = isUp ? 'UP' : 'DOWN';
  if (server === undefined) return `VS ${virtualText(service)} ${state}\n`;
  const protocol = service.protocol === 'fwmark' ? 'none' : service.protocol;
  return `RS ${trio(server.address, protocol, server.port)} ${virtualText(service)} ${state}\n`;
}

function virtualText(service: ServiceKey): string {
  if (service.protocol === 'fwmark') return `FWM ${service.mark}`;
  return trio(service.address, service.protocol, service.port);
}

function trio(address: string, protocol: string, port: number): string {
  return `[${address}]:${protocol}:${port}`;
}
