/**
 * The guides' drawings show what the lab's own capture shows, packet by packet. `node scripts/draw.mjs` writes them, which
 * is this file with DRAW=1.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connections } from '../lab/capture.js';
import { checkoutRoot } from '../lab/checkout.js';
import { type Drawing, draw } from './exercises/drawing.js';
import { DR, NAT, TUN } from './exercises/topologies.js';
import { Cluster, type Topology } from './exercises/topology.js';

const DRAWINGS: Record<string, Omit<Drawing, 'connection'> & { topology: Topology }> = {
  dr: {
    topology: DR,
    title: 'Direct routing: the packet stays as it is',
    caption: ['The director only puts it into a frame for the real server,', 'which answers the client itself.'],
    hosts: [
      { name: 'client', lines: ['10.0.0.1'] },
      { name: 'director', lines: ['eth0 10.0.0.2', 'eth0 VIP 10.0.0.100'] },
      { name: 'rs1', lines: ['eth0 10.0.0.11', 'lo VIP 10.0.0.100'] },
    ],
  },
  nat: {
    topology: NAT,
    title: 'NAT: the director rewrites both ways',
    caption: [
      'Requests get the real server as their destination,',
      'answers come back and get the VIP as their source.',
    ],
    hosts: [
      { name: 'client', lines: ['10.0.0.1'] },
      { name: 'director', lines: ['eth0 10.0.0.2', 'eth0 VIP 10.0.0.100', 'eth1 10.1.0.1'] },
      { name: 'rs1', lines: ['eth0 10.1.0.11', 'gateway 10.1.0.1'] },
    ],
  },
  tun: {
    topology: TUN,
    title: 'Tunnel: the packet travels in a packet',
    caption: ['The real server may be anywhere: it unwraps the packet,', 'and answers the client itself.'],
    hosts: [
      { name: 'client', lines: ['10.0.0.1'] },
      { name: 'director', lines: ['eth0 10.0.0.2', 'eth0 VIP 10.0.0.100'] },
      { name: 'router', lines: ['eth0 10.0.0.254', 'eth1 10.1.0.254'] },
      { name: 'rs1', lines: ['eth0 10.1.0.11', 'tunl0 VIP 10.0.0.100'] },
    ],
  },
};

test.each(Object.entries(DRAWINGS))('docs/guide/%s.svg is what the capture shows', async (name, drawing) => {
  const { rs2: _other, ...realServers } = drawing.topology.realServers;
  await using cluster = await Cluster.create({ ...drawing.topology, realServers });
  await cluster.serve([{ protocol: 'tcp', address: '10.0.0.100', port: 80, scheduler: 'rr' }]);
  await cluster.host('client').httpGet('http://10.0.0.100/');
  const [connection] = connections(await cluster.capture.packets());
  if (connection === undefined) throw new Error('no connection was captured');

  const svg = draw({ ...drawing, connection });
  const path = join(checkoutRoot, 'docs/guide', `${name}.svg`);
  if (process.env['DRAW']) writeFileSync(path, svg);
  expect(readFileSync(path, 'utf8'), 'to draw it anew: node scripts/draw.mjs').toBe(svg);
});
