import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test, vi } from 'vitest';
import { runVerb } from '../../../src/cli/run-verb.js';
import { parseStateText } from '../../../src/config/read.js';
import { openDemo } from '../../../src/daemon/demo/demo.js';
import { DEMO_DOCUMENT } from '../../../src/daemon/demo/document.js';
import { Faults } from '../../../src/daemon/demo/faults.js';
import { DemoTraffic } from '../../../src/daemon/demo/traffic.js';
import { HealthMonitor } from '../../../src/health/index.js';
import { Ipvs } from '../../../src/ipvs.js';
import { parseCheck } from '../../../src/model/check.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';
import { Chance } from '../../../src/simulator/what-if/traffic.js';
import { send, useDaemon, yaml } from './fixture.js';

const context = useDaemon();
const never = new AbortController().signal;

describe('made faults', () => {
  const check = parseCheck({ type: 'http', timeout: 3000 });

  /** What a server's check finds each second of an hour. */
  async function hour(address: string) {
    let now = 0;
    const waits: number[] = [];
    const faults = new Faults(
      new Chance(7),
      () => now,
      async (milliseconds) => waits.push(milliseconds),
    );
    const outcomes: string[] = [];
    for (; now < 3_600_000; now += 1000) {
      const { result, reason } = await faults.run({ address, port: 80 }, check, never);
      outcomes.push(`${result} ${reason}`);
    }
    return { outcomes, waits };
  }

  test('come and go, of every kind, and a server is well most of the time', async () => {
    const { outcomes, waits } = await hour('10.0.0.1');
    const kinds = new Set(outcomes);
    expect([...kinds].sort()).toEqual([
      'failed simulated: HTTP status 503',
      'failed simulated: connection refused',
      'failed simulated: no answer within 3000 ms',
      'passed simulated: HTTP status 200',
    ]);
    expect(outcomes.slice(0, 8).every((each) => each.startsWith('passed'))).toBe(true);
    const passed = outcomes.filter((each) => each.startsWith('passed')).length;
    expect(passed / outcomes.length).toBeGreaterThan(0.75);
    expect(passed / outcomes.length).toBeLessThan(0.97);
    // Who says nothing says it for as long as the check waits.
    const silent = outcomes.filter((each) => each.includes('no answer')).length;
    expect(waits.filter((milliseconds) => milliseconds === 3000)).toHaveLength(silent);
  });

  test('last longer than it takes to notice them', async () => {
    const { outcomes } = await hour('10.0.0.1');
    const spells = outcomes
      .map((each) => (each.startsWith('passed') ? '.' : 'x'))
      .join('')
      .split('.')
      .filter((spell) => spell !== '');
    expect(spells.length).toBeGreaterThan(10);
    for (const spell of spells) expect(spell.length).toBeGreaterThanOrEqual(8);
  });

  test('of one server are of all its checks', async () => {
    let now = 0;
    const faults = new Faults(
      new Chance(7),
      () => now,
      async () => undefined,
    );
    for (; now < 600_000; now += 1000) {
      const [first, second] = await Promise.all(
        [80, 443].map((port) => faults.run({ address: '10.0.0.1', port }, check, never)),
      );
      expect(first?.result).toBe(second?.result);
    }
  });

  test('a run that is ended was not measured', async () => {
    const faults = new Faults(
      new Chance(7),
      () => 0,
      () => Promise.reject(new Error('ended')),
    );
    expect((await faults.run({ address: '10.0.0.1', port: 80 }, check, never)).result).toBe('not measured');
  });
});

describe('made traffic', () => {
  test('goes to every service, ends, and follows the table', async () => {
    let now = 0;
    const kernel = new SimulatedKernel({ now: () => now });
    await using ipvs = await Ipvs.open({ kernel });
    const traffic = new DemoTraffic(kernel, ipvs, new Chance(3), () => now);
    const minute = async () => {
      for (const end = now + 60_000; now < end; now += 100) await traffic.turn();
    };
    await minute();
    expect(kernel.connectionCount).toBe(0);
    const { services = [] } = parseStateText(DEMO_DOCUMENT, { name: 'demo', env: {} });
    for (const { service, destinations } of services) {
      await ipvs.addService(service);
      for (const destination of destinations) await ipvs.addDestination(service, destination);
    }
    await minute();
    const counted = (await ipvs.snapshot()).services.map(({ stats }) => Number(stats?.connections));
    expect(counted).toHaveLength(5);
    for (const connections of counted) expect(connections).toBeGreaterThan(100);
    // 60 a second, in a wave.
    const sum = counted.reduce((total, each) => total + each, 0);
    expect(sum).toBeGreaterThan(1800);
    expect(sum).toBeLessThan(5400);
    const states = new Set((await ipvs.listConnections()).map(({ state }) => state));
    expect(states).toContain('ESTABLISHED');
    expect(states).toContain('TIME_WAIT');
    const nat = (await ipvs.snapshot()).services.find(
      ({ destinations: [first] }) => first?.destination.forward === 'nat',
    );
    expect(nat?.stats?.outBytes).toBeGreaterThan(nat?.stats?.inBytes ?? 0n);
    await ipvs.flush();
    await minute();
    const left = kernel.connectionCount;
    await minute();
    expect(kernel.connectionCount).toBeLessThanOrEqual(left);
  });
});

