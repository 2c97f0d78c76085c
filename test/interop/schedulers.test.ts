/**
 * The simulator's schedulers against the kernel's: real connections from chosen clients, while real servers come, go, change
 * their weights, are quiesced and reach their thresholds. Each connection must be with the real server that the simulator
 * names, told the same.
 */
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Family, familyOf } from '../../src/address/ip.js';
import { traitsOf } from '../../src/simulator/release.js';
import { RUNNING_RELEASE } from '../lab/running-kernel.js';
import { addresses, SchedulerLan } from '../lab/scheduler-lan.js';
import { type Client, ServiceModel } from '../lab/scheduler-model.js';

const ROUNDS = 18;
const CONNECTIONS_A_ROUND = 18;
const WEIGHTS = [1, 2, 3, 4, 6, 9];
const NOBODY = 'nobody';
const SERVERS = [1, 2, 3, 4, 5, 6, 7];

/** Of sh and mh: fallback, and port. */
type Flag = 'flag-1' | 'flag-2';

/** Schedulers and their flags, and what the connections are: those that go by active ones alone take TCP. */
const CASES: readonly [string, readonly Flag[], ...Client['protocol'][]][] = [
  ['rr', [], 'tcp', 'udp'],
  ['wrr', [], 'tcp', 'udp'],
  ['lc', [], 'tcp', 'udp'],
  ['wlc', [], 'tcp', 'udp'],
  ['sh', [], 'tcp', 'udp'],
  ['sh', ['flag-1'], 'tcp', 'udp'],
  ['sh', ['flag-2'], 'tcp', 'udp'],
  ['sh', ['flag-1', 'flag-2'], 'tcp', 'udp'],
  ['dh', [], 'tcp', 'udp'],
  ['fo', [], 'tcp', 'udp'],
  ['ovf', [], 'tcp'],
  ['nq', [], 'tcp'],
  ['sed', [], 'tcp'],
  ['mh', [], 'tcp', 'udp'],
  ['mh', ['flag-1'], 'tcp', 'udp'],
  ['mh', ['flag-2'], 'tcp', 'udp'],
  ['mh', ['flag-1', 'flag-2'], 'tcp', 'udp'],
  ['lblc', [], 'tcp'],
  ['lblcr', [], 'tcp'],
];

let lan: SchedulerLan;
/** Each test has a mark of its own, and with it addresses and random numbers. */
let marks = 0;

beforeAll(async () => {
  lan = await SchedulerLan.create();
});

afterAll(async () => {
  await lan[Symbol.asyncDispose]();
});

for (const family of ['ipv4', 'ipv6'] as const) {
  for (const [scheduler, flags, ...protocols] of CASES) {
    const mark = ++marks;
    it([scheduler, ...flags, family].join(' '), { timeout: 180_000 }, async () => {
      const random = randomNumbers(mark);
      const service = await Both.create(family, mark, scheduler, flags);
      const clients = clientsOf(family, mark, protocols, random);
      for (let round = 0; round < ROUNDS; round++) {
        // A weight is what ovf's servers have room for, too.
        await change(service, round, random, scheduler === 'ovf' ? 10 : 1);
        await service.connect(clients.splice(0, CONNECTIONS_A_ROUND));
      }
      await service.compare();
      expect(service.served).toBeGreaterThanOrEqual(200);
    });
  }
}

it('one service from scheduler to scheduler', { timeout: 180_000 }, async () => {
  const mark = ++marks;
  const random = randomNumbers(mark);
  const service = await Both.create('ipv4', mark, 'rr', []);
  const clients = clientsOf('ipv4', mark, ['tcp'], random);
  for (let round = 0; clients.length > 0; round++) {
    const [scheduler, flags] = CASES[(round * 8) % CASES.length] ?? ['rr', []];
    await change(service, round, random);
    await service.change(scheduler, flags);
    await service.connect(clients.splice(0, CONNECTIONS_A_ROUND));
  }
  await service.compare();
});

it('mh with real servers of the other family', { timeout: 180_000 }, async () => {
  for (const [family, other] of [
    ['ipv4', 'ipv6'],
    ['ipv6', 'ipv4'],
  ] as const) {
    const mark = ++marks;
    const service = await Both.create(family, mark, 'mh', []);
    for (const server of SERVERS.slice(0, 3)) await service.add(service.name(server), server);
    for (const server of SERVERS.slice(3, 5)) await service.add(addresses.server(other, mark, server), server);
    await service.connect(clientsOf(family, mark, ['tcp', 'udp'], randomNumbers(mark)));
    await service.compare();
  }
});

