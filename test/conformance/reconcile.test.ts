import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReconcileError } from '../../src/errors.js';
import type { Ipvs } from '../../src/index.js';
import type { DesiredTable, NormalDesiredService } from '../../src/model/desired.js';
import { type Destination, formatDestinationKey, parseDestination } from '../../src/model/destination.js';
import { parseService, type Service } from '../../src/model/service.js';
import { formatServiceKey } from '../../src/model/service-key.js';
import { parseSyncDaemon, type SyncDaemon } from '../../src/model/sync-daemon.js';
import type { NormalTableService } from '../../src/model/table.js';
import { applyPlan, reconcile } from '../../src/reconcile/apply.js';
import { plan } from '../../src/reconcile/plan.js';
import { readState } from '../../src/reconcile/state.js';
import { tablePair } from '../unit/reconcile/tables.js';
import { rejection, useIpvs } from './fixture.js';

const context = useIpvs();

function outline(services: readonly NormalTableService[]) {
  return Object.fromEntries(
    services.map(({ service, destinations }) => [
      formatServiceKey(service),
      { service, servers: Object.fromEntries(destinations.map(({ destination: d }) => [formatDestinationKey(d), d])) },
    ]),
  );
}

const asDesired = (services: readonly NormalTableService[]): NormalDesiredService[] =>
  services.map(({ service, destinations }) => ({
    service,
    destinations: destinations.map(({ destination }) => destination),
  }));
const asState = (services: readonly NormalDesiredService[]): NormalTableService[] =>
  services.map(({ service, destinations }) => ({
    service,
    destinations: destinations.map((destination) => ({ destination })),
  }));

async function become(ipvs: Ipvs, services: readonly NormalDesiredService[]): Promise<void> {
  await ipvs.flush();
  await reconcile(ipvs, { services });
}

const now = async (ipvs: Ipvs) => outline((await ipvs.snapshot()).services);

test('random tables become others, and then no difference is left', { timeout: 180_000 }, async () => {
  let pairs = 0;
  const property = fc.asyncProperty(tablePair, async ({ from, to }) => {
    const { ipvs } = context;
    await become(ipvs, asDesired(from));
    expect(await now(ipvs)).toEqual(outline(from));
    await reconcile(ipvs, { services: to }, { prune: true });
    expect(await now(ipvs)).toEqual(outline(asState(to)));
    expect((await reconcile(ipvs, { services: to }, { prune: true })).steps).toEqual([]);
    pairs += 1;
  });
  await fc.assert(property, { numRuns: 1000, interruptAfterTimeLimit: 12_000 });
  expect(pairs).toBeGreaterThan(20);
});

test('ended after any step, left so or rolled back, and started again', { timeout: 180_000 }, async () => {
  const property = fc.asyncProperty(tablePair, fc.nat(), async ({ from, to }, number) => {
    const { ipvs } = context;
    await become(ipvs, asDesired(from));
    const desired = { services: to };
    const made = plan(await readState(ipvs, desired), desired, { prune: true });
    await applyPlan(ipvs, { ...made, steps: made.steps.slice(0, number % (made.steps.length + 1)) });
    await reconcile(ipvs, desired, { prune: true });
    expect(await now(ipvs)).toEqual(outline(asState(to)));
    await become(ipvs, asDesired(from));
    const ending = new AbortController();
    const onProgress = ({ done }: { done: number }) =>
      done > number % made.steps.length && ending.abort(new Error('end'));
    await reconcile(ipvs, desired, { prune: true, signal: ending.signal, onProgress }).catch(() => undefined);
    // Rolled back, unless that was the last step.
    expect([outline(from), outline(asState(to))]).toContainEqual(await now(ipvs));
  });
  await fc.assert(property, { numRuns: 1000, interruptAfterTimeLimit: 8_000 });
});

const WEB = { protocol: 'udp', address: '192.0.2.1', port: 80 } as const;
const SERVER = { address: '10.0.0.1', port: 80 };

function entry(service: Service, ...destinations: Destination[]): NormalDesiredService {
  const parsed = parseService(service);
  return { service: parsed, destinations: destinations.map((destination) => parseDestination(parsed, destination)) };
}

/** What a service and a destination can be: the kernel must take each for any other, in place. */
const SERVICES: Record<string, Service> = {
  plain: WEB,
  'another scheduler': { ...WEB, scheduler: 'rr' },
  'no scheduler': { ...WEB, scheduler: 'none' },
  'scheduler flags': { ...WEB, scheduler: 'sh', schedulerFlags: ['sh-port', 'sh-fallback'] },
  'one packet': { ...WEB, onePacket: true },
  persistence: { ...WEB, persistence: { timeout: 5, netmask: 24 } },
  'an engine': { ...WEB, persistence: {}, persistenceEngine: 'sip' },
};
const SERVERS: Record<string, Destination> = {
  plain: SERVER,
  'nat, thresholds': { ...SERVER, forward: 'nat', upperThreshold: 9, lowerThreshold: 3 },
  'no weight': { ...SERVER, weight: 0 },
  ipip: { ...SERVER, forward: 'tun' },
  gue: { ...SERVER, forward: 'tun', tunnel: { type: 'gue', port: 5555, checksum: 'remcsum' } },
  gre: { ...SERVER, forward: 'tun', tunnel: { type: 'gre', checksum: 'csum' } },
};

