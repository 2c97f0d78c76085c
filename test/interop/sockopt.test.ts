/**
 * Socket options beside netlink on one table, and alone in a user namespace, where ipvsadm looks at it from outside: within, it
 * finds the netlink family and is refused.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatServiceKey, Ipvs, type KernelError, type Table } from '../../src/index.js';
import { lackOf } from '../../src/kernel/sockopt-codec.js';
import { type Change, parseChange } from '../../src/model/change.js';
import type { DestinationEntry } from '../../src/model/destination.js';
import { compareServiceKeys, type TableService } from '../../src/model/table.js';
import { type TableServiceInput, tableInput } from '../arbitraries.js';
import { checkoutRoot } from '../lab/checkout.js';
import { execute, type Finished, succeed } from '../lab/process.js';
import { useBoth } from './fixture.js';

const both = useBoth();

let sockopt: Ipvs;
beforeAll(async () => {
  sockopt = await Ipvs.open({ source: 'sockopt' });
});
afterAll(() => sockopt.close());

const KEY = 'tcp://192.0.2.1:80';

/** What adds a table, the servers of each service in their order. */
function changesFor(inputs: readonly TableServiceInput[]): Change[] {
  return inputs.flatMap(({ service, destinations }): Change[] => [
    { verb: 'add-service', service },
    ...destinations.map((destination): Change => ({ verb: 'add-destination', key: keyOf(service), destination })),
  ]);
}

function keyOf(service: TableServiceInput['service']) {
  return formatServiceKey(service);
}

/** What socket options tell of a table that netlink told. */
function asToldBySockopt({ services }: Table) {
  return byName(services)
    .filter(({ service }) => !formatServiceKey(service).includes('[') && !formatServiceKey(service).includes('ipv6'))
    .map(({ service: { persistenceEngine: _, ...service }, ...entry }) => ({
      service,
      stats: countersOf(entry),
      destinations: entry.destinations
        .filter(({ destination }) => !destination.address.includes(':'))
        .map(({ destination: { tunnel: _ignored, ...destination }, ...rest }) => ({
          ...{ destination, ...rest },
          stats: countersOf(rest),
        })),
    }));
}

/** Since Linux 7.1 the kernel's order changes. */
function byName(services: readonly TableService[]): TableService[] {
  return services.toSorted((left, right) => compareServiceKeys(left.service, right.service));
}

/** Rates change meanwhile. */
function countersOf({ stats }: Pick<TableService | DestinationEntry, 'stats'>) {
  const { connections, inPackets, outPackets, inBytes, outBytes } = stats ?? {};
  return { connections, inPackets, outPackets, inBytes, outBytes };
}

