/**
 * The classic exercises as the files in examples/exercises tell them: one file describes the director, the real servers and
 * the table, and requests are answered by both real servers.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadStateFile } from '../../src/config/read.js';
import type { Director } from '../../src/model/director.js';
import type { RealServer } from '../../src/model/real-server.js';
import { reconcile } from '../../src/reconcile/apply.js';
import { checkoutRoot } from '../lab/checkout.js';
import { sample } from '../lab/sample.js';
import { CALLERS, DR, DR_PUBLIC_VIP, NAT, NAT_MASQUERADE, TUN } from './exercises/topologies.js';
import { Cluster, type Topology } from './exercises/topology.js';

const DIRECTORY = join(checkoutRoot, 'examples/exercises');

interface Exercise {
  /** The hosts and their network. */
  readonly on: Topology;
  /** A shell command on the director that the file asks for. */
  readonly before?: string;
  /** What the client calls, and who answers, in order; who begins is up to the kernel. */
  readonly visit: (cluster: Cluster) => Promise<readonly string[]>;
  readonly answers: readonly string[];
}

const get = (url: string, times: number) => (cluster: Cluster) => cluster.host('client').httpGet(url, times);

/** The servers that eight clients meet, each asking twice. */
const kept = async (cluster: Cluster, urls: readonly string[]) => {
  const servers = new Set<string>();
  for (const from of CALLERS) {
    const answers = await Promise.all(urls.map((url) => cluster.host('client').httpGet(url, 1, { from })));
    expect(new Set(answers.flat()).size).toBe(1);
    for (const server of answers.flat()) servers.add(server);
  }
  return [...servers];
};

/** The servers behind eight addresses, each called twice. */
const keptByDestination = async (cluster: Cluster) => {
  const servers = new Set<string>();
  for (let vip = 100; vip <= 107; vip++) {
    const [first = '', second] = await cluster.host('client').httpGet(`http://10.0.0.${vip}:443/`, 2);
    expect(second).toBe(first);
    servers.add(first);
  }
  return [...servers];
};

const MARK = 'iptables-legacy -t mangle -A PREROUTING -p tcp -j MARK --set-mark 1';

const EXERCISES: Readonly<Record<string, Exercise>> = {
  'dr.yaml': { on: DR, visit: get('http://10.0.0.100/', 4), answers: ['rs1', 'rs1', 'rs1', 'rs2'] },
  'dr-public-vip.yaml': { on: DR_PUBLIC_VIP, visit: get('http://203.0.113.100/', 2), answers: ['rs1', 'rs2'] },
  'dr-ipv6.yaml': { on: DR, visit: get('http://[2001:db8::100]/', 2), answers: ['rs1', 'rs2'] },
  'nat.yaml': { on: NAT, visit: get('http://10.0.0.100/', 2), answers: ['rs1', 'rs2'] },
  'nat-ipv6.yaml': { on: NAT, visit: get('http://[2001:db8::100]/', 2), answers: ['rs1', 'rs2'] },
  'nat-masquerade.yaml': { on: NAT_MASQUERADE, visit: get('http://10.0.0.100/', 2), answers: ['rs1', 'rs2'] },
  'tun.yaml': { on: TUN, visit: get('http://10.0.0.100/', 2), answers: ['rs1', 'rs2'] },
  'several-services.yaml': {
    on: DR,
    before: `${MARK} -d 10.0.0.101 -m multiport --dports 80,443`,
    visit: (cluster) => kept(cluster, ['http://10.0.0.101/', 'http://10.0.0.101:443/']),
    answers: ['rs1', 'rs2'],
  },
  'hashing.yaml': {
    on: DR,
    before: `${MARK} -d 10.0.0.96/28 --dport 443`,
    visit: async (cluster) => [
      ...(await kept(cluster, ['http://10.0.0.100/', 'http://10.0.0.100/'])),
      ...(await keptByDestination(cluster)),
    ],
    answers: ['rs1', 'rs1', 'rs2', 'rs2'],
  },
};

test('every file has an exercise', () => {
  expect(readdirSync(DIRECTORY).toSorted()).toEqual(Object.keys(EXERCISES).toSorted());
});

test.each(sample(Object.entries(EXERCISES), 4))('%s', async (file, { on, before, visit, answers }) => {
  const { services = [], director, realServer } = await loadStateFile(join(DIRECTORY, file), { env: {} });
  // What was read from a file may be read again, whatever its type says.
  const described = {
    director: director === undefined ? [] : [director as unknown as Director],
    realServer: realServer === undefined ? [] : [realServer as unknown as RealServer],
  };
  await using cluster = await Cluster.create({ ...on, ...described });
  if (before !== undefined) await cluster.host('director').run('sh', '-ec', before);
  await reconcile(cluster.ipvs, { services });
  expect([...(await visit(cluster))].toSorted()).toEqual(answers);
});
