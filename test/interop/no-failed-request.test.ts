/**
 * Clients that call without pause while a table is changed, in each mode: by the library, and by what ipvsadm has for it.
 */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Destination, parseDestination } from '../../src/model/destination.js';
import { parseService } from '../../src/model/service.js';
import { reconcile } from '../../src/reconcile/apply.js';
import { plan } from '../../src/reconcile/plan.js';
import { readState } from '../../src/reconcile/state.js';
import type { Host } from '../lab/network.js';
import type { Counts } from '../lab/request-client.mjs';
import { PROCESSORS } from '../lab/running-kernel.js';
import { DR, NAT, TUN } from './exercises/topologies.js';
import { Cluster, type Topology } from './exercises/topology.js';

const VIP = '10.0.0.100';
const CLIENT = fileURLToPath(new URL('../lab/request-client.mjs', import.meta.url));
const SERVER = fileURLToPath(new URL('../lab/request-server.mjs', import.meta.url));

/** Real servers under the numbers of a pool, with their weights. */
interface Wanted {
  readonly what: string;
  readonly scheduler: string;
  readonly pool: 'old' | 'new';
  readonly weights: Readonly<Record<number, number>>;
}

/**
 * With several processors the kernel refuses new connections for some milliseconds while a service gets another scheduler (STAGES in
 * plan.ts). Nobody can change that from outside, and so the scheduler stays there.
 */
const [FIRST, SECOND, THIRD] = PROCESSORS === 1 ? (['rr', 'wlc', 'wrr'] as const) : (['wlc', 'wlc', 'wlc'] as const);

const START: Wanted = { what: 'one server', scheduler: FIRST, pool: 'old', weights: { 1: 1 } };
const CHANGES: readonly Wanted[] = [
  { what: 'a server is added', scheduler: FIRST, pool: 'old', weights: { 1: 1, 2: 1 } },
  { what: 'another scheduler', scheduler: SECOND, pool: 'old', weights: { 1: 1, 2: 1 } },
  { what: 'other weights', scheduler: SECOND, pool: 'old', weights: { 1: 1, 2: 5 } },
  { what: 'a server takes no more', scheduler: SECOND, pool: 'old', weights: { 1: 0, 2: 5 } },
  { what: 'a server is removed', scheduler: SECOND, pool: 'old', weights: { 2: 5 } },
  // Nobody is left of those that connections lead to.
  { what: 'the pool is renumbered', scheduler: SECOND, pool: 'new', weights: { 1: 1, 2: 1 } },
  { what: 'all at once', scheduler: THIRD, pool: 'old', weights: { 1: 3, 2: 2 } },
];

/** How the two pools are numbered: the same two hosts, with two addresses each. */
interface Numbers {
  readonly network: string;
  readonly ports: Readonly<Record<Wanted['pool'], number>>;
  /** ipvsadm's letter for the mode. */
  readonly letter: string;
}

const TENS = { old: 1, new: 2 };

const addressOf = ({ network }: Numbers, pool: Wanted['pool'], server: number | string) =>
  `${network}.${TENS[pool]}${server}`;

const [SAME_PORT, OTHER_PORT] = [
  { old: 80, new: 80 },
  { old: 80, new: 8080 },
];

