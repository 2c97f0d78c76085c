/**
 * Every door of the library: whatever JSON comes in, a function either refuses it with an error that names the path of a field, and
 * nothing has changed, or does what was asked. A new export without a line here fails the first test.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError, InvalidArgumentError, IpvsError, RulesError } from '../../src/errors.js';
import { HealthMonitor } from '../../src/health/index.js';
import type { Change, Service, ServiceKey } from '../../src/index.js';
import { Ipvs, parseChange, parseService } from '../../src/index.js';
import { type DesiredTable, drain, plan, readState, reconcile } from '../../src/reconcile/index.js';
import { SimulatedKernel } from '../../src/simulator/index.js';

/** Any value, in the place of data; a client on a table with one service, for functions that take one. */
type Door = (value: never, ipvs: Ipvs) => unknown;
/** Why there is nothing to check. */
type NoData = string;

const THROWN = 'an error, which the library makes';
const CONSTANT = 'a constant';
const READS = 'reads only; its argument is options';
const CHECKED = 'takes what this library made: a table, a plan, an override, a finding, a message';

const SERVICE = { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'wlc' } as const;
const KEY = 'tcp://192.0.2.1:80';
const SERVER = { address: '198.51.100.1', port: 80, forward: 'dr', weight: 1 } as const;

const modules = await entries();

/** What is not text, as text: no object of a caller's own is asked for it. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Calls an export. */
const call =
  (entry: string, name: string, ...before: unknown[]) =>
  (value: unknown, ...after: unknown[]) =>
    modules[entry]?.[name]?.(...before, value, ...after);

