/**
 * Clients of a simulated kernel, as time passes: connections that come, last a while, carry some bytes, and end.
 * @module
 */
import { familyOfKey, type ServiceKey } from '../../model/service-key.js';
import type { TableService } from '../../model/table.js';
import type { TableAccess } from '../../model/table-access.js';
import type { SimulatedKernel } from '../../simulator/index.js';
import { hangUp, openingTo, shakeHands } from '../../simulator/traffic/client.js';
import type { SimulatedConnection } from '../../simulator/traffic/simulated-connection.js';
import { type Timed, TimingWheel } from '../../simulator/traffic/timing-wheel.js';
import type { Chance } from '../../simulator/what-if/traffic.js';

/** Connections a second of all services together, on average. */
const RATE = 60;
/** Milliseconds of a wave, in which that goes up and down by half. */
const WAVE = 120_000;
/** Milliseconds that a connection lasts, on average. */
const LASTS = 4000;
/** Milliseconds between two turns, and between two looks at the table. */
const TURN = 100;
const LOOK = 2000;
/** A look takes at most so much of the time. */
const SHARE = 20;
/** Clients, by turns. */
const CLIENTS = 250;
const FIRST_PORT = 1024;
const PORTS = 65_536 - FIRST_PORT;
/** Bytes of a question, and of a packet of an answer. */
const QUESTION = 400;
const ANSWER = 1500;

/** A connection that lasts. */
interface Session extends Timed<Session> {
  readonly connection: SimulatedConnection;
  readonly isTcp: boolean;
  readonly isNat: boolean;
}

/** See the module. It begins with {@link DemoTraffic.start}, and ends when it is disposed of. */
export class DemoTraffic implements Disposable {
  readonly #kernel: SimulatedKernel;
  readonly #table: Pick<TableAccess, 'snapshot'>;
  readonly #chance: Chance;
  readonly #now: () => number;
  readonly #sessions: TimingWheel<Session>;
  #services: readonly TableService[] = [];
  #nextArrival: number;
  #nextLook = 0;
  #opened = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param now milliseconds, never going back */
  constructor(
    kernel: SimulatedKernel,
    table: Pick<TableAccess, 'snapshot'>,
    chance: Chance,
    now: () => number = () => performance.now(),
  ) {
    this.#kernel = kernel;
    this.#table = table;
    this.#chance = chance;
    this.#now = now;
    this.#sessions = new TimingWheel<Session>(now(), (session) => end(session));
    this.#nextArrival = now();
  }

  start(): void {
    const turn = async () => {
      await this.turn();
      this.#timer?.refresh();
    };
    this.#timer = setTimeout(() => void turn(), TURN);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** What happened since the last turn. */
  async turn(): Promise<void> {
    await this.#look();
    const now = this.#now();
    for (; this.#nextArrival <= now; this.#nextArrival += this.#pause(this.#nextArrival)) this.#arrive();
    this.#sessions.run(now);
  }

  /** Which services there are. The table of a program that ends may be closed. */
  async #look(): Promise<void> {
    const begun = this.#now();
    if (begun < this.#nextLook) return;
    this.#services = (await this.#table.snapshot().catch(() => undefined))?.services ?? [];
    const took = this.#now() - begun;
    this.#nextLook = begun + Math.max(LOOK, SHARE * took);
  }

  #pause(time: number): number {
    const wave = 1 + Math.sin((2 * Math.PI * time) / WAVE) / 2;
    return this.#chance.wait(1000 / (RATE * wave));
  }

  #arrive(): void {
    const chosen = this.#service();
    if (chosen === undefined) return;
    const { service, destinations } = chosen;
    const opening = openingTo(service);
    const isTcp = opening.protocol === 'tcp';
    const client = {
      address: clientOf(service, this.#chance.whole() % CLIENTS),
      port: FIRST_PORT + (this.#opened++ % PORTS),
    };
    const { destination: server, connection } = this.#kernel.connect({
      ...opening,
      client,
      ...(!isTcp && { bytes: QUESTION }),
    });
    if (connection === undefined) return;
    const at = destinations.find(({ destination: { address } }) => address === server.address);
    const isNat = at?.destination.forward === 'nat';
    if (isTcp) {
      shakeHands(connection, isNat);
      connection.packet({ flags: ['ACK'], bytes: QUESTION });
    }
    if (isNat) this.#answer(connection, isTcp);
    const none = { expires: 0, slot: -1, timerNext: undefined, timerPrevious: undefined };
    this.#sessions.start({ connection, isTcp, isNat, ...none }, this.#now() + this.#chance.wait(LASTS));
  }

  #answer(connection: SimulatedConnection, isTcp: boolean): void {
    const packets = 1 + (this.#chance.whole() % 20);
    for (let packet = 0; packet < packets; packet++) {
      connection.packet({ direction: 'out', bytes: ANSWER, ...(isTcp && { flags: ['ACK'] }) });
    }
  }

  /** The first has most clients, and so on (Zipf). */
  #service(): TableService | undefined {
    const count = this.#services.length;
    return this.#services[Math.floor((count + 1) ** this.#chance.part()) - 1] ?? this.#services[count - 1];
  }
}

function end({ connection, isTcp, isNat }: Session): void {
  if (isTcp && !connection.expired) hangUp(connection, isNat);
}

/** Addresses for documentation. */
function clientOf(service: ServiceKey, number: number): string {
  return familyOfKey(service) === 'ipv4' ? `198.51.100.${number + 1}` : `2001:db8:c::${(number + 1).toString(16)}`;
}