describe('socket options beside netlink', () => {
  it('60 random tables: what they read is what netlink reads, less what they have no field for', async () => {
    await fc.assert(
      fc.asyncProperty(tableInput, async (inputs) => {
        await both.ipvs.flush();
        expect(await both.ipvs.applyAll(changesFor(inputs))).toEqual([]);
        const seen = byName((await sockopt.snapshot()).services).map(({ destinations, ...entry }) => ({
          ...entry,
          stats: countersOf(entry),
          destinations: destinations.map((each) => ({ ...each, stats: countersOf(each) })),
        }));
        expect(JSON.parse(text(seen))).toEqual(JSON.parse(text(asToldBySockopt(await both.ipvs.snapshot()))));
      }),
      { numRuns: 60 },
    );
  });

  it('60 random tables: what they write is what netlink reads, and what they cannot say they refuse', async () => {
    await fc.assert(
      fc.asyncProperty(tableInput, async (inputs) => {
        await both.ipvs.flush();
        const wanted = inputs.filter(
          ({ service }) => lackOf(parseChange({ verb: 'add-service', service })) === undefined,
        );
        const written = wanted.map(({ service, destinations }) => ({
          service,
          destinations: destinations.filter((destination) => {
            const change = parseChange({ verb: 'add-destination', key: keyOf(service), destination });
            return lackOf(change) === undefined;
          }),
        }));
        const failures = await sockopt.applyAll(changesFor(inputs));
        expect(failures.length).toBe(changesFor(inputs).length - changesFor(written).length);
        for (const { error } of failures) {
          expect(['ERR_UNAVAILABLE', 'ESRCH']).toContain((error as KernelError).code);
        }
        const bySockopt = await both.ipvs.snapshot();
        await both.ipvs.flush();
        expect(await both.ipvs.applyAll(changesFor(written))).toEqual([]);
        expect(values(bySockopt)).toEqual(values(await both.ipvs.snapshot()));
      }),
      { numRuns: 60 },
    );
  });

  it('every command does what it does by netlink', async () => {
    const { ipvs, ipvsadm } = both;
    await sockopt.addService({ protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr' });
    await sockopt.addDestination(KEY, { address: '10.0.0.11', forward: 'nat', port: 8080, weight: 5 });
    await sockopt.addDestination(KEY, { address: '10.0.0.12', forward: 'tun', weight: 2 });
    expect(await ipvsadm.ok('-Sn')).toBe(
      '-A -t 192.0.2.1:80 -s rr\n' +
        '-a -t 192.0.2.1:80 -r 10.0.0.11:8080 -m -w 5\n' +
        '-a -t 192.0.2.1:80 -r 10.0.0.12:80 -i -w 2 --tun-type ipip\n',
    );
    await sockopt.setWeight(KEY, { address: '10.0.0.12' }, 0);
    await sockopt.patchService(KEY, {
      scheduler: 'sh',
      schedulerFlags: ['sh-port'],
      persistence: { timeout: 77, netmask: 24 },
    });
    await sockopt.deleteDestination(KEY, { address: '10.0.0.11', port: 8080 });
    expect(await ipvsadm.ok('-Sn')).toBe(
      '-A -t 192.0.2.1:80 -s sh -p 77 -M 255.255.255.0 -b sh-port\n' +
        '-a -t 192.0.2.1:80 -r 10.0.0.12:80 -i -w 0 --tun-type ipip\n',
    );
    await sockopt.zero();
    await sockopt.zero(KEY);
    expect(await sockopt.getService(KEY)).toMatchObject({ service: { scheduler: 'sh' }, stats: { connections: 0n } });
    await sockopt.deleteService(KEY);
    expect(await sockopt.getService(KEY)).toBeUndefined();
    expect(await sockopt.listDestinations(KEY)).toEqual([]);
    expect(await ipvs.listServices()).toEqual([]);
  });

  it('knows services of marks that netlink made, and the other way round', async () => {
    const { ipvs } = both;
    await ipvs.addService({ protocol: 'fwmark', mark: 0x80000001, family: 'ipv4', scheduler: 'wlc' });
    await sockopt.addDestination('fwmark://2147483649', { address: '10.0.0.11', forward: 'dr' });
    await sockopt.patchService('fwmark://2147483649', { scheduler: 'rr' });
    await sockopt.zero('fwmark://2147483649');
    await sockopt.addService({ protocol: 'fwmark', mark: 7, family: 'ipv4' });
    await ipvs.deleteService('fwmark://7');
    expect((await ipvs.snapshot()).services).toMatchObject([
      { service: { mark: 0x80000001, scheduler: 'rr' }, destinations: [{ destination: { address: '10.0.0.11' } }] },
    ]);
    await sockopt.deleteService('fwmark://2147483649');
    expect(await ipvs.listServices()).toEqual([]);
  });

  it("timeouts, info and sync daemons are netlink's", async () => {
    const { ipvs } = both;
    const before = await ipvs.timeouts();
    await sockopt.setTimeouts({ udp: 61 });
    expect(await sockopt.timeouts()).toEqual({ ...before, udp: 61 });
    expect(await ipvs.timeouts()).toEqual({ ...before, udp: 61 });
    await ipvs.setTimeouts(before);
    expect((await sockopt.info()).version).toBe((await ipvs.info()).version);
    await sockopt.startDaemon({ role: 'backup', interface: 'lo', syncId: 7 });
    expect(await ipvs.daemons()).toMatchObject([
      { role: 'backup', interface: 'lo', syncId: 7, group: '224.0.0.81', port: 8848, ttl: 1 },
    ]);
    expect(await sockopt.daemons()).toEqual([{ role: 'backup', interface: 'lo', syncId: 7 }]);
    await sockopt.stopDaemon('backup');
    expect(await ipvs.daemons()).toEqual([]);
  });

  it("refusals have the codes and reasons of netlink's", async () => {
    const service = { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'wlc' } as const;
    await sockopt.addService(service);
    const wrong: Change[] = [
      { verb: 'add-service', service },
      { verb: 'add-service', service: { ...service, port: 81, scheduler: 'nosuch' } },
      { verb: 'delete-service', key: 'tcp://192.0.2.9:80' },
      { verb: 'add-destination', key: KEY, destination: { address: '224.0.0.1' } },
      { verb: 'update-destination', key: KEY, destination: { address: '10.0.0.9', forward: 'dr' } },
      { verb: 'stop-daemon', role: 'master' },
      { verb: 'start-daemon', daemon: { role: 'master', interface: 'nosuch0' } },
      { verb: 'set-timeouts', timeouts: { tcp: 0x7fffffff } },
    ];
    const messages = async (client: Ipvs) => (await client.applyAll(wrong)).map(({ error }) => error.message);
    const bySockopt = await messages(sockopt);
    expect(bySockopt).toHaveLength(wrong.length);
    expect(bySockopt).toEqual(await messages(both.ipvs));
  });

  it('lists thousands', async () => {
    const rules = Array.from({ length: 2000 }, (_, n) => `-A -f ${n + 1} -s rr`).join('\n');
    expect(await sockopt.restore(rules)).toBe(2000);
    expect(await sockopt.listServices()).toHaveLength(2000);
    const servers = Array.from({ length: 500 }, (_, n) => `-a -f 1 -r 10.1.${n >> 8}.${n & 255}:80 -m`).join('\n');
    expect(await sockopt.restore(servers)).toBe(500);
    expect(await sockopt.listDestinations('fwmark://1')).toHaveLength(500);
    await sockopt.flush();
    expect(await both.ipvs.listServices()).toEqual([]);
  });
});

function text(value: unknown): string {
  return JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? String(one) : one));
}

