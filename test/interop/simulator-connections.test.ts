/**
 * The simulator's connections against the kernel's: the same commands and the same packets to both, and after each batch the
 * same connections, in the same states, with the same time left, and the same counts.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Family } from '../../src/address/ip.js';
import { Ipvs } from '../../src/index.js';
import type { DestinationUpdate } from '../../src/model/change.js';
import type { Destination } from '../../src/model/destination.js';
import type { ServiceEntry } from '../../src/model/service.js';
import type { ServiceKey } from '../../src/model/service-key.js';
import { SimulatedKernel, type Sysctls, type TcpFlag } from '../../src/simulator/index.js';
import { type Host, Lan } from '../lab/network.js';
import { RUNNING_RELEASE } from '../lab/running-kernel.js';
import { addresses, SchedulerLan } from '../lab/scheduler-lan.js';
import type { Client } from '../lab/scheduler-model.js';

/** Seconds by which the time left may differ: the kernel counts in ticks, and both show whole seconds. */
const TOLERANCE = 2;
const FAMILIES = ['ipv4', 'ipv6'] as const;
/** Networks from this number on have no firewall mark. */
const UNMARKED = 121;

/** Milliseconds to wait for what is bound to come. */
const PATIENCE = 8000;

describe('packets that nobody answers', () => {
  let lan: SchedulerLan;
  const used = { marks: 0, networks: UNMARKED - 1 };

  beforeAll(async () => {
    lan = await SchedulerLan.create();
  });

  afterAll(() => lan[Symbol.asyncDispose]());

  for (const family of FAMILIES) {
    const host = (network: number, number: number) => addresses.client(family, network, number);
    const server = (network: number, number: number) => addresses.server(family, network, number);

    /** Two connections of each of six clients in three networks. */
    function clientsOf(network: number, port: number, protocols: Client['protocol'][], ports: number[]): Client[] {
      return [1, 2, 3, 257, 258, 513].flatMap((number, index) =>
        ports.map((destinationPort, turn) => ({
          protocol: protocols[index % protocols.length] ?? 'tcp',
          source: host(network, number),
          sourcePort: port + turn,
          destination: addresses.virtual(family, network, 1),
          destinationPort,
        })),
      );
    }

    const kinds: readonly [string, boolean, (network: number) => ServiceKey, Client['protocol'][], number[]][] = [
      ['a port', false, (network) => service(family, network, 80), ['tcp'], [80, 80]],
      ['all ports', false, (network) => service(family, network, 0), ['tcp'], [80, 443]],
      ['FTP', false, (network) => service(family, network, 21), ['tcp'], [21, 5000]],
      ['a mark', true, (network) => ({ protocol: 'fwmark', family, mark: network }), ['tcp', 'udp'], [80, 5000]],
    ];
    for (const [name, isMarked, keyOf, protocols, ports] of kinds) {
      it(`persistence of ${name}, quiescing and removal, ${family}`, { timeout: 180_000 }, async () => {
        const network = isMarked ? ++used.marks : ++used.networks;
        await using both = await Both.create(lan, family, network);
        const key = keyOf(network);
        const port = key.protocol === 'fwmark' ? 0 : key.port;
        const netmask = family === 'ipv4' ? 24 : 66;
        await both.do((ipvs) => ipvs.addService({ ...key, scheduler: 'wrr', persistence: { timeout: 300, netmask } }));
        for (const [index, weight] of [1, 2, 3].entries()) {
          await both.do((ipvs) => ipvs.addDestination(key, { address: server(network, index), port, weight }));
        }
        await both.connect(clientsOf(network, 2000, protocols, ports));
        await both.compare(key);

        // Who is known goes on to the real server that takes no more.
        await both.do((ipvs) =>
          ipvs.updateDestination(key, { address: server(network, 1), port, weight: 0, forward: 'dr' }),
        );
        await both.connect(clientsOf(network, 3000, protocols, ports));
        await both.compare(key);
        await both.sysctl({ expire_quiescent_template: 1 });
        await both.connect(clientsOf(network, 4000, protocols, ports));
        await both.compare(key);
        await both.sysctl({ expire_quiescent_template: 0 });

        // Of a real server that was removed connections stay, and get nothing through until it is back.
        const removed = { address: server(network, 2), port };
        await both.do((ipvs) => ipvs.deleteDestination(key, removed));
        await both.connect(clientsOf(network, 2000, protocols, ports));
        await both.connect(clientsOf(network, 5000, protocols, ports));
        await both.compare(key);
        await both.do((ipvs) => ipvs.addDestination(key, { ...removed, weight: 5 }));
        await both.compare(key);
        await both.sysctl({ expire_nodest_conn: 1 });
        await both.do((ipvs) => ipvs.deleteDestination(key, removed));
        await both.compare(key);
        await both.connect(clientsOf(network, 2000, protocols, ports));
        await both.compare(key);
        await both.do((ipvs) => ipvs.deleteService(key));
        await both.compare();
        expect(both.scheduled).toBeGreaterThan(20);
      });
    }

    it(`expire_nodest_conn and a quiesced real server, ${family}`, async () => {
      const network = ++used.marks;
      await using both = await Both.create(lan, family, network);
      const key: ServiceKey = { protocol: 'fwmark', family, mark: network };
      await both.sysctl({ expire_nodest_conn: 1 });
      await both.do((ipvs) => ipvs.addService({ ...key, scheduler: 'rr' }));
      for (const number of [1, 2])
        await both.do((ipvs) => ipvs.addDestination(key, { address: server(network, number) }));
      const clients = clientsOf(network, 2000, ['tcp', 'udp'], [80, 81]);
      await both.connect(clients);
      await both.do((ipvs) => ipvs.updateDestination(key, { address: server(network, 1), weight: 0, forward: 'dr' }));
      await both.connect(clients);
      await both.compare(key);
    });

    it(`thresholds that change under connections, ${family}`, { timeout: 180_000 }, async () => {
      const network = ++used.marks;
      await using both = await Both.create(lan, family, network);
      const key: ServiceKey = { protocol: 'fwmark', family, mark: network };
      const address = server(network, 1);
      await both.do((ipvs) => ipvs.addService({ ...key, scheduler: 'rr' }));
      await both.do((ipvs) => ipvs.addDestination(key, { address, upperThreshold: 10 }));
      // Six clients come each time. Each pair is the upper threshold and the lower one.
      const changes = [
        [10, 0],
        [6, 0],
        [7, 0],
        [12, 0],
        [40, 12],
        [40, 13],
        [18, 0],
        [18, 5],
        [0, 0],
      ] as const;
      for (const [index, [upperThreshold, lowerThreshold]] of changes.entries()) {
        const settings = { address, forward: 'dr', upperThreshold, lowerThreshold } as const;
        await both.do((ipvs) => ipvs.updateDestination(key, settings));
        await both.connect(clientsOf(network, 2000 + 100 * index, ['udp'], [53]));
        await both.compare(key);
      }
      expect(both.scheduled).toBeGreaterThanOrEqual(24);
    });

    it.each([false, true])(`one packet each, persistent: %s, ${family}`, { timeout: 180_000 }, async (persistent) => {
      const network = ++used.marks;
      await using both = await Both.create(lan, family, network);
      const key: ServiceKey = { protocol: 'fwmark', family, mark: network };
      const persistence = persistent ? { persistence: { timeout: 60 } } : {};
      await both.do((ipvs) => ipvs.addService({ ...key, scheduler: 'rr', onePacket: true, ...persistence }));
      for (const number of [1, 2, 3]) {
        const upperThreshold = number === 1 ? 1 : 0;
        await both.do((ipvs) => ipvs.addDestination(key, { address: server(network, number), upperThreshold }));
      }
      const clients = clientsOf(network, 2000, ['udp', 'udp', 'tcp'], [53, 54, 55]);
      await both.connect(clients);
      await both.connect(clients);
      await both.compare(key);
      await both.compareStatistics(key);
    });
  }

  // Each has persistence by networks and thresholds, while real servers come, go, change weight and are quiesced.
  const SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'fo', 'ovf', 'mh'];
  for (const [index, scheduler] of SCHEDULERS.entries()) {
    const family = FAMILIES[index % 2] ?? 'ipv4';
    it(`${scheduler} with persistence and thresholds, ${family}`, { timeout: 180_000 }, async () => {
      const network = ++used.marks;
      const random = randomNumbers(network);
      await using both = await Both.create(lan, family, network);
      const key: ServiceKey = { protocol: 'fwmark', family, mark: network };
      const netmask = family === 'ipv4' ? 30 : 70;
      await both.do((ipvs) => ipvs.addService({ ...key, scheduler, persistence: { timeout: 600, netmask } }));
      const address = (number: number) => addresses.server(family, network, number);
      const scale = scheduler === 'ovf' ? 20 : 1;
      const weight = () => scale * (1 + random(6));
      const present = new Set<number>();
      const add = async (number: number) => {
        const settings: Destination = {
          address: address(number),
          weight: weight(),
          upperThreshold: random(2) * (20 + random(20)),
        };
        present.add(number);
        await both.do((ipvs) => ipvs.addDestination(key, settings));
      };
      for (const number of [1, 2, 3, 4]) await add(number);
      for (let round = 0; round < 14; round++) {
        const number = 1 + random(6);
        if (!present.has(number)) await add(number);
        else if (random(3) === 0 && present.size > 3) {
          present.delete(number);
          await both.do((ipvs) => ipvs.deleteDestination(key, { address: address(number) }));
        } else {
          const settings: DestinationUpdate = {
            forward: 'dr',
            address: address(number),
            weight: random(3) === 0 ? 0 : weight(),
            upperThreshold: random(2) * (20 + random(20)),
          };
          await both.do((ipvs) => ipvs.updateDestination(key, settings));
        }
        const clients = Array.from({ length: 24 }, (): Client => {
          const source = 1 + random(240);
          return {
            protocol: random(2) === 0 ? 'tcp' : 'udp',
            source: addresses.client(family, network, source),
            sourcePort: 1024 + random(60_000),
            destination: addresses.virtual(family, network, 1 + random(9)),
            destinationPort: 1 + random(60_000),
          };
        });
        await both.connect(clients);
        await both.compare(key);
      }
      expect(both.scheduled).toBeGreaterThanOrEqual(200);
    });
  }
});