/** The exports of the entries, and the methods of their classes (`Ipvs.addService`). */
const DOORS: Readonly<Record<string, Readonly<Record<string, Door | NoData>>>> = {
  '.': {
    ...Object.fromEntries(
      Object.keys(modules['.'] ?? {}).flatMap((name) => (name.endsWith('Error') ? [[name, THROWN]] : [])),
    ),
    Stats: 'a value of the kernel',
    Ipvs: 'its constructor is private',
    'Ipvs.open': READS,
    'Ipvs.addService': (value, ipvs) => ipvs.addService(value),
    'Ipvs.updateService': (value, ipvs) => ipvs.updateService(value),
    'Ipvs.ensureService': (value, ipvs) => ipvs.ensureService(value),
    'Ipvs.removeService': (value, ipvs) => ipvs.removeService(value),
    'Ipvs.deleteService': (value, ipvs) => ipvs.deleteService(value),
    'Ipvs.getService': (value, ipvs) => ipvs.getService(value),
    'Ipvs.addDestination': (value, ipvs) => ipvs.addDestination(KEY, value),
    'Ipvs.updateDestination': (value, ipvs) => ipvs.updateDestination(KEY, value),
    'Ipvs.ensureDestination': (value, ipvs) => ipvs.ensureDestination(KEY, value),
    'Ipvs.removeDestination': (value, ipvs) => ipvs.removeDestination(KEY, value),
    'Ipvs.deleteDestination': (value, ipvs) => ipvs.deleteDestination(KEY, value),
    'Ipvs.listDestinations': (value, ipvs) => ipvs.listDestinations(value),
    'Ipvs.destinations': async (value, ipvs) => {
      for await (const _ of ipvs.destinations(value));
    },
    'Ipvs.connections': async (value, ipvs) => {
      for await (const _ of ipvs.connections(value));
    },
    'Ipvs.listConnections': (value, ipvs) => ipvs.listConnections(value),
    'Ipvs.endConnections': (value, ipvs) => ipvs.endConnections(value, { timeout: 1 }),
    'Ipvs.moveConnections': (value, ipvs) => ipvs.moveConnections({}, value, { timeout: 1 }),
    'Ipvs.restoreConnections': 'takes bytes, which test/unit/sync/connections.test.ts damages',
    'Ipvs.patchService': (value, ipvs) => ipvs.patchService(KEY, value),
    'Ipvs.patchDestination': (value, ipvs) => ipvs.patchDestination(KEY, SERVER, value),
    'Ipvs.setWeight': (value, ipvs) => ipvs.setWeight(KEY, SERVER, value),
    'Ipvs.zero': (value, ipvs) => ipvs.zero(value),
    'Ipvs.setTimeouts': (value, ipvs) => ipvs.setTimeouts(value),
    'Ipvs.startDaemon': (value, ipvs) => ipvs.startDaemon(value),
    'Ipvs.stopDaemon': (value, ipvs) => ipvs.stopDaemon(value),
    'Ipvs.restore': (value, ipvs) => ipvs.restore(text(value)),
    'Ipvs.apply': (value, ipvs) => ipvs.apply(value),
    'Ipvs.applyAll': (value, ipvs) => ipvs.applyAll(value),
    ...methods('Ipvs', ['services', 'listServices', 'saveConnections', 'snapshot', 'flush', 'info'], READS),
    ...methods('Ipvs', ['totals', 'status', 'sysctls', 'countsTraffic', 'timeouts', 'daemons', 'save', 'close'], READS),
    linuxKernel: READS,
    formatRules: (value) => call('.', 'formatRules')(value),
    formatServiceKey: CHECKED,
    formatDestinationKey: CHECKED,
    parseChange: (value) => call('.', 'parseChange')(value),
    parseDestination: (value) => call('.', 'parseDestination')(KEY, value),
    parseDestinationKey: (value) => call('.', 'parseDestinationKey')(KEY, value),
    parseService: (value) => call('.', 'parseService')(value),
    parseServiceKey: (value) => call('.', 'parseServiceKey')(value),
    parseSyncDaemon: (value) => call('.', 'parseSyncDaemon')(value),
    parseTimeouts: (value) => call('.', 'parseTimeouts')(value),
  },
  './config': {
    ConfigError: THROWN,
    desiredServices: (value) => call('./config', 'desiredServices')(value),
    formatStateFile: (value) => call('./config', 'formatStateFile')(value),
    loadStateFile: 'takes a path',
    parseStateFile: (value) => call('./config', 'parseStateFile')(value),
    parseStateText: (value) => call('./config', 'parseStateText')(JSON.stringify(value)),
    stateFileJsonSchema: CONSTANT,
  },
  './reconcile': {
    LockedError: THROWN,
    ReconcileError: THROWN,
    STAGES: CONSTANT,
    StateFileSource: 'takes a path',
    applyPlan: CHECKED,
    claimServices: 'takes a directory and a scope, which scopeMatcher checks',
    drain: async (value, ipvs) => drain(ipvs, KEY, value, { deadline: 0, poll: 1 }).finished,
    drainNotes: CHECKED,
    effective: (value) => call('./reconcile', 'effective')(value, {}),
    giveBack: 'takes a directory',
    keep: (value, ipvs) => {
      const end = new AbortController();
      const onEvent = () => end.abort();
      return call('./reconcile', 'keep')(ipvs, { read: () => value }, { signal: end.signal, onEvent });
    },
    keeperOf: 'takes a directory',
    keepersOf: 'takes a directory',
    overrideText: CHECKED,
    overrideWeight: 'takes a directory; test/unit/reconcile/overrides.test.ts has its mistakes',
    parseDesiredTable: (value) => call('./reconcile', 'parseDesiredTable')(value),
    parseScope: (value) => call('./reconcile', 'parseScope')([text(value)]),
    plan: (value) => call('./reconcile', 'plan')({ services: [] }, value),
    ramp: (value, ipvs) => call('./reconcile', 'ramp')(ipvs, KEY, SERVER, value),
    readDrainSysctls: READS,
    readOverrides: 'takes a directory',
    readState: (value, ipvs) => call('./reconcile', 'readState')(ipvs, value),
    reconcile: (value, ipvs) => call('./reconcile', 'reconcile')(ipvs, value),
    resumeDrains: 'takes a directory',
    scopeMatcher: (value) => call('./reconcile', 'scopeMatcher')(value),
    serverName: CHECKED,
    stateDirectory: READS,
    stateOf: (value) => call('./reconcile', 'stateOf')(value),
  },
  './daemon': {
    KeptError: THROWN,
    RemoteError: THROWN,
    connect: (value) => call('./daemon', 'connect')(value),
  },
  './health': {
    HealthMonitor: (value) => new HealthMonitor(value)[Symbol.dispose](),
    'HealthMonitor.follow': async (value) => {
      using monitor = new HealthMonitor({ run: async () => ({ result: 'passed', reason: 'nobody was asked' }) });
      await monitor.follow(value, AbortSignal.abort());
    },
    ...methods('HealthMonitor', ['wishes', 'report'], READS),
    'HealthMonitor.override': CHECKED,
    PRESETS: CONSTANT,
    RECORD_TYPES: CONSTANT,
    checkOnce: (value) => call('./health', 'checkOnce')(value, { signal: new AbortController().signal }),
    checkServer: (value) => call('./health', 'checkServer', { address: '127.0.0.1', port: 1 })(value),
    machineClock: CONSTANT,
    parseCheck: (value) => call('./health', 'parseCheck')(value),
    parseHealth: (value) => call('./health', 'parseHealth')(value),
    readHealthReport: 'takes a directory',
    readHealthReports: 'takes a directory',
  },
  './simulator': {
    SimulatedKernel: (value) => new SimulatedKernel(value),
    ...methods('SimulatedKernel', ['socket', 'proc', 'ticksPerSecond', 'sysctl'], 'the kernel, which Ipvs speaks to'),
    'SimulatedKernel.connect': (value) => new SimulatedKernel().connect(value),
    'SimulatedKernel.advance': (value) => new SimulatedKernel().advance(value),
    'SimulatedKernel.setSysctls': (value) => new SimulatedKernel().setSysctls(value),
    whatIf: (value) => call('./simulator', 'whatIf')(value, { clients: 2, rate: 1, seconds: 1 }, {}),
  },
  './host': {
    HostApplyError: THROWN,
    Host: 'its constructor is private',
    ...methods('Host', ['open', 'read', 'setups', 'examine'], READS),
    ...methods('Host', ['plan', 'apply', 'check', 'revert'], 'needs a host: test/unit/host has their mistakes'),
    announce: 'needs a network: test/conformance/neighbour-probe.test.ts has its mistakes',
    whoHas: 'needs a network: test/conformance/neighbour-probe.test.ts has its mistakes',
    planFor: (value) =>
      call('./host', 'planFor')(value, { links: [], addresses: [], routes: [], sysctls: {}, masquerade: {} }),
  },
  './host-script': {
    SCRIPT_FORMS: CONSTANT,
    SCRIPT_OSES: CONSTANT,
    hostScript: (value) => call('./host-script', 'hostScript')(value),
  },
  './json': {
    ...methods('', ['connectionsJson', 'findingsJson', 'settingsJson', 'tableJson', 'prettyJson'], CHECKED),
    ...methods('', ['connectionsJsonSchema', 'findingsJsonSchema', 'settingsJsonSchema', 'tableJsonSchema'], CONSTANT),
    ...methods('', ['checksJsonSchema', 'eventJsonSchema', 'healthJsonSchema'], CONSTANT),
    jsonSchemas: CONSTANT,
  },
  './formats': {
    IMPORT_FORMATS: CONSTANT,
    exportConfig: (value) => call('./formats', 'exportConfig')(value, { format: 'rules' }),
    guessImportFormat: (value) => call('./formats', 'guessImportFormat')(text(value), text(value)),
    importConfig: (value) => call('./formats', 'importConfig')(text(value), { format: 'keepalived' }),
  },
  './doctor': {
    FINDING_IDS: CONSTANT,
    ...methods('', ['examine', 'gather'], READS),
    ...methods('', ['diagnose', 'leftToPeople', 'mendings'], CHECKED),
  },
  './metrics': {
    formatMetrics: (value) => call('./metrics', 'formatMetrics')(value),
    metricsChunks: (value) => (call('./metrics', 'metricsChunks')(value) as AsyncGenerator).next(),
    readMetrics: READS,
    metricsFormatFor: (value) => call('./metrics', 'metricsFormatFor')(value),
    metricsMediaType: (value) => call('./metrics', 'metricsMediaType')(value),
    METRIC_FAMILIES: CONSTANT,
    METRICS_FORMATS: CONSTANT,
    ...methods('', ['HealthCounters', 'KeepCounters'], 'takes nothing'),
    ...methods('HealthCounters', ['counts', 'tell'], CHECKED),
    ...methods('KeepCounters', ['counts', 'tell'], CHECKED),
  },
  './sync': {
    readSyncMessage: 'takes bytes, which test/unit/sync/message.test.ts damages',
    watchSync: READS,
    writeSyncMessage: CHECKED,
  },
};

