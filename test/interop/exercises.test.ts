/**
 * The classic exercises of LVS, each with real requests. A capture on the switch proves who passed what to whom, and under
 * which addresses.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readMasquerade } from '../../src/host/masquerade.js';
import type { Service } from '../../src/index.js';
import { type Connection, connections, owners } from '../lab/capture.js';
import { succeed } from '../lab/process.js';
import { CALLERS, DR, DR_PUBLIC_VIP, NAT, NAT_MASQUERADE, TUN } from './exercises/topologies.js';
import { Cluster, type Topology } from './exercises/topology.js';

/** The cluster of a topology for the tests of one `describe`. */
function useCluster(topology: Topology): { readonly now: Cluster } {
  let cluster: Cluster | undefined;
  beforeAll(async () => {
    cluster = await Cluster.create(topology);
  });
  // What went on before is not the test's.
  beforeEach(async () => void (await cluster?.capture.packets()));
  afterAll(() => cluster?.[Symbol.asyncDispose]());
  return {
    get now() {
      if (cluster === undefined) throw new Error('no test is running');
      return cluster;
    },
  };
}

type Settings = Pick<Service, 'scheduler' | 'persistence'> & { port?: number };

const http = (address: string, { port = 80, scheduler = 'rr', ...more }: Settings = {}): Service => ({
  protocol: 'tcp',
  address,
  port,
  scheduler,
  ...more,
});

interface Visits {
  readonly answers: readonly string[];
  /** How each went, in the same order. */
  readonly ways: readonly Connection[];
}

/** Sends requests one after the other. */
async function visit(cluster: Cluster, url: string, times: number): Promise<Visits> {
  const answers = await cluster.host('client').httpGet(url, times);
  const ways = connections(await cluster.capture.packets());
  expect(ways.length).toBe(times);
  return { answers, ways };
}

/** Requests go round, whoever begins, and each one goes the way that is expected for the server that answers. */
function expectRoundRobin({ answers, ways }: Visits, way: (server: string, address: string) => Partial<Connection>) {
  const addresses: Record<string, string> = { rs1: '11', rs2: '12' };
  expect(answers.slice(0, 2).toSorted()).toEqual(['rs1', 'rs2']);
  expect(answers).toEqual(answers.map((_, index) => answers[index % 2]));
  for (const [index, { request, answer }] of ways.entries()) {
    const server = answers[index] ?? '';
    expect({ request, answer }).toEqual(way(server, addresses[server] ?? ''));
  }
}

function count(answers: readonly string[], server: string): number {
  return answers.filter((answer) => answer === server).length;
}