describe('a demonstration', () => {
  test('has a directory of its own, which goes with it, and a file that can be kept', async () => {
    const demo = await openDemo(undefined);
    const { file, socket } = demo.options;
    expect(readFileSync(file, 'utf8')).toBe(DEMO_DOCUMENT);
    expect(parseStateText(DEMO_DOCUMENT, { name: 'demo', env: {} }).services).toHaveLength(5);
    expect(socket.startsWith(join(file, '..'))).toBe(true);
    await demo[Symbol.asyncDispose]();
    expect(existsSync(join(file, '..'))).toBe(false);
  });

  test('works on a copy', async () => {
    const { daemon } = context;
    daemon.write(yaml('10.0.0.1'));
    await using demo = await openDemo(daemon.file);
    writeFileSync(demo.options.file, yaml('10.0.0.2'));
    expect(daemon.text).toBe(yaml('10.0.0.1'));
  });

  test('tells no programs and no FIFOs', async () => {
    const { daemon } = context;
    const marker = join(daemon.root, 'told');
    const run = vi.fn(async () => ({ result: 'failed', kind: 'hard', reason: 'no' }) as const);
    const hook = { command: ['/usr/bin/touch', marker] };
    using monitor = new HealthMonitor({ run, runHook: false });
    const service = 'tcp://192.0.2.1:80';
    await monitor.follow(
      parseStateText(
        `services: [{ service: '${service}', checks: [{ type: tcp, fall: 1 }], notify: { down: ${JSON.stringify(hook)} }, destinations: [10.0.0.1] }]`,
        { name: 'demo', env: {} },
      ),
    );
    await vi.waitFor(() => expect(monitor.report().servers[0]?.status).toBe('down'));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(existsSync(marker)).toBe(false);
  });

  /** Until SIGTERM, as a terminal or systemd sends it. */
  async function serveDemo(words: readonly string[], look: (socket: string) => Promise<void>) {
    const streams = { stdin: Readable.from(['']), stdout: new PassThrough(), stderr: new PassThrough() };
    const [stdout, stderr] = [text(streams.stdout), text(streams.stderr)];
    let said = '';
    streams.stderr.on('data', (chunk) => {
      said += String(chunk);
    });
    const open = () => Promise.reject(new Error('the table of this host is not asked for'));
    const ended = runVerb('serve', ['--demo', ...words], streams, { streams, open, env: {} });
    try {
      const socket = () => /--api unix:(\S+)/.exec(said)?.[1] ?? '';
      await vi.waitFor(() => expect(existsSync(socket())).toBe(true), { timeout: 20_000 });
      await look(socket());
    } finally {
      process.emit('SIGTERM', 'SIGTERM');
    }
    const code = await ended;
    streams.stdout.end();
    streams.stderr.end();
    return { code, stdout: await stdout, stderr: await stderr };
  }

  test('answers by its API, without rights, and leaves nothing', async () => {
    const before = process.env['IPVS_TS_RUN_DIRECTORY'];
    process.env['IPVS_TS_RUN_DIRECTORY'] = join(context.daemon.root, 'run');
    try {
      let directory = '';
      const { code, stdout, stderr } = await serveDemo([], async (socket) => {
        directory = join(socket, '..');
        await vi.waitFor(async () => expect((await send(socket, 'GET', '/readyz', {})).status).toBe(200), {
          timeout: 20_000,
        });
        const { services } = (await send(socket, 'GET', '/v1/table', {})).json;
        expect(services).toHaveLength(5);
        const { servers } = (await send(socket, 'GET', '/v1/health', {})).json;
        expect(servers[0].checks[0].reason).toMatch(/^simulated: /);
        expect((await send(socket, 'GET', '/v1/history', {})).json).toHaveLength(1);
        await vi.waitFor(async () => {
          const { text: lines } = await send(socket, 'GET', '/v1/connections', {});
          expect(lines.split('\n').length).toBeGreaterThan(10);
        }, 20_000);
        expect((await send(socket, 'GET', '/metrics', {})).text).toContain('ipvs_services 5');
        const headers = { 'if-match': '*' };
        const put = await send(socket, 'PUT', '/v1/desired', {
          headers,
          body: DEMO_DOCUMENT.replace('scheduler: lc', 'scheduler: rr'),
        });
        expect(put.json.outcome).toBe('applied');
      });
      expect(code).toBe(0);
      expect(stdout).toContain('\nready');
      expect(stderr).toMatch(/^A demonstration: /);
      expect(existsSync(directory)).toBe(false);
      expect(existsSync(join(context.daemon.root, 'run'))).toBe(false);
      expect(readdirSync(context.daemon.root)).toEqual([]);
    } finally {
      if (before === undefined) delete process.env['IPVS_TS_RUN_DIRECTORY'];
      else process.env['IPVS_TS_RUN_DIRECTORY'] = before;
    }
  });

  test('of a file has its services', async () => {
    const { daemon } = context;
    daemon.write(yaml('10.0.0.1'));
    await serveDemo([daemon.file, '--socket', daemon.socket], async () => {
      await vi.waitFor(
        async () => expect((await send(daemon.socket, 'GET', '/v1/services', {})).json).toHaveLength(1),
        { timeout: 20_000 },
      );
      const headers = { 'if-match': '*' };
      const put = await send(daemon.socket, 'PUT', '/v1/desired', { headers, body: yaml('10.0.0.1', '10.0.0.2') });
      expect(put.status).toBe(200);
    });
    expect(daemon.text).toBe(yaml('10.0.0.1'));
  });
});