function methods(name: string, all: readonly string[], reason: NoData): Record<string, NoData> {
  return Object.fromEntries(all.map((method) => [name === '' ? method : `${name}.${method}`, reason]));
}

/** What JavaScript makes of an entry: anything may be passed. */
type Entry = Readonly<Record<string, (...args: unknown[]) => unknown>>;

async function entries(): Promise<Record<string, Entry>> {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const found: Record<string, Entry> = {};
  for (const [name, target] of Object.entries<string | { default: string }>(manifest.exports)) {
    if (typeof target === 'string') continue;
    const source = target.default.replace('./dist/', '../../src/').replace(/\.js$/, '.ts');
    found[name] = await import(source);
  }
  return found;
}

/** What an entry exports, with the public methods of its classes. */
function doorsOf(entry: Entry): string[] {
  return Object.entries(entry).flatMap(([name, value]) => {
    if (name.endsWith('Error') || typeof value !== 'function' || value.prototype === undefined) return [name];
    const own = (object: object, without: readonly string[]) =>
      Object.entries(Object.getOwnPropertyDescriptors(object)).flatMap(([method, { value: it }]) =>
        typeof it === 'function' && !without.includes(method) ? [`${name}.${method}`] : [],
      );
    return [name, ...own(value, ['prototype']), ...own(value.prototype, ['constructor'])];
  });
}

