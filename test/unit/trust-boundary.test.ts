/** What is wrong with a value is said at the door, by its path, and nothing has changed. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { InvalidArgumentError } from '../../src/errors.js';
import { type Change, Ipvs, type Service, type ServiceFields } from '../../src/index.js';
import { makeDestination, parseDestination } from '../../src/model/destination.js';
import { makeService, parseService } from '../../src/model/service.js';
import { keep, plan, reconcile } from '../../src/reconcile/index.js';
import { SimulatedKernel } from '../../src/simulator/index.js';

const web = { protocol: 'tcp', address: '192.0.2.10', port: 80, scheduler: 'wlc' } as const;
const WEB = 'tcp://192.0.2.10:80';

let ipvs: Ipvs;
beforeEach(async () => {
  ipvs = await Ipvs.open({ kernel: new SimulatedKernel() });
});
afterEach(() => ipvs.close());

async function pathsOf(work: () => unknown): Promise<string[]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error.issues.map(({ path }) => path);
    throw error;
  }
  return [];
}

describe('a change that is wrong', () => {
  test.each<[string, unknown, string[]]>([
    ['a port of 17 bits', { verb: 'add-service', service: { ...web, port: 80080 } }, ['service.port']],
    ['an address that is none', { verb: 'add-service', service: { ...web, address: 'bogus' } }, ['service.address']],
    [
      'a negative timeout',
      { verb: 'add-service', service: { ...web, persistence: { timeout: -1 } } },
      ['service.persistence.timeout'],
    ],
    ['a port as text', { verb: 'add-service', service: { ...web, port: '80' } }, ['service.port']],
    ['half a port', { verb: 'add-service', service: { ...web, port: 1.5 } }, ['service.port']],
    ['no port', { verb: 'add-service', service: { ...web, port: null } }, ['service.port']],
    ['an unknown verb', { verb: 'remove-service', key: WEB }, ['verb']],
    ['nothing', null, ['']],
    ['a key and a destination', { verb: 'add-destination', key: 'web', destination: {} }, ['key']],
    [
      'an update that would turn NAT into DR',
      { verb: 'update-destination', key: WEB, destination: { address: '10.0.0.1', weight: 5 } },
      ['destination.forward'],
    ],
    [
      'an update that would change the scheduler',
      { verb: 'update-service', service: { protocol: 'tcp', address: '192.0.2.10', port: 80 } },
      ['service.scheduler'],
    ],
  ])('%s', async (_, change, paths) => {
    expect(await pathsOf(() => ipvs.apply(change as Change))).toEqual(paths);
    const good: Change = { verb: 'add-service', service: { ...web, port: 81 } };
    const placed = paths.map((path) => (path === '' ? 'changes[1]' : `changes[1].${path}`));
    expect(await pathsOf(() => ipvs.applyAll([good, change as Change, good]))).toEqual(placed);
    expect(await ipvs.listServices()).toEqual([]);
  });
});

test('keep meets the one form of an address, and finds nothing to do at its second look', async () => {
  const service: Service = { protocol: 'tcp', address: '2001:DB8::1', port: 80, scheduler: 'rr' };
  const end = new AbortController();
  await keep(
    ipvs,
    { read: () => ({ services: [{ service, destinations: [] }] }) },
    { prune: true, signal: end.signal, onEvent: ({ type }) => void (type === 'ready' && end.abort()) },
  );
  const again = await reconcile(ipvs, { services: [{ service, destinations: [] }] }, { prune: true });
  expect(again.steps).toEqual([]);
  expect((await ipvs.listServices()).map((entry) => entry.service.protocol)).toEqual(['tcp']);
});

describe('a checked value', () => {
  const service = parseService(web);
  const destination = parseDestination(service, { address: '10.0.0.1', forward: 'nat' });

  test('is not checked again, cannot be changed, and is copied without its brand', () => {
    expect(parseService(service)).toBe(service);
    expect(parseDestination(service, destination)).toBe(destination);
    expect(parseService({ ...service })).not.toBe(service);
    expect(() => Object.assign(destination, { weight: 7e10 })).toThrow(TypeError);
  });

  test('is like a plain object to JSON, and gives nobody its class', () => {
    expect(JSON.parse(JSON.stringify(destination))).toEqual(destination);
    expect(destination.constructor).toBe(Object);
    const forged = Object.create(destination, { weight: { value: 7e10 } });
    expect(() => parseDestination(service, forged)).toThrow(InvalidArgumentError);
  });
});

describe('what only other programs make', () => {
  const odd = makeService({ protocol: 'tcp', address: '192.0.2.10', port: 80 }, { scheduler: 'rr', onePacket: true });
  const other = makeDestination({ address: '10.0.0.1', port: 8080, weight: 3, forward: 'dr' });
  beforeEach(async () => {
    await ipvs.applyAll([
      { verb: 'add-service', service: odd },
      { verb: 'add-destination', key: odd, destination: other },
    ]);
  });

  test('is taken as it is listed, and a copy in an update where the kernel has it already', async () => {
    const [entry] = await ipvs.listDestinations(WEB);
    if (entry === undefined) throw new Error('one destination');
    await ipvs.updateDestination(WEB, { ...entry.destination, weight: 0 });
    expect((await ipvs.listDestinations(WEB))[0]?.destination).toEqual({ ...other, weight: 0 });
    await ipvs.updateService({ ...odd, scheduler: 'wrr' });
    expect((await ipvs.getService(WEB))?.service).toEqual({ ...odd, scheduler: 'wrr' });
  });

  test('is refused where it is new', async () => {
    const copy = { ...other, address: '10.0.0.2' };
    expect(await pathsOf(() => ipvs.addDestination(WEB, copy))).toEqual(['port']);
    expect(await pathsOf(() => ipvs.addService({ ...odd, port: 81 } as ServiceFields))).toEqual(['onePacket']);
    expect(await pathsOf(() => ipvs.updateService({ ...odd, persistence: { timeout: 0 } }))).toEqual([
      'persistence.timeout',
    ]);
  });

  test('may be wanted in a plan where it is so already, and nowhere else', async () => {
    const wanted = { services: [{ service: { ...odd }, destinations: [{ ...other, weight: 1 }] }] };
    expect(plan(await ipvs.snapshot(), wanted).steps.map(({ what }) => what)).toEqual([
      `update destination 10.0.0.1:8080 of ${WEB}`,
    ]);
    expect(await pathsOf(() => plan({ services: [] }, wanted))).toEqual([
      'services[0].service.onePacket',
      'services[0].destinations[0].port',
    ]);
  });
});