// Their sums and products go beyond 32 and 53 bits. (With wrr the kernel would count down to the smallest for seconds.)
it.each(['wlc', 'sed', 'sh', 'mh', 'lc', 'nq', 'lblcr'])(
  '%s with weights up to the greatest',
  { timeout: 180_000 },
  async (scheduler) => {
    const mark = ++marks;
    const service = await Both.create('ipv4', mark, scheduler, []);
    const weights = [2147483647, 2147483646, 1073741824, 65537, 300, 70, 1];
    for (const [index, weight] of weights.entries()) await service.add(service.name(SERVERS[index] ?? 0), weight);
    const clients = clientsOf('ipv4', mark, ['tcp', 'udp'], randomNumbers(mark));
    await service.connect(clients.splice(0, 100));
    await service.update(service.name(1), 0);
    await service.update(service.name(3), 5);
    await service.connect(clients);
    await service.compare();
  },
);

it('lblcr removes the most loaded after a second without change', { timeout: 180_000 }, async () => {
  const mark = ++marks;
  await lan.director.sysctl({ 'net.ipv4.vs.lblcr_expiration': 1 });
  const service = await Both.create('ipv4', mark, 'lblcr', [], 1000);
  for (const server of SERVERS.slice(0, 5)) await service.add(service.name(server), server * 2);
  const clients = clientsOf('ipv4', mark, ['tcp'], randomNumbers(mark)).map((client) => ({
    ...client,
    destination: addresses.virtual('ipv4', mark, (client.sourcePort % 2) + 1),
  }));
  while (clients.length > 0) {
    await service.connect(clients.splice(0, 63));
    // Time is what the scheduler goes by here: well before the second is over, or well after it.
    await setTimeout(1300);
  }
  await service.compare();
});

/** A service of the kernel and its model, which are told the same. */
class Both {
  readonly #family: Family;
  readonly #mark: number;
  readonly #model: ServiceModel;
  /** The real server that the model named for each connection. */
  readonly #named = new Map<string, string>();

  private constructor(family: Family, mark: number, model: ServiceModel) {
    this.#family = family;
    this.#mark = mark;
    this.#model = model;
  }

  static async create(family: Family, mark: number, scheduler: string, flags: readonly Flag[], expiration?: number) {
    await lan.ipvs.addService({ protocol: 'fwmark', family, mark, scheduler, schedulerFlags: [...flags] });
    const now = () => performance.now();
    const { overload } = traitsOf(RUNNING_RELEASE);
    const options = { family, flags: bits(flags), now, overload, ...(expiration !== undefined && { expiration }) };
    return new Both(family, mark, new ServiceModel(scheduler, options));
  }