test.each(Object.keys(modules))('each export of %s has a line here, and each line an export', (name) => {
  const without = new Set(['Stats.toJSON', 'StateFileSource.read', 'StateFileSource.changes']);
  const found = doorsOf(modules[name] ?? {}).filter((door) => !without.has(door) && !door.startsWith('Stats.'));
  expect(found.filter((door) => !door.startsWith('StateFileSource.')).sort()).toEqual(
    Object.keys(DOORS[name] ?? {}).sort(),
  );
});

/** Values that are right, to be changed in one place. */
const RIGHT: readonly unknown[] = [
  SERVICE,
  SERVER,
  KEY,
  { verb: 'add-service', service: { ...SERVICE, port: 81 } },
  [{ verb: 'add-destination', key: KEY, destination: SERVER }],
  { services: [{ service: SERVICE, destinations: [SERVER] }], timeouts: { tcp: 900 } },
  { role: 'backup', interface: 'lo', syncId: 1 },
  { protocol: 'tcp', client: { address: '203.0.113.7', port: 1 }, virtual: { address: '192.0.2.1', port: 80 } },
  { role: 'director', description: { mode: 'dr', device: 'eth0', vips: ['192.0.2.1'] } },
  { to: 0, over: 0, steps: 1 },
  { services: ['tcp://192.0.2.1:80'], marks: [5], addresses: ['192.0.2.0/24'] },
];