function values({ services }: Table) {
  return byName(services).map(({ service, destinations }) => ({
    service,
    destinations: destinations.map(({ destination }) => destination),
  }));
}

/** Words before a command that is to run in the checkout. */
const IN_CHECKOUT = ['sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', checkoutRoot];

/** A user namespace with a network namespace of its own, as long as a process holds it. */
class UserNamespace implements AsyncDisposable {
  readonly #pid: number;
  readonly #end: () => Promise<void>;

  private constructor(pid: number, end: () => Promise<void>) {
    this.#pid = pid;
    this.#end = end;
  }

  static async make(): Promise<UserNamespace> {
    const words = ['sh', '-c', 'ip link set lo up && echo ready && exec cat'];
    const holder = spawn('unshare', ['--user', '--map-root-user', '--net', ...words], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [first] = await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')]);
    if (String(first) !== 'ready\n') throw new Error(`no user namespace can be made here: ${first}`);
    return new UserNamespace(holder.pid ?? 0, async () => {
      holder.stdin.end();
      await once(holder, 'exit');
    });
  }

  /** The network namespace. */
  get netns(): string {
    return `/proc/${this.#pid}/ns/net`;
  }

  /** Runs a program in it, as its root. */
  run(...words: readonly string[]): Promise<Finished> {
    return execute('nsenter', [
      `--target=${this.#pid}`,
      '--user',
      '--net',
      '--preserve-credentials',
      ...IN_CHECKOUT,
      ...words,
    ]);
  }

  /** Runs a module, of the built package, with a client `ipvs` in it; the JSON that it prints. */
  async program(source: string): Promise<unknown> {
    const program = `import { Ipvs } from 'ipvs-ts';\nconst ipvs = await Ipvs.open();\n${source}`;
    const { stdout, stderr, code } = await this.run(process.execPath, '--input-type=module', '--eval', program);
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end();
  }
}

const RULES = `-A -t 192.0.2.1:80 -s wlc -p 77 -M 255.255.255.0
-a -t 192.0.2.1:80 -r 10.0.0.11:8080 -m -w 3
-a -t 192.0.2.1:80 -r 10.0.0.12:80 -i -w 1 --tun-type ipip
-A -f 5 -s rr
-a -f 5 -r 10.0.0.13:0 -g -w 2
`;

describe('in a user namespace', () => {
  it('`Ipvs.open()` takes socket options, and changes the table that ipvsadm sees from outside', async () => {
    await using space = await UserNamespace.make();
    const seen = await space.program(`
      const commands = await ipvs.restore(${JSON.stringify(RULES)});
      const refusal = await ipvs.addService({ protocol: 'tcp', address: '2001:db8::1', port: 80 }).catch((error) => error);
      const { source, services } = await ipvs.snapshot();
      console.log(JSON.stringify({
        source: ipvs.source, of: source, reason: ipvs.fallbackReason.code, commands, services: services.length,
        refusal: [refusal.code, refusal.message], timeouts: await ipvs.timeouts(),
      }));
    `);
    expect(seen).toEqual({
      ...{ source: 'sockopt', of: 'sockopt', reason: 'EPERM', commands: 5, services: 2 },
      refusal: ['ERR_UNAVAILABLE', expect.stringContaining('only IPv4')],
      timeouts: { tcp: 900, tcpFin: 120, udp: 300 },
    });
    expect(await succeed('nsenter', [`--net=${space.netns}`, 'ipvsadm', '-Sn'])).toBe(RULES);
    await using outside = await Ipvs.open({ netns: space.netns });
    expect(outside.source).toBe('netlink');
    await outside.flush();
  });

  it('the command works where ipvsadm does not', async () => {
    await using space = await UserNamespace.make();
    const ipvsTs = (...words: string[]) =>
      space.run(process.execPath, `${checkoutRoot}/dist/bin/ipvs-ts.cjs`, ...words);
    expect((await space.run('ipvsadm', '-Ln')).code).not.toBe(0);
    expect(await ipvsTs('-A', '-t', '192.0.2.1:80', '-s', 'rr')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await ipvsTs('-a', '-t', '192.0.2.1:80', '-r', '10.0.0.11', '-m')).toMatchObject({ code: 0 });
    const { stdout } = await ipvsTs('-Ln');
    expect(stdout).toBe(await succeed('nsenter', [`--net=${space.netns}`, 'ipvsadm', '-Ln']));
    expect(await ipvsTs('-A', '-t', '[2001:db8::1]:80')).toMatchObject({
      code: 255,
      stderr: expect.stringContaining('socket options know only IPv4'),
    });
    const list = await ipvsTs('list');
    expect(list.stderr).toContain('by socket options, which know IPv4 only: get info: EPERM');
    expect(await ipvsTs('settings')).toMatchObject({ code: 0, stdout: 'Timeout (tcp tcpfin udp): 900 120 300\n' });
  });

  it('a user without rights in the network namespace reads /proc', async () => {
    await using space = await UserNamespace.make();
    const program = `
      const { Ipvs } = await import('ipvs-ts');
      const ipvs = await Ipvs.open({ source: ['sockopt', 'proc'] });
      console.log(ipvs.source + ' ' + ipvs.fallbackReason.code);
    `;
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const node = [process.execPath, '--input-type=module', '--eval', program];
    const { stdout } = await execute('nsenter', [`--net=${space.netns}`, ...IN_CHECKOUT, ...nobody, ...node]);
    expect(stdout).toBe('proc EPERM\n');
  });

  it('a client opened from outside, by socket options, is in the namespace that is named', async () => {
    await using space = await UserNamespace.make();
    await using ipvs = await Ipvs.open({ netns: space.netns, source: 'sockopt' });
    await ipvs.addService({ protocol: 'udp', address: '192.0.2.1', port: 53 });
    expect(await both.ipvs.listServices()).toEqual([]);
    expect(await space.program('console.log((await ipvs.listServices()).length);')).toBe(1);
  });

  it('connections can be ended: a sync daemon is started for it, and stopped', async () => {
    await using space = await UserNamespace.make();
    const ended = await space.program(`
      const ended = await ipvs.endConnections({});
      console.log(JSON.stringify({ ended, daemons: await ipvs.daemons() }));
    `);
    expect(ended).toEqual({ ended: { matched: 0, changed: 0, left: [] }, daemons: [] });
  });
});
