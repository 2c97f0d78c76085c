/** Connections ended, moved and put back in the kernel's table, while clients talk on them. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Connection, ConnectionFilter, ServiceKeyText } from '../../src/index.js';
import type { Host } from '../lab/network.js';
import { DR, NAT, TUN } from './exercises/topologies.js';
import { Cluster, type Topology } from './exercises/topology.js';

const SERVER = fileURLToPath(new URL('../lab/talk-server.mjs', import.meta.url));
const CLIENT = fileURLToPath(new URL('../lab/talk-client.mjs', import.meta.url));

type Answers = Readonly<Record<string, number>>;

/** Clients that keep connections open. */
class Talk implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  /** Of the first exchange. */
  readonly first: Answers;

  private constructor(process: ChildProcess, lines: AsyncIterator<string>, first: Answers) {
    this.#process = process;
    this.#lines = lines;
    this.first = first;
  }

  static async start(client: Host, protocol: 'tcp' | 'udp', address: string, count: number): Promise<Talk> {
    const child = client.spawn(process.execPath, CLIENT, protocol, address, '80', String(count));
    const lines: Interface = createInterface(child.stdout ?? Readable.from([]));
    const iterator = lines[Symbol.asyncIterator]();
    return new Talk(child, iterator, await answersOf(iterator));
  }

  /** Exchanges data on every connection: how many answers each server gave, or how many failed with which code. */
  again(): Promise<Answers> {
    return this.#order('talk');
  }

  /** Begins or ends to talk without pause. */
  async chatter(): Promise<void> {
    await this.#order('chatter');
  }

  async #order(order: string): Promise<Answers> {
    this.#process.stdin?.write(`${order}\n`);
    return answersOf(this.#lines);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }
}

async function answersOf(lines: AsyncIterator<string>): Promise<Answers> {
  const { value, done } = await lines.next();
  if (done) throw new Error('the client has ended');
  return JSON.parse(value);
}

const VIPS = { ipv4: '10.0.0.100', ipv6: '2001:db8::100' } as const;

describe.each<[string, Topology]>([
  ['NAT', NAT],
  ['DR', DR],
  ['TUN', TUN],
])('%s', (_, topology) => {
  let cluster: Cluster;
  let client: Host;

  beforeAll(async () => {
    cluster = await Cluster.create({ ...topology, ports: [] });
    client = cluster.host('client');
    for (const name of ['rs1', 'rs2']) {
      const { stdout } = cluster.host(name).spawn(process.execPath, SERVER, name, '80');
      if (stdout !== null) await once(stdout, 'data');
    }
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  describe.each<['tcp' | 'udp', 'ipv4' | 'ipv6']>([
    ['tcp', 'ipv4'],
    ['tcp', 'ipv6'],
    ['udp', 'ipv4'],
    ['udp', 'ipv6'],
  ])('%s over %s', (protocol, family) => {
    const vip = VIPS[family];
    const key: ServiceKeyText = `${protocol}://${family === 'ipv6' ? `[${vip}]` : vip}:80`;
    const server = (name: 'rs1' | 'rs2') =>
      topology.realServers[name]?.find((address) => address.includes(':') === (family === 'ipv6')) ?? '';
    const filter = (name?: 'rs1' | 'rs2'): ConnectionFilter => ({
      service: key,
      ...(name !== undefined && { server: server(name) }),
    });

    beforeAll(async () => {
      await cluster.ipvs.flush();
      await cluster.ipvs.endConnections({});
      await cluster.serve([{ protocol, address: vip, port: 80, scheduler: 'rr' }]);
    });

    test('ends the connections of a real server', async () => {
      await using talk = await Talk.start(client, protocol, vip, 10);
      expect(talk.first).toEqual({ rs1: 5, rs2: 5 });
      if (protocol === 'tcp') await talk.chatter();
      const result = await cluster.ipvs.endConnections(filter('rs1'));
      expect(result).toMatchObject({ matched: 5, changed: 5, left: [] });
      if (protocol === 'tcp') await talk.chatter();
      // A reset ends a connection; a datagram is scheduled anew.
      const answers = await talk.again();
      if (protocol === 'tcp') expect(answers).toEqual({ rs2: 5, ECONNRESET: 5 });
      else expect((answers['rs1'] ?? 0) + (answers['rs2'] ?? 0)).toBe(10);
      expect(await cluster.ipvs.daemons()).toEqual([]);
    });

    test('moves the connections of a real server', async () => {
      await cluster.ipvs.endConnections({});
      await using talk = await Talk.start(client, protocol, vip, 10);
      expect(talk.first).toEqual({ rs1: 5, rs2: 5 });
      const result = await cluster.ipvs.moveConnections(filter('rs1'), server('rs2'));
      expect(result).toMatchObject({ matched: 5, changed: 5, left: [] });
      const rows = await cluster.ipvs.listConnections({ service: key });
      expect(new Set(rows.map(({ destination }) => destination.address))).toEqual(new Set([server('rs2')]));
      // The other server does not know these TCP connections and resets them; datagrams it answers.
      expect(await talk.again()).toEqual(protocol === 'tcp' ? { rs2: 5, ECONNRESET: 5 } : { rs2: 10 });
    });

    test('puts back the connections of a table that was lost', async () => {
      await cluster.ipvs.endConnections({});
      await using talk = await Talk.start(client, protocol, vip, 20);
      const pieces: Uint8Array[] = [];
      for await (const piece of cluster.ipvs.saveConnections()) pieces.push(piece);
      const before = await tableOf(cluster);
      expect(before.length).toBe(20);
      await cluster.ipvs.endConnections({});
      expect(await tableOf(cluster)).toEqual([]);
      const result = await cluster.ipvs.restoreConnections(Readable.from(pieces));
      expect(result).toEqual({ saved: 20, restored: 20, expired: 0, present: 0, missing: 0 });
      expect(await tableOf(cluster)).toEqual(before);
      expect(await talk.again()).toEqual(talk.first);
    });
  });
});

async function tableOf({ ipvs }: Cluster): Promise<string[]> {
  const name = ({ protocol, client, destination, state }: Connection) =>
    `${protocol} ${client.address}:${client.port} ${destination.address}:${destination.port} ${state}`;
  return (await ipvs.listConnections()).map(name).sort();
}