  async change(scheduler: string, flags: readonly Flag[]): Promise<void> {
    await lan.ipvs.updateService({ ...this.#key, scheduler, schedulerFlags: [...flags] });
    this.#model.change(scheduler, bits(flags));
  }

  get #key() {
    return { protocol: 'fwmark', family: this.#family, mark: this.#mark } as const;
  }

  /** How many connections have a real server; one with nobody shows less. */
  get served(): number {
    return [...this.#named.values()].filter((name) => name !== NOBODY).length;
  }

  /** The real server of the newest connection, if it is there still: round robin goes on from there. */
  get last(): string | undefined {
    const name = [...this.#named.values()].at(-1);
    return this.servers.some((server) => server.name === name) ? name : undefined;
  }

  get servers(): ServiceModel['servers'] {
    return this.#model.servers;
  }

  name(server: number): string {
    return addresses.server(this.#family, this.#mark, server);
  }

  /** Every other real server has a port of its own, which mh hashes. */
  async add(name: string, weight: number): Promise<void> {
    const port = SERVERS.findIndex((server) => this.name(server) === name) % 2 === 0 ? 0 : 8080;
    const forward = familyOf(name) === this.#family ? 'dr' : 'tun';
    await lan.ipvs.addDestination(this.#key, { address: name, port, weight, forward });
    this.#model.add(name, weight, { port });
  }

  async update(name: string, weight: number, upperThreshold = 0): Promise<void> {
    const { port } = this.#model.server(name);
    await lan.ipvs.updateDestination(this.#key, { address: name, port, weight, upperThreshold, forward: 'dr' });
    this.#model.update(name, weight, { upperThreshold });
  }

  async delete(name: string): Promise<void> {
    const { port } = this.#model.server(name);
    await lan.ipvs.deleteDestination(this.#key, { address: name, port });
    this.#model.delete(name);
  }

  async connect(clients: readonly Client[]): Promise<void> {
    await lan.connect(clients);
    for (const client of clients) {
      const name = this.#model.connect(client);
      this.#named.set(text(client.protocol, client.source, client.sourcePort), name ?? NOBODY);
    }
    const entries = await lan.ipvs.listDestinations(this.#key);
    const counts = entries.map(({ destination: { address }, activeConnections, inactiveConnections }) =>
      [address, activeConnections, inactiveConnections].join(' '),
    );
    const expected = this.servers.map(({ name, activeConnections, inactiveConnections }) =>
      [name, activeConnections, inactiveConnections].join(' '),
    );
    // The comparison by connection tells more, if there is anything to tell.
    if (counts.join() !== expected.join()) await this.compare();
    expect(counts).toEqual(expected);
  }

  async compare(): Promise<void> {
    const got = new Map([...this.#named.keys()].map((client) => [client, NOBODY]));
    const client = addresses.clients(this.#family, this.#mark);
    for (const connection of await lan.ipvs.listConnections({ client })) {
      const { protocol, client, destination } = connection;
      got.set(text(protocol, client.address, client.port), destination.address);
    }
    expect([...got]).toEqual([...this.#named]);
  }
}

function bits(flags: readonly Flag[]): number {
  return (flags.includes('flag-1') ? 1 : 0) | (flags.includes('flag-2') ? 2 : 0);
}

function text(protocol: string, address: string, port: number): string {
  return `${protocol} ${address} ${port}`;
}

/**
 * One or two changes to the real servers: one comes or goes, gets another weight, is quiesced, gets an upper threshold that
 * it will reach or loses it. Where two take no connections, one of them does again.
 */
async function change(service: Both, round: number, random: (below: number) => number, scale = 1): Promise<void> {
  const weight = () => scale * (WEIGHTS[random(WEIGHTS.length)] ?? 1);
  if (round === 0) {
    for (const server of [3, 1, 4, 2]) await service.add(service.name(server), scale * (WEIGHTS[server] ?? 1));
    return;
  }
  for (let changes = 1 + random(2); changes > 0; changes--) {
    const present = service.servers;
    const absent = SERVERS.map((number) => service.name(number)).filter(
      (name) => !present.some((it) => it.name === name),
    );
    const newcomer = absent[random(absent.length)];
    const idle = present.filter((server) => server.weight === 0 || server.overloaded);
    const server = idle[1] ?? present[random(present.length)];
    const kind = idle.length > 1 ? 6 : random(7);
    if (newcomer !== undefined && (server === undefined || kind === 0 || present.length < 3)) {
      await service.add(newcomer, weight());
    } else if (server !== undefined) {
      const { name, upperThreshold, activeConnections, inactiveConnections } = server;
      if (kind === 1) await service.delete(service.last ?? name);
      else if (kind === 0) await service.delete(name);
      else if (kind <= 3) await service.update(name, weight(), upperThreshold);
      else if (kind === 4) await service.update(name, 0, upperThreshold);
      else if (kind === 5)
        await service.update(name, weight(), activeConnections + inactiveConnections + 1 + random(4));
      else await service.update(name, weight());
    }
  }
}

/** As many as are needed, with addresses and ports all over the place, to a few virtual addresses. */
function clientsOf(
  family: Family,
  mark: number,
  protocols: readonly Client['protocol'][],
  random: (below: number) => number,
): Client[] {
  const clients = new Map<string, Client>();
  while (clients.size < ROUNDS * CONNECTIONS_A_ROUND) {
    const client: Client = {
      protocol: protocols[random(protocols.length)] ?? 'tcp',
      source: addresses.client(family, mark, 1 + random(65534)),
      sourcePort: 1024 + random(64512),
      destination: addresses.virtual(family, mark, 1 + random(12)),
      destinationPort: 1 + random(65535),
    };
    clients.set(text(client.protocol, client.source, client.sourcePort), client);
  }
  return [...clients.values()];
}

/** Whole numbers from 0 to below a limit, the same with every run: a linear congruential generator. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
