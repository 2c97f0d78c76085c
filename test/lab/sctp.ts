/**
 * Associations of SCTP between hosts (sctp.pl).
 */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Host } from './network.js';
import { Orders } from './orders.js';
import type { Answers } from './traffic.js';

const PROGRAM = fileURLToPath(new URL('./sctp.pl', import.meta.url));

/** Makes a host a real server, which names itself in its answers; ends with the network. */
export async function serveSctp(host: Host, name: string, port: number, addresses: readonly string[]): Promise<void> {
  const server = host.spawn('perl', PROGRAM, 'serve', name, String(port), ...addresses);
  if (server.stdout !== null) await once(server.stdout, 'data');
}

/** The client of one host. */
export class SctpClient implements AsyncDisposable {
  readonly #orders: Orders;

  constructor(host: Host) {
    this.#orders = new Orders(host, 'perl', PROGRAM, 'call');
  }

  /** Makes associations, and says who answered each. Those of an earlier call are closed. */
  async open(calls: {
    readonly to: string;
    readonly port: number;
    readonly from: string;
    readonly count: number;
  }): Promise<Answers> {
    return (await this.#orders.give(`open ${calls.to} ${calls.port} ${calls.from} ${calls.count}`)) as Answers;
  }

  /** Sends a message on each, and says who answered it. */
  async ask(text: string): Promise<Answers> {
    return (await this.#orders.give(`ask ${text}`)) as Answers;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#orders[Symbol.asyncDispose]();
  }
}
