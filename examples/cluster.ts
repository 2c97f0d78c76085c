/**
 * The whole story: a client, a director and real servers, and a load balancer that is changed under the eyes of its
 * users without one of them noticing.
 *
 * The hosts are network namespaces on a kernel of their own, booted for this program. Run it with `npm start`.
 *
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { styleText } from 'node:util';
import { Ipvs, type ServiceKeyText } from 'ipvs-ts';
import { type Host, Lan } from '../test/lab/network.js';
import { Crowd, type Tally } from './cluster/crowd.js';
import { chapter, dim, good, printConnection, printTable, say, server } from './cluster/print.js';

const VIP = '10.0.0.100';
const SERVICE: ServiceKeyText = `tcp://${VIP}:80`;
const SERVERS = new Map([
  ['rs1', '10.0.0.11'],
  ['rs2', '10.0.0.12'],
  ['rs3', '10.0.0.13'],
]);
const NAMES = new Map([...SERVERS].map(([name, address]) => [address, name]));

/** Where the story went another way than it was told. */
class PlotError extends Error {}

try {
  await story();
} catch (error) {
  console.error(styleText('red', 'The story did not end as it should have:'));
  console.error(error instanceof PlotError ? error.message : error);
  process.exitCode = 1;
}

async function story(): Promise<void> {
  chapter('A network');
  await using lan = await Lan.create({ prefix: '' });
  const [client, director] = await Promise.all([
    lan.host('client', '10.0.0.1/24'),
    lan.host('director', '10.0.0.2/24', `${VIP}/32`),
    startRealServer(lan, 'rs1'),
    startRealServer(lan, 'rs2'),
  ]);
  say(`client    10.0.0.1   asks for http://${VIP}/`);
  say(`director  10.0.0.2   has the virtual address ${VIP}`);
  for (const name of ['rs1', 'rs2']) say(`${server(name)}       ${SERVERS.get(name)}  answers with its name`);

  // A client may use a port anew that the director remembers as rs1's, long after rs1 is gone. Without this, its packets
  // would be dropped for two minutes; with it, the connection goes to another server.
  await director.sysctl({ 'net.ipv4.vs.expire_nodest_conn': 1 });
  // A client for the namespace of the director. This process stays in its own.
  await using ipvs = await Ipvs.open({ netns: director.namespacePath });

  chapter('A service: round robin by direct routing');
  await ipvs.addService({ protocol: 'tcp', address: VIP, port: 80, scheduler: 'rr' });
  for (const name of ['rs1', 'rs2']) await ipvs.addDestination(SERVICE, realServer(name));
  printTable(await ipvs.snapshot(), NAMES);

  chapter('Twelve requests');
  await takeTurns(client);

  chapter('The table, and the connections in it');
  await showTable(ipvs);

  chapter('Requests go on without a pause, while rs1 is taken away');
  const crowd = new Crowd(client, `http://${VIP}/`);
  showShares('both at work', await crowd.watch(200));
  await retire(ipvs, 'rs1');
  const without = await crowd.watch(200);
  showShares('without rs1', without);
  expect(without.by('rs1') === 0, 'rs1 is out of the service and still answers');

  chapter('A new one comes');
  await startRealServer(lan, 'rs3');
  await ipvs.addDestination(SERVICE, realServer('rs3'));
  say(`${server('rs3')} added`);
  const withNew = await crowd.watch(200);
  showShares('with rs3', withNew);
  const share = withNew.by('rs3') / withNew.requests;
  expect(share > 0.4 && share < 0.6, `rs3 answers ${Math.round(100 * share)} % of the requests, and not half of them`);
  const { requests, failures } = await crowd.leave();
  expect(
    failures.length === 0,
    `${failures.length} of ${requests} requests failed: ${failures.slice(0, 3).join('; ')}`,
  );
  good(`${requests} requests since chapter 5, 0 failed`);

  chapter('The rules, as ipvsadm -Sn would save them');
  for (const rule of (await ipvs.save()).trimEnd().split('\n')) say(rule);

  chapter('The end');
  await ipvs.flush();
  expect((await ipvs.listServices()).length === 0, 'services are left behind');
  good('the table is empty again');
}

/** A host that takes packets for the virtual address and serves HTTP. */
async function startRealServer(lan: Lan, name: string): Promise<void> {
  const host = await lan.host(name, `${SERVERS.get(name)}/24`);
  await host.acceptVirtualAddress(VIP);
  await host.serveHttp();
}

function realServer(name: string) {
  return { address: SERVERS.get(name) ?? '', forward: 'dr', weight: 1 } as const;
}

/** With round robin no two requests in a row are answered by the same server. */
async function takeTurns(client: Host): Promise<void> {
  const answers = await client.httpGet(`http://${VIP}/`, 12);
  say(answers.map(server).join(' '));
  const alternate = answers.every((name, index) => SERVERS.has(name) && name !== answers[index - 1]);
  expect(answers.length === 12 && alternate, `they do not take turns: ${answers.join(' ')}`);
  good('they take turns');
}

async function showTable(ipvs: Ipvs): Promise<void> {
  printTable(await ipvs.snapshot(), NAMES);
  const connections = await ipvs.listConnections();
  connections.sort((left, right) => left.client.port - right.client.port);
  for (const connection of connections) {
    printConnection(connection, NAMES.get(connection.destination.address) ?? '?');
  }
  expect(connections.length === 12, `there are ${connections.length} connections, and not one a request`);
}

/** Takes a server out of the service so that nobody notices: no new connections, wait for those there, remove. */
async function retire(ipvs: Ipvs, name: string): Promise<void> {
  await ipvs.updateDestination(SERVICE, { ...realServer(name), weight: 0 });
  say(`${server(name)} quiesced: weight 0, no new connections`);
  for (let waited = 0; ; waited += 200) {
    // First a pause, for a connection that was just being opened counts as active only a moment later.
    await sleep(200);
    const active = await activeConnections(ipvs, name);
    say(dim(`after ${waited + 200} ms: ${active} active connection${active === 1 ? '' : 's'}`));
    if (active === 0) break;
    expect(waited < 10_000, `${name} still has ${active} active connections`);
  }
  await ipvs.deleteDestination(SERVICE, realServer(name));
  say(`${server(name)} removed`);
}

async function activeConnections(ipvs: Ipvs, name: string): Promise<number> {
  const entries = await ipvs.listDestinations(SERVICE);
  const entry = entries.find(({ destination }) => destination.address === SERVERS.get(name));
  expect(entry !== undefined, `${name} is not in the table`);
  return entry?.activeConnections ?? 0;
}

function showShares(when: string, { answers, requests, failures }: Tally): void {
  const shares = [...answers].sort().map(([name, number]) => `${server(name)} ${number}`);
  say(`${when.padEnd(13)} ${requests} requests: ${shares.join(', ')}, ${failures.length} failed`);
}

function expect(isSo: boolean, otherwise: string): void {
  if (!isSo) throw new PlotError(otherwise);
}