describe('TCP from end to end', () => {
  const FACES = {
    ipv4: { director: '10.9.0.1', server: '10.9.1.2', client: '10.9.0.3', virtual: '10.9.0.100', direct: '10.9.0.4' },
    ipv6: { director: 'fd09::1', server: 'fd09:1::2', client: 'fd09::3', virtual: 'fd09::100', direct: 'fd09::4' },
  } as const;
  let lan: Lan;
  let director: Host;
  let client: Peer;
  let server: Peer;
  let direct: Peer;

  beforeAll(async () => {
    lan = await Lan.create();
    const outside = [`${FACES.ipv4.director}/24`, '10.9.0.100/32', `${FACES.ipv6.director}/64`, 'fd09::100/128'];
    director = await lan.host('director', ...outside);
    await lan.wire('inside').connect(director, '10.9.1.1/24', 'fd09:1::1/64');
    const clientHost = await lan.host('client', `${FACES.ipv4.client}/24`, `${FACES.ipv6.client}/64`);
    const serverHost = await lan.wire('inside').host('rs', `${FACES.ipv4.server}/24`, `${FACES.ipv6.server}/64`);
    await director.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 });
    await serverHost.ip('route add default via 10.9.1.1', 'route add default via fd09:1::1');
    // Beside the director, and so its answers don't pass it.
    const directHost = await lan.host('direct', `${FACES.ipv4.direct}/24`, `${FACES.ipv6.direct}/64`);
    for (const virtual of ['10.9.0.100', 'fd09::100']) await directHost.acceptVirtualAddress(virtual);
    client = new Peer(clientHost);
    server = new Peer(serverHost);
    direct = new Peer(directHost);
    await server.tell({ do: 'listen', port: 80 });
    await direct.tell({ do: 'listen', port: 80 });
  });

  afterAll(async () => {
    for (const peer of [client, server, direct]) peer.end();
    await lan[Symbol.asyncDispose]();
  });

  for (const family of FAMILIES) {
    it(`handshakes, ends and resets with NAT, ${family}`, { timeout: 180_000 }, async () => {
      const { virtual } = FACES[family];
      const key: ServiceKey = { protocol: 'tcp', address: virtual, port: 80 };
      await using both = await Both.on(director, FACES[family].client);
      await both.do((ipvs) => ipvs.addService({ ...key, scheduler: 'rr' }));
      await both.do((ipvs) => ipvs.addDestination(key, { address: FACES[family].server, port: 80, forward: 'nat' }));
      let port = 2000;
      const connect = async () => {
        const from = { address: FACES[family].client, port: ++port };
        await client.tell({ do: 'connect', name: `${port}`, from: from.address, port, to: virtual, toPort: 80 });
        const { connection } = both.simulator.connect({ protocol: 'tcp', client: from, virtual: key });
        if (connection === undefined) throw new Error('refused');
        connection.reply('SYN', 'ACK');
        connection.send('ACK');
        await both.compare(key);
        expect(connection.state).toBe('ESTABLISHED');
        return { connection, name: `${port}` };
      };
      const client_ = () => client;
      const server_ = () => server;
      const stories: readonly (readonly [
        () => Peer,
        'end' | 'reset',
        readonly (readonly ['in' | 'out', TcpFlag[]])[],
        string,
      ])[][] = [
        [
          [
            client_,
            'end',
            [
              ['in', ['FIN', 'ACK']],
              ['out', ['ACK']],
            ],
            'CLOSE_WAIT',
          ],
          [
            server_,
            'end',
            [
              ['out', ['FIN', 'ACK']],
              ['in', ['ACK']],
            ],
            'TIME_WAIT',
          ],
        ],
        [
          [
            server_,
            'end',
            [
              ['out', ['FIN', 'ACK']],
              ['in', ['ACK']],
            ],
            'FIN_WAIT',
          ],
          [
            client_,
            'end',
            [
              ['in', ['FIN', 'ACK']],
              ['out', ['ACK']],
            ],
            'TIME_WAIT',
          ],
        ],
        [[client_, 'reset', [['in', ['RST', 'ACK']]], 'CLOSE']],
        [[server_, 'reset', [['out', ['RST', 'ACK']]], 'CLOSE']],
        [
          [
            client_,
            'end',
            [
              ['in', ['FIN', 'ACK']],
              ['out', ['ACK']],
            ],
            'CLOSE_WAIT',
          ],
          [server_, 'reset', [['out', ['RST', 'ACK']]], 'CLOSE'],
        ],
      ];
      for (const story of stories) {
        const { connection, name } = await connect();
        for (const [peer, deed, packets, state] of story) {
          await peer().tell({ do: deed, ...(peer() === client && { name }) });
          for (const [direction, flags] of packets) connection.packet({ direction, flags });
          expect(connection.state).toBe(state);
          await both.compare(key);
        }
      }
      await both.compareStatistics(key, 5);
    });

    it.each([
      ['upper', { upperThreshold: 4 }],
      ['upper and lower', { upperThreshold: 6, lowerThreshold: 2 }],
    ])(
      `thresholds (%s) are reached, and left with connections that expire, ${family}`,
      { timeout: 180_000 },
      async (_, thresholds) => {
        const { virtual, client: from } = FACES[family];
        const key: ServiceKey = { protocol: 'udp', address: virtual, port: 53 };
        await using both = await Both.on(director, from);
        await both.do((ipvs) => ipvs.addService({ ...key, scheduler: 'rr' }));
        const [first, second] = family === 'ipv4' ? ['10.9.1.77', '10.9.1.78'] : ['fd09:1::77', 'fd09:1::78'];
        await both.do((ipvs) => ipvs.addDestination(key, { address: first, port: 53, forward: 'nat', ...thresholds }));
        await both.do((ipvs) =>
          ipvs.addDestination(key, { address: second, port: 53, forward: 'nat', upperThreshold: 8 }),
        );
        const send = async (port: number, count: number) => {
          let taken = 0;
          for (const end = port + count; port < end; port++) {
            await client.tell({ do: 'datagram', from, port, to: virtual, toPort: 53 });
            const { refused } = both.simulator.connect({
              protocol: 'udp',
              client: { address: from, port },
              virtual: key,
            });
            if (refused === undefined) taken++;
          }
          await both.compare(key);
          return taken;
        };
        // Some last, the others go: what is left is below the thresholds.
        expect(await send(2000, 3)).toBe(3);
        await both.do((ipvs) => ipvs.setTimeouts({ udp: 4 }));
        const room = (thresholds.upperThreshold ?? 0) + 8 - 3;
        expect(await send(3000, 14)).toBe(room);
        await both.until(async () => (await both.real.listConnections({ client: both.clients })).length <= 3);
        await both.compare(key);
        await both.do((ipvs) => ipvs.setTimeouts({ udp: 300 }));
        expect(await send(4000, 14)).toBe(room);
      },
    );

    it(`with direct routing the director sees one half, ${family}`, { timeout: 180_000 }, async () => {
      const { virtual } = FACES[family];
      const key: ServiceKey = { protocol: 'tcp', address: virtual, port: 80 };
      await using both = await Both.on(director, FACES[family].client);
      await both.do((ipvs) => ipvs.addService({ ...key, scheduler: 'rr' }));
      const settings = { address: FACES[family].direct, port: 80, forward: 'dr' } as const;
      await both.do((ipvs) => ipvs.addDestination(key, settings));
      const story = async (port: number, deeds: readonly (readonly ['end' | 'reset', TcpFlag[], string])[]) => {
        const from = { address: FACES[family].client, port };
        await client.tell({ do: 'connect', name: `${port}`, from: from.address, port, to: virtual, toPort: 80 });
        const { connection } = both.simulator.connect({ protocol: 'tcp', client: from, virtual: key });
        connection?.send('ACK');
        await both.compare(key);
        for (const [deed, flags, state] of deeds) {
          await client.tell({ do: deed, name: `${port}` });
          connection?.send(...flags);
          expect(connection?.state).toBe(state);
          await both.compare(key);
        }
      };
      await story(3001, [['end', ['FIN', 'ACK'], 'FIN_WAIT']]);
      await story(3002, [['reset', ['RST', 'ACK'], 'CLOSE']]);
      expect((await both.real.listConnections({ client: both.clients })).length).toBe(2);
    });
  }

  it.each([0, 1])(
    'conn_reuse_mode %i: the port of a connection that is over is used again',
    { timeout: 180_000 },
    async (mode) => {
      const { virtual } = FACES.ipv4;
      const key: ServiceKey = { protocol: 'tcp', address: virtual, port: 80 };
      await using both = await Both.on(director, FACES.ipv4.client);
      await both.sysctl({ conn_reuse_mode: mode });
      await both.do((ipvs) => ipvs.addService({ ...key, scheduler: 'rr' }));
      // The second is nobody: who is sent there hears nothing.
      for (const address of ['10.9.1.77', FACES.ipv4.server]) {
        await both.do((ipvs) => ipvs.addDestination(key, { address, port: 80, forward: 'nat' }));
      }
      const from = { address: FACES.ipv4.client, port: 4000 + mode };
      const order = { do: 'connect', name: 'again', from: from.address, port: from.port, to: virtual, toPort: 80 };
      await client.tell(order);
      const first = both.simulator.connect({ protocol: 'tcp', client: from, virtual: key });
      first.connection?.reply('SYN', 'ACK');
      first.connection?.send('ACK');
      await client.tell({ do: 'reset', name: 'again' });
      first.connection?.send('RST', 'ACK');
      expect(first.connection?.state).toBe('CLOSE');
      await both.compare(key);
      const again = client.tell(order);
      const second = both.simulator.connect({ protocol: 'tcp', client: from, virtual: key });
      expect(second.destination?.address).toBe(mode === 0 ? FACES.ipv4.server : '10.9.1.77');
      if (mode === 0) {
        second.connection?.reply('SYN', 'ACK');
        second.connection?.send('ACK');
      }
      await both.compare(key);
      if (mode === 0) {
        await again;
        await client.tell({ do: 'reset', name: 'again' });
        return;
      }
      again.catch(() => undefined);
    },
  );
});