describe.each<[string, Topology, Numbers]>([
  ['NAT', NAT, { network: '10.1.0', ports: OTHER_PORT, letter: '-m' }],
  ['DR', DR, { network: '10.0.0', ports: SAME_PORT, letter: '-g' }],
  ['TUN', TUN, { network: '10.1.0', ports: SAME_PORT, letter: '-i' }],
])('%s: clients that call without pause', (_, topology, numbers) => {
  const forward = topology.director[0]?.mode;
  let cluster: Cluster;
  let client: Host;
  let director: Host;

  beforeAll(async () => {
    // Servers that keep connections take the place of those that do not.
    cluster = await Cluster.create({ ...topology, ports: [] });
    [client, director] = [cluster.host('client'), cluster.host('director')];
    for (const server of [1, 2]) {
      const host = cluster.host(`rs${server}`);
      await host.addAddress(`${addressOf(numbers, 'new', server)}/24`);
      const { stdout } = host.spawn(process.execPath, SERVER, ...new Set(Object.values(numbers.ports).map(String)));
      if (stdout !== null) await once(stdout, 'data');
    }
    // As operators have it who remove servers: what is left of a removed server's connections ends at once, and its clients
    // learn it. By the kernel's default such packets vanish, and clients wait for an answer that never comes.
    await director.sysctl({ 'net.ipv4.vs.expire_nodest_conn': 1 });
  });
  afterAll(() => cluster[Symbol.asyncDispose]());

  test('see no failed request while the library changes the table', { timeout: 180_000 }, async () => {
    await cluster.ipvs.flush();
    await reconcile(cluster.ipvs, tableOf(START));
    await using requests = await Requests.start(client);
    for (const change of CHANGES) {
      await reconcile(cluster.ipvs, tableOf(change), { drain: { poll: 50, deadline: 15_000 } });
      await requests.more();
    }
    const { kept, new: fresh } = await requests.end();
    expect([kept.failures, fresh.failures]).toEqual([{}, {}]);
    expect(kept.reused).toBeGreaterThan(kept.answered / 2);
    expect(fresh.reused).toBe(0);
  });

  test('see failures while ipvsadm flushes it and restores another', { timeout: 180_000 }, async () => {
    await cluster.ipvs.flush();
    await reconcile(cluster.ipvs, tableOf(START));
    await using requests = await Requests.start(client);
    for (const change of CHANGES) {
      await director.run('sh', '-ec', `ipvsadm -C; ipvsadm -R <<END\n${rulesOf(change)}END\n`);
      const wanted = tableOf(change);
      expect(plan(await readState(cluster.ipvs, wanted), wanted).steps).toEqual([]);
      await requests.more();
    }
    const { kept, new: fresh } = await requests.end();
    // Whoever calls while there is no service is refused; who keeps a connection to a number that is gone loses it.
    expect(sum(fresh.failures)).toBeGreaterThan(0);
    expect(sum(kept.failures)).toBeGreaterThan(0);
  });

  function tableOf({ scheduler, pool, weights }: Wanted) {
    const service = parseService({ protocol: 'tcp', address: VIP, port: 80, scheduler });
    const destinations = Object.entries(weights).map(([server, weight]) => {
      const [address, port] = [addressOf(numbers, pool, server), numbers.ports[pool]];
      return parseDestination(service, { address, port, weight, forward: forward ?? 'dr' } as Destination);
    });
    return { services: [{ service, destinations }] };
  }

  function rulesOf({ scheduler, pool, weights }: Wanted): string {
    const servers = Object.entries(weights).map(([server, weight]) => {
      const destination = `${addressOf(numbers, pool, server)}:${numbers.ports[pool]}`;
      return `-a -t ${VIP}:80 -r ${destination} ${numbers.letter} -w ${weight}\n`;
    });
    return [`-A -t ${VIP}:80 -s ${scheduler}\n`, ...servers].join('');
  }
});

const KINDS = ['new', 'kept'] as const;
type AllCounts = Record<(typeof KINDS)[number], Counts>;

/** How many requests of each kind must be answered after a change before the next: connections end and begin meanwhile. */
const BETWEEN = 20;

/** Requests on their way, by two callers of each kind. */
class Requests implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #reports: Interface;
  #counts: AllCounts | undefined;

  private constructor(process: ChildProcess) {
    this.#process = process;
    this.#reports = createInterface(process.stdout ?? Readable.from([]));
    this.#reports.on('line', (line) => {
      this.#counts = JSON.parse(line);
    });
  }

  /** Resolves when requests are answered. */
  static async start(client: Host): Promise<Requests> {
    const requests = new Requests(client.spawn(process.execPath, CLIENT, `http://${VIP}/`, '2'));
    await requests.more();
    return requests;
  }

  /** Resolves when so many more of each kind are answered. */
  async more(): Promise<void> {
    const before = await this.#report();
    const enough = (now: AllCounts) => KINDS.every((kind) => now[kind].answered >= before[kind].answered + BETWEEN);
    while (!enough(await this.#report()));
  }

  /** Lets the last requests end. */
  async end(): Promise<AllCounts> {
    this.#process.kill('SIGTERM');
    await once(this.#reports, 'close');
    if (this.#counts === undefined) throw new Error('the client has told nothing');
    return this.#counts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.kill('SIGKILL')) await once(this.#process, 'exit');
  }

  async #report(): Promise<AllCounts> {
    const [line] = await once(this.#reports, 'line');
    return JSON.parse(line);
  }
}

function sum(failures: Readonly<Record<string, number>>): number {
  return Object.values(failures).reduce((all, some) => all + some, 0);
}
