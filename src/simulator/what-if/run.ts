/**
 * One run of traffic through a simulated kernel, and what is counted on the way.
 * @module
 */
import type { Endpoint } from '../../address/endpoint.js';
import { inTurns } from '../../linux/time-slice.js';
import type { NormalDestination } from '../../model/destination.js';
import type { ServiceKey } from '../../model/service-key.js';
import type { SimulatedKernel } from '../simulated-kernel.js';
import { hangUp, openingTo, shakeHands } from '../traffic/client.js';
import type { Opening, SimulatedConnection } from '../traffic/simulated-connection.js';
import { type Timed, TimingWheel } from '../traffic/timing-wheel.js';
import { Chance, type CheckedTraffic } from './traffic.js';

/** What is counted of a real server. */
export interface ServerTally {
  destination: NormalDestination;
  count: number;
  /** Connections that would be its share by weight. */
  fair: number;
  active: number;
  peak: number;
}

/** A connection that lasts. */
interface Session extends Timed<Session> {
  readonly connection: SimulatedConnection;
  readonly tally: ServerTally;
}

const FIRST_PORT = 1024;
const PORTS = 65_536 - FIRST_PORT;
const NOBODY = -1;

/** Traffic to a service that is in the kernel's table; its real servers are told one by one. */
export class Run {
  readonly tallies: ServerTally[] = [];
  connections = 0;
  refused = 0;
  readonly #kernel: SimulatedKernel;
  readonly #traffic: CheckedTraffic;
  readonly #chance: Chance;
  readonly #opening: Pick<Opening, 'protocol' | 'virtual' | 'mark'>;
  readonly #sessions = new TimingWheel<Session>(0, (session, time) => this.#end(session, time));
  /** Which real server an address and port is; the kernel names it by the same object as long as it can. */
  readonly #known = new Map<Endpoint, number>();
  /** The real server of each client's last connection before changes. */
  readonly #before: Int32Array;
  /** And of its first one since. */
  readonly #after: Int32Array;
  #changed = false;
  #phaseStart = 0;
  /** Milliseconds. */
  #time = 0;
  #nextArrival: number;
  #opened = 0;

  constructor(kernel: SimulatedKernel, service: ServiceKey, traffic: CheckedTraffic) {
    this.#kernel = kernel;
    this.#traffic = traffic;
    this.#chance = new Chance(traffic.seed ^ 0x5bd1e995);
    this.#before = new Int32Array(traffic.clients.count).fill(NOBODY);
    this.#after = new Int32Array(traffic.clients.count).fill(NOBODY);
    this.#opening = openingTo(service);
    this.#nextArrival = this.#interval();
  }

  /** A real server was added, or changed. */
  setServer(destination: NormalDestination): void {
    const tally = this.tallies.find(({ destination: known }) => isSame(known, destination));
    if (tally === undefined) this.tallies.push({ destination, count: 0, fair: 0, active: 0, peak: 0 });
    else tally.destination = destination;
  }

  server(key: { readonly address: string; readonly port: number }): NormalDestination | undefined {
    return this.tallies.find(({ destination }) => isSame(destination, key))?.destination;
  }

  /** From here on clients may have moved. */
  startAnew(): void {
    this.#share();
    this.#changed = true;
  }

  /** Lets traffic run until a second, unless the signal ends it. */
  async until(seconds: number, signal: AbortSignal | undefined): Promise<void> {
    const end = seconds * 1000;
    await inTurns(this.#arrivals(end), (time) => {
      signal?.throwIfAborted();
      this.#pass(time);
      this.#arrive();
    });
    this.#pass(end);
    this.#share();
  }

  *#arrivals(end: number): Generator<number> {
    for (; this.#nextArrival < end; this.#nextArrival += this.#interval()) yield this.#nextArrival;
  }

  /** Clients that called before the changes and since, and those of them that moved. */
  get moved(): { clients: number; changed: number } {
    let clients = 0;
    let changed = 0;
    for (const [client, before] of this.#before.entries()) {
      const after = this.#after[client];
      if (before === NOBODY || after === NOBODY) continue;
      clients++;
      if (after !== before) changed++;
    }
    return { clients, changed };
  }

  /** The connections since the last call, shared out by weights. */
  #share(): void {
    const weights = this.tallies.reduce((sum, { destination }) => sum + destination.weight, 0);
    const connections = this.connections - this.#phaseStart;
    this.#phaseStart = this.connections;
    for (const tally of this.tallies) {
      if (weights > 0) tally.fair += (connections * tally.destination.weight) / weights;
    }
  }

  #interval(): number {
    const mean = 1000 / this.#traffic.rate;
    return this.#traffic.arrival === 'constant' ? mean : this.#chance.wait(mean);
  }

  #pass(time: number): void {
    this.#sessions.run(time);
    this.#setTime(time);
  }

  #setTime(time: number): void {
    if (time <= this.#time) return;
    this.#kernel.advance(time - this.#time);
    this.#time = time;
  }

  #arrive(): void {
    const { clients, duration } = this.#traffic;
    const client = this.#chance.whole() % clients.count;
    const port = FIRST_PORT + (this.#opened++ % PORTS);
    const lasts = this.#chance.duration(duration);
    const { destination, connection } = this.#kernel.connect({
      ...this.#opening,
      client: { address: clients.address(client), port },
    });
    if (connection === undefined) {
      this.refused++;
      return;
    }
    const index = this.#indexOf(destination);
    const tally = this.tallies[index];
    if (tally === undefined) return;
    this.connections++;
    tally.count++;
    tally.active++;
    tally.peak = Math.max(tally.peak, tally.active);
    this.#remember(client, index);
    if (this.#opening.protocol === 'tcp') shakeHands(connection, tally.destination.forward === 'nat');
    const session: Session = {
      connection,
      tally,
      expires: 0,
      slot: -1,
      timerNext: undefined,
      timerPrevious: undefined,
    };
    this.#sessions.start(session, this.#time + lasts * 1000);
  }

  #end({ connection, tally }: Session, time: number): void {
    this.#setTime(time);
    tally.active--;
    if (this.#opening.protocol === 'tcp' && !connection.expired)
      hangUp(connection, tally.destination.forward === 'nat');
  }

  #remember(client: number, server: number): void {
    if (!this.#changed) this.#before[client] = server;
    else if (this.#after[client] === NOBODY) this.#after[client] = server;
  }

  #indexOf(endpoint: Endpoint): number {
    const known = this.#known.get(endpoint);
    if (known !== undefined) return known;
    const { address, port } = endpoint;
    const index = this.tallies.findIndex(
      ({ destination }) => destination.address === address && (destination.port === port || destination.port === 0),
    );
    this.#known.set(endpoint, index);
    return index;
  }
}

function isSame(left: { address: string; port: number }, right: { address: string; port: number }): boolean {
  return left.address === right.address && left.port === right.port;
}
