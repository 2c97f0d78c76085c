/**
 * What each step of a set-up is good for: with that step alone left out, the failure that it prevents is shown, and the
 * doctor names the step. A step that prevents nothing here has no place in a plan.
 */
import { expect, test } from 'vitest';
import { examine } from '../../src/doctor/examine.js';
import type { HostStepId } from '../../src/host/step.js';
import { connections, owners, type Packet } from '../lab/capture.js';
import { sample } from '../lab/sample.js';
import { setUpRealServer } from './exercises/setup.js';
import {
  DR,
  DR_PUBLIC_VIP,
  NAT,
  NAT_INSIDE_ADDRESS,
  NAT_MASQUERADE,
  NAT_ONE_WIRE,
  TUN,
  TUN_ONE_WIRE,
} from './exercises/topologies.js';
import { Cluster, type Topology } from './exercises/topology.js';

/** What can be seen of a cluster, as plain values. */
type Look = (cluster: Cluster) => Promise<unknown>;

interface Case {
  readonly of: Topology;
  readonly role: 'director' | 'realServer';
  readonly step: HostStepId;
  /** What goes wrong, in words. */
  readonly failure: string;
  readonly look: Look;
  readonly broken: unknown;
}

/** Where a request and its answer come by: one request, answered or not. */
const way: Look = async (cluster) => {
  const [{ request, answer } = { request: [], answer: [] }] = connections(await ask(cluster));
  return { request, answer };
};

/** Who says that the VIP is theirs. */
const ownersOfTheVip: Look = async (cluster) => {
  await cluster.host('client').askWhoHas(vipOf(cluster));
  return owners(await cluster.capture.packets(), vipOf(cluster)).toSorted();
};

/** In whose name rs1 asks for its neighbours when it answers, and where the client's next request goes. */
const secondRequest: Look = async (cluster) => {
  // Else the kernel takes no new word on an address within a second of the last one.
  await cluster.host('client').sysctl({ 'net.ipv4.neigh.eth0.locktime': 0 });
  const asked = (await ask(cluster)).filter((packet) => packet.kind === 'neighbour' && packet.from === 'rs1');
  const senders = asked.map((packet) => packet.kind === 'neighbour' && packet.sender.address);
  const [next] = connections(await ask(cluster));
  return { asksAs: senders.includes('10.0.0.100') ? 'the VIP' : 'itself', nextRequest: next?.request };
};

/** ICMP messages in the course of a request, each once. */
const icmp: Look = async (cluster) => {
  const messages = (await ask(cluster)).filter(
    (packet) => packet.kind === 'ip' && packet.protocol === 'icmp' && isIPv4(packet),
  );
  return [
    ...new Set(messages.map((packet) => packet.kind === 'ip' && `${packet.from} -> ${packet.to}: ${packet.icmp}`)),
  ];
};

/** IPv6 looks for its routers by itself, at times that nobody here chose. */
function isIPv4(packet: Packet): boolean {
  return packet.kind === 'ip' && !packet.source.address.includes(':');
}

/** Sends one request and waits half a second for the answer. */
async function ask(cluster: Cluster): Promise<Packet[]> {
  const vip = vipOf(cluster);
  await cluster.host('client').reaches(`http://${vip.includes(':') ? `[${vip}]` : vip}/`);
  return cluster.capture.packets();
}

/** The first one. */
function vipOf({ topology }: Cluster): string {
  return topology.director[0]?.vips[0]?.split('-')[0] ?? '';
}

function modeOf({ director }: Topology): string {
  return director[0]?.mode ?? '';
}

const DR_IN = ['client -> director: 10.0.0.1 -> 10.0.0.100:80', 'director -> rs1: 10.0.0.1 -> 10.0.0.100:80'];
const NAT_IN = ['client -> director: 10.0.0.1 -> 10.0.0.100:80', 'director -> rs1: 10.0.0.1 -> 10.1.0.11:80'];
const TUN_IN = [
  'client -> director: 10.0.0.1 -> 10.0.0.100:80',
  'director -> router: ipip 10.0.0.2 -> 10.1.0.11: 10.0.0.1 -> 10.0.0.100:80',
  'router -> rs1: ipip 10.0.0.2 -> 10.1.0.11: 10.0.0.1 -> 10.0.0.100:80',
];
const PAST_DIRECTOR = { asksAs: 'the VIP', nextRequest: ['client -> rs1: 10.0.0.1 -> 10.0.0.100:80'] };
const UNTRANSLATED = {
  request: [
    'client -> director: 10.0.0.1 -> 10.0.0.100:80',
    'director -> rs1: 10.0.0.1 -> 10.0.0.11:80',
    // The client knows of no such connection, and resets it.
    'client -> rs1: 10.0.0.1 -> 10.0.0.11:80',
  ],
  answer: ['rs1 -> client: 10.0.0.11:80 -> 10.0.0.1'],
};