describe('changed in place, never deleted', () => {
  const inPlace = async (from: NormalDesiredService, to: NormalDesiredService) => {
    const { ipvs } = context;
    await become(ipvs, [from]);
    const { steps } = await reconcile(ipvs, { services: [to] });
    expect(steps.map(({ change }) => change.verb)).toEqual([expect.stringMatching(/^update-/)]);
    expect(await now(ipvs)).toEqual(outline(asState([to])));
  };
  const pairsOf = (names: readonly string[]) =>
    names.flatMap((from) => names.filter((to) => to !== from).map((to): [string, string] => [from, to]));

  test('a service, from any settings to any', async () => {
    for (const [from, to] of pairsOf(Object.keys(SERVICES))) {
      await inPlace(entry(SERVICES[from] ?? WEB, SERVER), entry(SERVICES[to] ?? WEB, SERVER));
    }
  });

  test('a destination, from any settings to any', async () => {
    for (const [from, to] of pairsOf(Object.keys(SERVERS))) {
      await inPlace(entry(WEB, SERVERS[from] ?? SERVER), entry(WEB, SERVERS[to] ?? SERVER));
    }
  });
});

describe('a refusal', () => {
  const before = [entry(WEB, SERVER)];
  const desired: DesiredTable = {
    services: [
      entry({ ...WEB, scheduler: 'rr' }, { address: '10.0.0.2' }),
      entry({ ...WEB, port: 81, scheduler: 'nosuch' }, { address: '10.0.0.3' }),
    ],
  };

  test('takes back what was done', async () => {
    const { ipvs } = context;
    await become(ipvs, before);
    const error = await rejection(reconcile(ipvs, desired));
    expect(await now(ipvs)).toEqual(outline(asState(before)));
    expect(error).toMatchObject({
      refused: [
        { step: 'add service udp://192.0.2.1:81', error: { code: 'ENOENT' } },
        { step: 'add destination 10.0.0.3:81 of udp://192.0.2.1:81', error: { code: 'ESRCH' } },
      ],
      takenBack: ['add destination 10.0.0.2:80 of udp://192.0.2.1:80'],
      inForce: [],
    });
  });

  test('leaves the rest to go on, where that is asked', async () => {
    const { ipvs } = context;
    await become(ipvs, before);
    const error = await rejection(reconcile(ipvs, desired, { onRefusal: 'continue' }));
    expect(error).toBeInstanceOf(ReconcileError);
    expect(await now(ipvs)).toEqual(outline(asState([entry({ ...WEB, scheduler: 'rr' }, { address: '10.0.0.2' })])));
  });
});

describe('timeouts and sync daemons', () => {
  const daemons = (...wanted: SyncDaemon[]) => ({ daemons: wanted.map(parseSyncDaemon) });

  test('become as wanted, and what is left out is not compared', async () => {
    const { ipvs } = context;
    const old = await ipvs.timeouts();
    const first = { ...daemons({ role: 'master', interface: 'lo' }), timeouts: { tcp: 77 } };
    await reconcile(ipvs, first);
    try {
      expect(await ipvs.timeouts()).toEqual({ ...old, tcp: 77 });
      expect((await reconcile(ipvs, first)).steps).toEqual([]);
      for (const wanted of [
        daemons({ role: 'backup', interface: 'lo', syncId: 3 }, { role: 'master', interface: 'lo', maxLength: 1000 }),
        daemons(
          { role: 'backup', interface: 'lo', maxLength: 65507 },
          { role: 'master', interface: 'lo', maxLength: 65507 },
        ),
        // Both are cut to what the kernel takes.
        daemons(
          { role: 'backup', interface: 'lo', maxLength: 5, port: 9 },
          { role: 'master', interface: 'lo', maxLength: 65507, group: '239.0.0.1', ttl: 3 },
        ),
      ]) {
        expect((await reconcile(ipvs, wanted)).steps).not.toEqual([]);
        expect((await reconcile(ipvs, wanted)).steps).toEqual([]);
      }
    } finally {
      await reconcile(ipvs, { daemons: [], timeouts: old });
    }
    expect(await ipvs.daemons()).toEqual([]);
  });

  test('stop before and start after destinations of another family than their service', async () => {
    const { ipvs } = context;
    const mixed = entry(WEB, { address: '2001:db8::1', forward: 'tun' });
    const unmixed = { ...daemons({ role: 'master', interface: 'lo' }), services: [entry(WEB, SERVER)] };
    for (const desired of [unmixed, { daemons: [], services: [mixed] }, unmixed, { daemons: [], services: [] }]) {
      await reconcile(ipvs, desired, { prune: true });
      expect(await now(ipvs)).toEqual(outline(asState(desired.services)));
      expect((await ipvs.daemons()).length).toBe(desired.daemons.length);
    }
  });
});