/** Some value, with one of its fields, at any depth, in the place of which stands another. */
function changed(value: unknown, path: readonly number[], other: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined || value === null || typeof value !== 'object') return other;
  const keys = Object.keys(value);
  const key = keys[first % Math.max(1, keys.length)];
  if (key === undefined) return other;
  const next = changed((value as Record<string, unknown>)[key], rest, other);
  return Array.isArray(value)
    ? value.map((item, index) => (String(index) === key ? next : item))
    : { ...value, [key]: next };
}

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc
    .tuple(fc.constantFrom(...RIGHT), fc.array(fc.nat(7), { maxLength: 5 }), fc.jsonValue({ maxDepth: 1 }))
    .map(([value, path, other]) => changed(value, path, other)),
  fc.constantFrom(...RIGHT),
);

async function director(): Promise<Ipvs> {
  const ipvs = await Ipvs.open({ kernel: new SimulatedKernel() });
  await ipvs.addService(SERVICE);
  await ipvs.addDestination(KEY, SERVER);
  return ipvs;
}

const doors = Object.entries(DOORS).flatMap(([entry, table]) =>
  Object.entries(table).flatMap(([name, door]) =>
    typeof door === 'string' ? [] : [[`${entry} ${name}`, door] as const],
  ),
);

describe('whatever comes in', () => {
  test.each(doors)('%s refuses it by its path, or does it', { timeout: 60_000 }, async (_, door) => {
    await fc.assert(
      fc.asyncProperty(anything, async (value) => {
        await using ipvs = await director();
        const before = await ipvs.save({ full: true });
        try {
          await door(value as never, ipvs);
        } catch (error) {
          // What the kernel refuses it may have been asked for.
          if (!(error instanceof IpvsError)) throw error;
          const isRefusal =
            error instanceof InvalidArgumentError || error instanceof ConfigError || error instanceof RulesError;
          if (!isRefusal) return;
          if (error instanceof InvalidArgumentError) expect(error.issues.length).toBeGreaterThan(0);
          expect(await ipvs.save({ full: true })).toBe(before);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('what is taken is what there is', () => {
  test('a service', async () => {
    const value = fc.tuple(
      fc.constantFrom<Service>({ ...SERVICE, port: 81 }),
      fc.array(fc.nat(7), { maxLength: 2 }),
      fc.jsonValue(),
    );
    await fc.assert(
      fc.asyncProperty(value, async ([service, path, other]) => {
        await using ipvs = await director();
        const wanted = changed(service, path, other) as Service;
        try {
          await ipvs.addService(wanted);
        } catch (error) {
          if (error instanceof IpvsError) return;
          throw error;
        }
        const checked = parseService(wanted);
        expect((await ipvs.getService(checked as ServiceKey))?.service).toEqual(checked);
      }),
    );
  });

  test('a desired table', async () => {
    const table = { services: [{ service: SERVICE, destinations: [SERVER, { ...SERVER, address: '198.51.100.2' }] }] };
    const value = fc.tuple(fc.array(fc.nat(7), { maxLength: 6 }), fc.jsonValue({ maxDepth: 1 }));
    await fc.assert(
      fc.asyncProperty(value, async ([path, other]) => {
        await using ipvs = await director();
        const desired = changed(table, path, other) as DesiredTable;
        try {
          await reconcile(ipvs, desired, { prune: true });
        } catch (error) {
          if (error instanceof IpvsError) return;
          throw error;
        }
        expect(plan(await readState(ipvs, desired), desired, { prune: true }).steps).toEqual([]);
      }),
    );
  });

  test('a change', () => {
    fc.assert(
      fc.property(anything, (value) => {
        try {
          const change = parseChange(value as Change);
          expect(parseChange(change)).toEqual(change);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidArgumentError);
        }
      }),
    );
  });
});
