/**
 * What only a kernel with several processors can get wrong: changes and readings of the table at the same time, by threads and by
 * processes.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Ipvs, ServiceKey } from '../../src/index.js';
import { InterruptedError, IpvsError } from '../../src/index.js';
import { useIpvs } from '../conformance/fixture.js';
import { PROCESSORS } from '../lab/running-kernel.js';

const PROGRAM = fileURLToPath(new URL('./worker.mjs', import.meta.url));
const context = useIpvs();

beforeAll(() => expect(PROCESSORS, 'processors').toBeGreaterThan(1));

/** Services with destinations, as the lines that save() gives, from a number on. */
function rules(services: number, destinations: number, first = 0): string {
  const address = (net: number, n: number) => `${net}.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
  return Array.from({ length: services }, (_, index) => {
    const service = first + index;
    const servers = Array.from({ length: destinations }, (__, n) => address(11, service * destinations + n));
    const key = `-t ${address(10, service)}:80`;
    return [`-A ${key} -s rr`, ...servers.map((server) => `-a ${key} -r ${server}:80 -m -w 1`)];
  })
    .flat()
    .map((line) => `${line}\n`)
    .join('');
}

const sorted = (text: string) => text.trim().split('\n').toSorted();

/** A thread of its own, at work until it is stopped. */
async function beginCycles(): Promise<{ stop(): Promise<number> }> {
  const worker = new Worker(PROGRAM, { workerData: ['cycle'] });
  await once(worker, 'message');
  return {
    async stop() {
      worker.postMessage('stop');
      const [rounds] = (await once(worker, 'message')) as [number];
      return rounds;
    },
  };
}

/** The lines that were refused in a thread of its own. */
async function restoreInThread(text: string): Promise<[line: number, code: string][]> {
  const [failures] = await once(new Worker(PROGRAM, { workerData: ['restore', text] }), 'message');
  return failures;
}

async function restoreInProcess(text: string): Promise<[line: number, code: string][]> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, 'restore', text], { encoding: 'utf8' });
  return JSON.parse(stdout);
}

/** Looks again and again until a promise is settled; the kernel may interrupt readings. */
async function whileLooking(work: Promise<unknown>, look: () => Promise<void>): Promise<void> {
  let over = false;
  const done = work.finally(() => {
    over = true;
  });
  while (!over) {
    try {
      await look();
    } catch (error) {
      if (!(error instanceof InterruptedError)) throw error;
    }
  }
  await done;
}

describe('restore', () => {
  test('gives its whole table, while a thread changes other services and a client reads', async () => {
    const text = rules(100, 10);
    await using reader = await context.open();
    const thread = await beginCycles();
    await whileLooking(context.ipvs.restore(text), async () => {
      const keys = (await reader.snapshot()).services.map(({ service }) => JSON.stringify(service));
      expect(new Set(keys).size).toBe(keys.length);
    });
    expect(await thread.stop()).toBeGreaterThan(1);
    expect(sorted(await context.ipvs.save())).toEqual(sorted(text));
  });

  test('gives the union, of four threads with a quarter each', async () => {
    const failures = await Promise.all([0, 1, 2, 3].map((n) => restoreInThread(rules(50, 10, n * 50))));
    expect(failures.flat()).toEqual([]);
    expect(sorted(await context.ipvs.save())).toEqual(sorted(rules(200, 10)));
  });

  test('takes each line from one of two processes with the same lines, and says to the other that it is there', async () => {
    const text = rules(50, 10);
    const [first, second] = await Promise.all([restoreInProcess(text), restoreInProcess(text)]);
    const refused = [...first, ...second];
    expect(new Set(refused.map(([, code]) => code))).toEqual(new Set(['EEXIST']));
    const lines = refused.map(([line]) => line).toSorted((a, b) => a - b);
    expect(lines).toEqual(Array.from({ length: 550 }, (_, index) => index + 1));
    expect(sorted(await context.ipvs.save())).toEqual(sorted(text));
  });
});

test('every change of a scheduler takes, while another client changes destinations', { timeout: 120_000 }, async () => {
  const key: ServiceKey = { protocol: 'udp', address: '10.251.0.1', port: 53 };
  await context.ipvs.addService({ ...key, scheduler: 'rr' });
  for (let n = 1; n <= 8; n++) await context.ipvs.addDestination(key, { address: `10.252.0.${n}`, forward: 'dr' });
  await using other = await context.open();
  let over = false;
  const changing = (async () => {
    for (let n = 0; !over; n++) {
      const server = { address: `10.252.0.${1 + (n % 8)}`, forward: 'dr' as const };
      await other.deleteDestination(key, server);
      await other.addDestination(key, { ...server, weight: n % 5, upperThreshold: 50 });
    }
  })();
  const schedulers = [
    'rr',
    'wrr',
    'lc',
    'wlc',
    'lblc',
    'lblcr',
    'dh',
    'sh',
    'sed',
    'nq',
    'fo',
    'ovf',
    'mh',
    'twos',
    'none',
  ];
  for (const scheduler of [...schedulers, ...schedulers]) {
    await context.ipvs.updateService({ ...key, scheduler });
    expect((await context.ipvs.getService(key))?.service.scheduler).toBe(scheduler);
  }
  over = true;
  await changing;
  expect(await context.ipvs.listDestinations(key)).toHaveLength(8);
});

test('of two clients that start and stop sync daemons, each call succeeds or says why', {
  timeout: 120_000,
}, async () => {
  await using first = await context.open();
  await using second = await context.open();
  const codes = new Set<string>();
  const toggle = async (ipvs: Ipvs, role: 'master' | 'backup') => {
    for (let n = 0; n < 20; n++) {
      const call = n % 2 === 0 ? ipvs.startDaemon({ role, interface: 'lo', syncId: 1 }) : ipvs.stopDaemon(role);
      await call.catch((error) => {
        if (!(error instanceof IpvsError)) throw error;
        codes.add(String(error.code));
      });
    }
  };
  await Promise.all([first, second].flatMap((ipvs) => [toggle(ipvs, 'master'), toggle(ipvs, 'backup')]));
  expect([...codes].filter((code) => !['EEXIST', 'ESRCH'].includes(code))).toEqual([]);
  for (const { role } of await first.daemons()) await first.stopDaemon(role);
  expect(await first.daemons()).toEqual([]);
});