const CASES: readonly Case[] = [
  {
    of: DR,
    role: 'director',
    step: 'vip',
    failure: 'nobody answers when the network asks for the VIP',
    look: ownersOfTheVip,
    broken: [],
  },
  {
    of: DR,
    role: 'realServer',
    step: 'arp-ignore',
    failure: 'a real server says that the VIP is its own',
    look: ownersOfTheVip,
    broken: ['director', 'rs1'],
  },
  {
    of: DR,
    role: 'realServer',
    step: 'arp-announce',
    failure: 'a real server asks in the name of the VIP, and the client takes it for the owner',
    look: secondRequest,
    broken: PAST_DIRECTOR,
  },
  {
    of: DR,
    role: 'realServer',
    step: 'vip',
    failure: 'the real server drops packets for the VIP',
    look: way,
    broken: { request: DR_IN, answer: [] },
  },
  {
    of: DR_PUBLIC_VIP,
    role: 'director',
    step: 'gateway',
    failure: 'the source filter drops what comes from where no route leads, even the question for the VIP',
    look: way,
    broken: { request: ['client -> router: 198.51.100.2 -> 203.0.113.100:80'], answer: [] },
  },
  {
    of: DR_PUBLIC_VIP,
    role: 'realServer',
    step: 'gateway',
    failure: 'the real server has no way to the client',
    look: way,
    broken: {
      request: [
        'client -> router: 198.51.100.2 -> 203.0.113.100:80',
        'router -> director: 198.51.100.2 -> 203.0.113.100:80',
        'director -> rs1: 198.51.100.2 -> 203.0.113.100:80',
      ],
      answer: [],
    },
  },
  {
    of: TUN,
    role: 'realServer',
    step: 'rp-filter',
    failure: 'strict source filtering drops what comes out of the tunnel',
    look: way,
    broken: { request: TUN_IN, answer: [] },
  },
  {
    of: TUN,
    role: 'realServer',
    step: 'tunnel-up',
    failure: 'nobody unwraps packets: the real server says so (port unreachable), and the director passes it on',
    look: icmp,
    broken: ['rs1 -> router: 3/3', 'router -> director: 3/3', 'director -> client: 3/3'],
  },
  {
    of: TUN,
    role: 'realServer',
    step: 'vip',
    failure: 'the real server drops the packets that it unwraps',
    look: way,
    broken: { request: TUN_IN, answer: [] },
  },
  {
    of: TUN_ONE_WIRE,
    role: 'realServer',
    step: 'arp-ignore',
    failure: 'a real server says that the VIP is its own',
    look: ownersOfTheVip,
    broken: ['director', 'rs1'],
  },
  {
    of: TUN_ONE_WIRE,
    role: 'realServer',
    step: 'arp-announce',
    failure: 'a real server asks in the name of the VIP, and the client takes it for the owner',
    look: secondRequest,
    broken: PAST_DIRECTOR,
  },
  {
    of: NAT,
    role: 'realServer',
    step: 'gateway',
    failure: 'the real server has no way to the client',
    look: way,
    broken: { request: NAT_IN, answer: [] },
  },
  {
    of: NAT,
    role: 'director',
    step: 'ip-forward',
    failure: 'answers end at the director',
    look: way,
    broken: { request: NAT_IN, answer: ['rs1 -> director: 10.1.0.11:80 -> 10.0.0.1'] },
  },
  {
    of: NAT_INSIDE_ADDRESS,
    role: 'director',
    step: 'inside-address',
    failure: 'the director finds no real server',
    look: way,
    broken: { request: ['client -> director: 10.0.0.1 -> 10.0.0.100:80'], answer: [] },
  },
  {
    // Whether a real server follows it is a matter of time: while a program sends, its socket takes no such message.
    of: NAT_ONE_WIRE,
    role: 'director',
    step: 'send-redirects',
    failure: 'the director tells the real server to answer past it (redirect for host)',
    look: icmp,
    broken: ['director -> rs1: 5/1'],
  },
  {
    of: NAT_MASQUERADE,
    role: 'director',
    step: 'masquerade',
    failure: 'the real server answers the client past the director, under its own address',
    look: way,
    broken: UNTRANSLATED,
  },
  {
    of: NAT_MASQUERADE,
    role: 'director',
    step: 'conntrack',
    failure: 'IPVS keeps its packets out of the masquerade, and the real server answers past the director',
    look: way,
    broken: UNTRANSLATED,
  },
];

