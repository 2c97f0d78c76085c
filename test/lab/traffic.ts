/**
 * Hosts that talk over connections they keep (traffic.mjs), one process each.
 */
import { fileURLToPath } from 'node:url';
import type { Host } from './network.js';
import { Orders } from './orders.js';

const PROGRAM = fileURLToPath(new URL('./traffic.mjs', import.meta.url));
/** Descriptors: a program of the lab has 4096 by itself. */
const SOCKETS = 20_480;

/** How many connections each real server answered, or why one was not; `elsewhere`: by another server than the time before. */
export type Answers = Readonly<Record<string, number>>;

/** Connections to open: `group` is the name of all of them. */
export interface Calls {
  readonly group: string;
  readonly protocol: 'tcp' | 'udp';
  readonly to: string;
  readonly port: number;
  readonly count?: number;
  readonly from?: string;
  /** What each says first. */
  readonly text?: string;
}

/** The program on one host. */
export class Traffic implements AsyncDisposable {
  readonly #orders: Orders;

  constructor(host: Host) {
    this.#orders = new Orders(host, 'sh', '-c', `ulimit -n ${SOCKETS}; exec "$@"`, 'sh', process.execPath, PROGRAM);
  }

  /** Becomes a real server, which names itself in its answers. */
  async listen(
    name: string,
    ports: { readonly tcp: readonly number[]; readonly udp: readonly Listener[] },
  ): Promise<void> {
    await this.#order({ do: 'listen', name, ...ports });
  }

  /** Opens connections, and says who answered each. */
  async open(calls: Calls): Promise<Answers> {
    return (await this.#order({ do: 'open', ...calls })) as Answers;
  }

  /** Sends a line on each connection of a group, and says who answered it. */
  async ask(group: string, text: string): Promise<Answers> {
    return (await this.#order({ do: 'ask', group, text })) as Answers;
  }

  /** Begins to receive bytes without end on each connection of a group. */
  async download(group: string): Promise<void> {
    await this.#order({ do: 'download', group });
  }

  /** The bytes that come on the connections of a group in so many milliseconds. */
  async receives(group: string, milliseconds: number): Promise<number> {
    return (await this.#order({ do: 'receives', group, milliseconds })) as number;
  }

  /** How many resets the host's TCP has sent. */
  async resets(): Promise<number> {
    return (await this.#order({ do: 'resets' })) as number;
  }

  #order(order: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.#orders.give(JSON.stringify(order));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#orders[Symbol.asyncDispose]();
  }
}

/** An address and a port that datagrams come to. */
interface Listener {
  readonly address: string;
  readonly port: number;
}