/** A kernel and a simulated one, told the same. */
class Both implements AsyncDisposable {
  readonly simulator: SimulatedKernel;
  readonly real: Ipvs;
  /** The network that all clients are in. */
  readonly clients: string;
  readonly #simulated: Ipvs;
  readonly #director: Host;
  readonly #send: (clients: readonly Client[]) => Promise<void>;
  #scheduled = 0;

  private constructor(
    director: Host,
    real: Ipvs,
    simulator: SimulatedKernel,
    simulated: Ipvs,
    clients: string,
    send: (clients: readonly Client[]) => Promise<void>,
  ) {
    this.#director = director;
    this.real = real;
    this.simulator = simulator;
    this.#simulated = simulated;
    this.clients = clients;
    this.#send = send;
  }

  /** With the clients of one network; below 121 it is the mark of the packets, too. */
  static async create(lan: SchedulerLan, family: Family, network: number): Promise<Both> {
    const clients = addresses.clients(family, network);
    return Both.#make(lan.director, clients, (batch) => lan.connect(batch));
  }

  static async on(director: Host, client: string): Promise<Both> {
    return Both.#make(director, client, () => Promise.reject(new Error('only by hand')));
  }

  static async #make(director: Host, clients: string, send: (clients: readonly Client[]) => Promise<void>) {
    const simulator = new SimulatedKernel({ release: RUNNING_RELEASE });
    const simulated = await Ipvs.open({ kernel: simulator });
    const real = await Ipvs.open({ netns: director.namespacePath });
    return new Both(director, real, simulator, simulated, clients, send);
  }

  /** Connections that went to a real server. */
  get scheduled(): number {
    return this.#scheduled;
  }

  async do(act: (ipvs: Ipvs) => Promise<unknown>): Promise<void> {
    await act(this.real);
    await act(this.#simulated);
  }

  async sysctl(changes: Partial<Sysctls>): Promise<void> {
    const named = Object.entries(changes).map(([name, value]) => [`net.ipv4.vs.${name}`, value]);
    await this.#director.sysctl(Object.fromEntries(named));
    this.simulator.setSysctls(changes);
  }

  /** First packets: datagrams without contents, and SYN with the options that Linux sends. */
  async connect(clients: readonly Client[]): Promise<void> {
    await this.#send(clients);
    for (const { protocol, source, sourcePort, destination, destinationPort } of clients) {
      const header = source.includes(':') ? 40 : 20;
      const { refused } = this.simulator.connect({
        protocol,
        client: { address: source, port: sourcePort },
        virtual: { address: destination, port: destinationPort },
        mark: markOf(destination),
        bytes: header + (protocol === 'udp' ? 8 : 40),
      });
      if (refused === undefined) this.#scheduled++;
    }
  }

  /** Waits for what is bound to come. */
  async until(condition: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + PATIENCE;
    while (!(await condition()) && performance.now() < end) await setTimeout(50);
  }

  /** The same connections and counts; packets that are on their way arrive within a moment. */
  async compare(key?: ServiceKey): Promise<void> {
    await this.until(
      async () =>
        JSON.stringify(await this.#names(this.real, key)) === JSON.stringify(await this.#names(this.#simulated, key)),
    );
    expect(await this.#names(this.real, key)).toEqual(await this.#names(this.#simulated, key));
    const [got, expected] = [await this.#left(this.real), await this.#left(this.#simulated)];
    for (const [name, left] of expected) {
      expect(
        Math.abs((got.get(name) ?? -100) - left),
        `${name}: ${got.get(name)} and ${left} s left`,
      ).toBeLessThanOrEqual(TOLERANCE);
    }
  }

  async #names(ipvs: Ipvs, key: ServiceKey | undefined): Promise<readonly string[]> {
    const connections = [...(await this.#left(ipvs)).keys()].sort();
    const entries = key === undefined ? [] : await ipvs.listDestinations(key);
    return [
      ...connections,
      ...entries.map(({ destination, activeConnections, inactiveConnections, persistentConnections }) =>
        [destination.address, activeConnections, inactiveConnections, persistentConnections].join(' '),
      ),
    ];
  }

  /** Seconds left of each connection. */
  async #left(ipvs: Ipvs): Promise<Map<string, number>> {
    const connections = await ipvs.listConnections({ client: this.clients });
    return new Map(
      connections.map(({ expires, ...connection }): [string, number] => [JSON.stringify(connection), expires]),
    );
  }

  /**
   * The same counters, which both bring up to date every two seconds. With a tolerance only of connections and packets: TCP
   * may send an acknowledgement with what comes next, or before it.
   */
  async compareStatistics(key: ServiceKey, tolerance = 0): Promise<void> {
    this.simulator.advance(2000);
    const counters = async (ipvs: Ipvs) => {
      const entries = [await ipvs.getService(key), ...(await ipvs.listDestinations(key))];
      return entries.flatMap(({ stats } = {} as ServiceEntry) => [
        ...[stats?.connections, stats?.inPackets, stats?.outPackets].map(Number),
        ...(tolerance === 0 ? [stats?.inBytes, stats?.outBytes].map(Number) : []),
      ]);
    };
    const expected = await counters(this.#simulated);
    const isClose = (got: readonly number[]) =>
      got.length === expected.length &&
      got.every((count, index) => Math.abs(count - (expected[index] ?? -1)) <= tolerance);
    await this.until(async () => isClose(await counters(this.real)));
    const got = await counters(this.real);
    expect(isClose(got), `${got.join(' ')} and ${expected.join(' ')}`).toBe(true);
    expect(expected[0]).toBeGreaterThan(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Sweeps the connections away, for whoever uses these addresses next.
    await this.sysctl({ conn_reuse_mode: 1, expire_nodest_conn: 1, expire_quiescent_template: 0 });
    await this.real.setTimeouts({ tcp: 900, tcpFin: 120, udp: 300 });
    for (const { service } of await this.real.listServices()) {
      if (service.protocol !== 'fwmark' || service.mark !== 120) await this.real.deleteService(service);
    }
    await this.until(async () => (await this.real.listConnections({ client: this.clients })).length === 0);
    await this.sysctl({ expire_nodest_conn: 0 });
    await this.real.close();
    await this.#simulated.close();
  }
}

function service(family: Family, network: number, port: number): ServiceKey {
  return { protocol: 'tcp', address: addresses.virtual(family, network, 1), port };
}

/** What scheduler-lan.ts marks packets with. */
function markOf(virtual: string): number {
  const text = /^10\.2\.(\d+)\./.exec(virtual)?.[1] ?? `0x${/^fd02:0:0:([0-9a-f]+):/.exec(virtual)?.[1]}`;
  return Number(text) < UNMARKED ? Number(text) : 0;
}

/** Whole numbers from 0 to below a limit, the same with every run: a linear congruential generator. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** test/lab/tcp-peer.mjs on a host. */
class Peer {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  constructor(host: Host) {
    const program = fileURLToPath(new URL('../lab/tcp-peer.mjs', import.meta.url));
    this.#process = spawn('ip', ['netns', 'exec', host.namespace, process.execPath, program], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#answers = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  async tell(order: Readonly<Record<string, unknown>>): Promise<void> {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
    const { done } = await this.#answers.next();
    if (done === true) throw new Error('The peer ended');
  }

  end(): void {
    this.#process.kill();
  }
}
