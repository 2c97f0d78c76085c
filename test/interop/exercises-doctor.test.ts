/**
 * The doctor has nothing to say of the exercises' healthy set-ups, on any of their hosts, described or guessed.
 */
import { expect, test } from 'vitest';
import { examine } from '../../src/doctor/examine.js';
import type { ExamineOptions } from '../../src/doctor/gather.js';
import type { Host } from '../lab/network.js';
import { sample } from '../lab/sample.js';
import * as topologies from './exercises/topologies.js';
import { Cluster, type Topology } from './exercises/topology.js';

/** What no host can see of another one, and is said for that. */
const UNSEEN: Readonly<Record<string, readonly string[]>> = {
  nat: ['note nat-gateway-unseen'],
  tun: ['note tunnel-mtu'],
  dr: [],
};

const healthy = Object.entries(topologies).filter((entry): entry is [string, Topology] => 'hosts' in entry[1]);

test.each(sample(healthy, 3))(
  '%s',
  async (_, topology) => {
    await using cluster = await Cluster.create(topology);
    const vips = topology.director.flatMap(({ vips }) => [vips].flat()).map((vip) => String(vip).replace(/-.*/, ''));
    await cluster.serve(vips.map((address) => ({ protocol: 'tcp', address, port: 80, scheduler: 'rr' })));
    const director = cluster.host('director');
    const mode = topology.director[0]?.mode ?? 'dr';
    const masquerades = topology.director.some((one) => 'inside' in one && one.inside.masquerade);
    const client = topology.hosts['client']?.interfaces[0]?.[1]?.split('/')[0];
    const unseen = UNSEEN[mode] ?? [];
    expect(await look(director), 'guessed').toEqual(unseen);
    expect(await look(director, { client }), 'of the client').toEqual(unseen);
    const description = [...topology.director];
    expect(await look(director, { role: 'director', description }), 'described').toEqual(masquerades ? [] : unseen);
    for (const name of Object.keys(topology.realServers).slice(0, 1)) {
      const host = cluster.host(name);
      const described: ExamineOptions = { role: 'real-server', description: [...topology.realServer] };
      expect(await look(host, described), name).toEqual([]);
      expect(await look(host, { ...described, client }), `${name}, of the client`).toEqual([]);
      if (mode !== 'nat') expect(await look(host), `${name}, guessed`).toEqual([]);
    }
    // Each look asks the network for half a second.
  },
  120_000,
);

async function look(host: Host, options: ExamineOptions = {}): Promise<string[]> {
  const findings = await examine({ ...options, netns: host.namespacePath });
  return [...new Set(findings.map(({ id, severity }) => `${severity} ${id}`))];
}