describe('DR in one network', () => {
  const cluster = useCluster(DR);

  test('rr: packets go on as they came, and the answer goes straight to the client', async () => {
    await cluster.now.serve([http('10.0.0.100')]);
    expectRoundRobin(await visit(cluster.now, 'http://10.0.0.100/', 4), (server) => ({
      request: ['client -> director: 10.0.0.1 -> 10.0.0.100:80', `director -> ${server}: 10.0.0.1 -> 10.0.0.100:80`],
      answer: [`${server} -> client: 10.0.0.100:80 -> 10.0.0.1`],
    }));
  });

  test('IPv6', async () => {
    await cluster.now.serve([http('2001:db8::100')]);
    expectRoundRobin(await visit(cluster.now, 'http://[2001:db8::100]/', 4), (server) => ({
      request: [
        'client -> director: 2001:db8::1 -> [2001:db8::100]:80',
        `director -> ${server}: 2001:db8::1 -> [2001:db8::100]:80`,
      ],
      answer: [`${server} -> client: [2001:db8::100]:80 -> 2001:db8::1`],
    }));
  });

  test('whoever asks for a VIP, and how often: the director alone answers', async () => {
    const client = cluster.now.host('client');
    const [director] = cluster.now.host('director').interfaces;
    for (const vip of ['10.0.0.100', '10.0.0.100', '10.0.0.107', '2001:db8::100']) {
      await client.askWhoHas(vip);
      expect(owners(await cluster.now.capture.packets(), vip)).toEqual(['director']);
      expect(await client.run('ip', 'neighbour', 'show', vip)).toContain(`lladdr ${director?.mac} `);
    }
  });

  test('wrr: three to one, in every four', async () => {
    await cluster.now.serve([http('10.0.0.100', { scheduler: 'wrr' })], { weights: [3, 1] });
    const { answers } = await visit(cluster.now, 'http://10.0.0.100/', 8);
    for (const round of [answers.slice(0, 4), answers.slice(4)]) {
      expect([count(round, 'rs1'), count(round, 'rs2')]).toEqual([3, 1]);
    }
  });

  test('sh: a client keeps its server', async () => {
    await cluster.now.serve([http('10.0.0.100', { scheduler: 'sh' })]);
    const client = cluster.now.host('client');
    const met = [];
    for (const from of CALLERS) met.push(await client.httpGet('http://10.0.0.100/', 2, { from }));
    expect(met.map(([first]) => first)).toEqual(met.map(([, second]) => second));
    expect(new Set(met.flat())).toEqual(new Set(['rs1', 'rs2']));
  });

  test('dh: a destination keeps its server', async () => {
    await mark(cluster.now, ['--dport', '80']);
    await cluster.now.serve([{ protocol: 'fwmark', mark: 1, scheduler: 'dh' }]);
    const client = cluster.now.host('client');
    const met = [];
    for (let vip = 100; vip <= 107; vip++) met.push(await client.httpGet(`http://10.0.0.${vip}/`, 2));
    expect(met.map(([first]) => first)).toEqual(met.map(([, second]) => second));
    expect(new Set(met.flat())).toEqual(new Set(['rs1', 'rs2']));
  });

  test('several services of one VIP take turns on their own', async () => {
    await cluster.now.serve([http('10.0.0.100'), http('10.0.0.100', { port: 443 })]);
    const first = await visit(cluster.now, 'http://10.0.0.100/', 1);
    const other = await visit(cluster.now, 'http://10.0.0.100:443/', 2);
    const second = await visit(cluster.now, 'http://10.0.0.100/', 1);
    expect([...first.answers, ...second.answers].toSorted()).toEqual(['rs1', 'rs2']);
    expect(other.answers.toSorted()).toEqual(['rs1', 'rs2']);
  });

  test('a firewall mark makes one service of two ports, where a client keeps its server', async () => {
    await mark(cluster.now, ['-m', 'multiport', '--dports', '80,443']);
    await cluster.now.serve([{ protocol: 'fwmark', mark: 1, scheduler: 'rr', persistence: { timeout: 60 } }]);
    const client = cluster.now.host('client');
    const met = [];
    for (const from of CALLERS.slice(0, 4)) {
      const [plain] = await client.httpGet('http://10.0.0.100/', 1, { from });
      const [secure] = await client.httpGet('http://10.0.0.100:443/', 1, { from });
      expect(secure).toBe(plain);
      met.push(plain);
    }
    expect(met.slice(0, 2).toSorted()).toEqual(['rs1', 'rs2']);
    expect(met.slice(2)).toEqual(met.slice(0, 2));
  });
});

/** Lets the director mark the TCP packets for its VIPs with 1, and no others. */
async function mark(cluster: Cluster, match: readonly string[]): Promise<void> {
  const iptables = 'iptables-legacy -t mangle';
  const rule = `-d 10.0.0.96/28 -p tcp ${match.join(' ')} -j MARK --set-mark 1`;
  await cluster.host('director').run('sh', '-ec', `${iptables} -F PREROUTING; ${iptables} -A PREROUTING ${rule}`);
}

describe('DR with a public VIP and private real servers', () => {
  const cluster = useCluster(DR_PUBLIC_VIP);

  test('requests come by the router, and answers go by it, past the director', async () => {
    await cluster.now.serve([http('203.0.113.100')]);
    expectRoundRobin(await visit(cluster.now, 'http://203.0.113.100/', 4), (server) => ({
      request: [
        'client -> router: 198.51.100.2 -> 203.0.113.100:80',
        'router -> director: 198.51.100.2 -> 203.0.113.100:80',
        `director -> ${server}: 198.51.100.2 -> 203.0.113.100:80`,
      ],
      answer: [
        `${server} -> router: 203.0.113.100:80 -> 198.51.100.2`,
        'router -> client: 203.0.113.100:80 -> 198.51.100.2',
      ],
    }));
  });
});