test.each(
  sample(CASES, 6).map((one) => [`${modeOf(one.of)}, ${one.role} without ${one.step}: ${one.failure}`, one] as const),
)('%s', async (_name, { of, role, step, look, broken }) => {
  await using cluster = await start(of, { [role]: [step] });
  expect(await look(cluster)).toEqual(broken);
  expect(await stepsNamedByDoctor(cluster, role)).toContain(step);
});

/** What the doctor says would mend the director, or rs1. */
async function stepsNamedByDoctor(cluster: Cluster, role: Case['role']): Promise<(HostStepId | undefined)[]> {
  const { director, realServer } = cluster.topology;
  const findings = await examine({
    ...(role === 'director'
      ? { role, description: director, netns: cluster.host('director').namespacePath }
      : { role: 'real-server', description: realServer, netns: cluster.host('rs1').namespacePath }),
    // Asking the network takes a second.
    probe: false,
  });
  return findings.map(({ fix }) => fix.step);
}

test('dr, realServer without lo-up: it does not reach its own VIP', async () => {
  await using cluster = await start(DR, {});
  const server = cluster.host('rs1');
  await server.ip('link set lo down');
  expect(await server.reaches('http://10.0.0.100/')).toBe(false);
  await setUpRealServer(server, { mode: 'dr', vips: ['10.0.0.100'] }, []);
  await server.httpGet('http://10.0.0.100/');
});

/** What is so where no step is left out, as far as exercises.test.ts does not see it. */
const WHOLE: readonly { of: Topology; look: Look; sees: unknown }[] = [
  { of: DR, look: secondRequest, sees: { asksAs: 'itself', nextRequest: DR_IN } },
  { of: TUN, look: icmp, sees: [] },
  { of: TUN_ONE_WIRE, look: ownersOfTheVip, sees: ['director'] },
  {
    of: TUN_ONE_WIRE,
    look: secondRequest,
    sees: {
      asksAs: 'itself',
      nextRequest: [
        'client -> director: 10.0.0.1 -> 10.0.0.100:80',
        'director -> rs1: ipip 10.0.0.2 -> 10.0.0.11: 10.0.0.1 -> 10.0.0.100:80',
      ],
    },
  },
  { of: NAT_ONE_WIRE, look: icmp, sees: [] },
  {
    of: NAT_INSIDE_ADDRESS,
    look: way,
    sees: {
      request: NAT_IN,
      answer: ['rs1 -> director: 10.1.0.11:80 -> 10.0.0.1', 'director -> client: 10.0.0.100:80 -> 10.0.0.1'],
    },
  },
];

test.each(sample(WHOLE, 2).map((one) => [`${modeOf(one.of)} with all steps: ${one.look.name}`, one] as const))(
  '%s',
  async (_name, { of, look, sees }) => {
    await using cluster = await start(of, {});
    expect(await look(cluster)).toEqual(sees);
  },
);

/** With one real server, which takes every request, and no captured frame yet. */
async function start(
  topology: Topology,
  without: { director?: readonly HostStepId[]; realServer?: readonly HostStepId[] },
): Promise<Cluster> {
  const { rs2: _host, ...hosts } = topology.hosts;
  const { rs2: _server, ...realServers } = topology.realServers;
  const cluster = await Cluster.create({ ...topology, hosts, realServers, ports: [80] }, without);
  await cluster.serve([{ protocol: 'tcp', address: vipOf(cluster), port: 80, scheduler: 'rr' }]);
  await cluster.capture.packets();
  return cluster;
}