describe('NAT with the director as gateway', () => {
  const cluster = useCluster(NAT);

  test('the real server sees the client, and the director rewrites both ways', async () => {
    await cluster.now.serve([http('10.0.0.100')]);
    expectRoundRobin(await visit(cluster.now, 'http://10.0.0.100/', 4), (server, number) => ({
      request: [
        'client -> director: 10.0.0.1 -> 10.0.0.100:80',
        `director -> ${server}: 10.0.0.1 -> 10.1.0.${number}:80`,
      ],
      answer: [
        `${server} -> director: 10.1.0.${number}:80 -> 10.0.0.1`,
        'director -> client: 10.0.0.100:80 -> 10.0.0.1',
      ],
    }));
  });

  test('IPv6', async () => {
    await cluster.now.serve([http('2001:db8::100')]);
    expectRoundRobin(await visit(cluster.now, 'http://[2001:db8::100]/', 4), (server, number) => ({
      request: [
        'client -> director: 2001:db8::1 -> [2001:db8::100]:80',
        `director -> ${server}: 2001:db8::1 -> [2001:db8:1::${number}]:80`,
      ],
      answer: [
        `${server} -> director: [2001:db8:1::${number}]:80 -> 2001:db8::1`,
        'director -> client: [2001:db8::100]:80 -> 2001:db8::1',
      ],
    }));
  });
});

describe.each([
  { tool: 'nft', broken: [] },
  { tool: 'iptables', broken: ['nft'] },
])('NAT with masquerade by $tool', ({ tool, broken }) => {
  const programs = broken.map((name) => join('/usr/sbin', name));
  // Before the cluster is set up, and until it is taken down.
  beforeAll(async () => {
    for (const path of programs) await succeed('mount', ['--bind', '/bin/false', path]);
  });
  afterAll(async () => {
    for (const path of programs) await succeed('umount', [path]);
  });
  const cluster = useCluster(NAT_MASQUERADE);

  test('the set-up takes it', async () => {
    expect((await readMasquerade('ipv4')).tool).toMatch(new RegExp(`^${tool}`));
  });

  test('the real server sees the director, and answers it', async () => {
    await cluster.now.serve([http('10.0.0.100')]);
    expectRoundRobin(await visit(cluster.now, 'http://10.0.0.100/', 4), (server, number) => ({
      request: [
        'client -> director: 10.0.0.1 -> 10.0.0.100:80',
        `director -> ${server}: 10.0.0.2 -> 10.0.0.${number}:80`,
      ],
      answer: [
        `${server} -> director: 10.0.0.${number}:80 -> 10.0.0.2`,
        'director -> client: 10.0.0.100:80 -> 10.0.0.1',
      ],
    }));
  });
});

describe('TUN across two subnets', () => {
  const cluster = useCluster(TUN);

  test('packets travel in packets of the director, and the answer goes by the router', async () => {
    await cluster.now.serve([http('10.0.0.100')]);
    expectRoundRobin(await visit(cluster.now, 'http://10.0.0.100/', 4), (server, number) => {
      const tunnel = `ipip 10.0.0.2 -> 10.1.0.${number}`;
      return {
        request: [
          'client -> director: 10.0.0.1 -> 10.0.0.100:80',
          `director -> router: ${tunnel}: 10.0.0.1 -> 10.0.0.100:80`,
          `router -> ${server}: ${tunnel}: 10.0.0.1 -> 10.0.0.100:80`,
        ],
        answer: [`${server} -> router: 10.0.0.100:80 -> 10.0.0.1`, 'router -> client: 10.0.0.100:80 -> 10.0.0.1'],
      };
    });
  });
});
