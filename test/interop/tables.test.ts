import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseDestination } from '../../src/model/destination.js';
import { parseService } from '../../src/model/service.js';
import { compareDestinationKeys, compareServiceKeys } from '../../src/model/table.js';
import { normalTable, type TableServiceInput, tableInput } from '../arbitraries.js';
import { useBoth } from './fixture.js';

const both = useBoth();

/** Writes a table by the verbs of the SDK, all at once: the kernel takes requests in the order in which they were made. */
async function write(inputs: readonly TableServiceInput[]): Promise<void> {
  const { ipvs } = both;
  await Promise.all([
    ipvs.flush(),
    ...inputs.flatMap(({ service, destinations }) => [
      ipvs.addService(service),
      ...destinations.map((destination) => ipvs.addDestination(parseService(service), destination)),
    ]),
  ]);
}

/** Values without counters, in one order. */
function sorted({ services }: ReturnType<typeof normalTable>) {
  return services
    .map(({ service, destinations }) => ({
      service,
      destinations: destinations
        .map(({ destination }) => destination)
        .sort((left, right) => compareDestinationKeys(left, right)),
    }))
    .sort((left, right) => compareServiceKeys(left.service, right.service));
}

async function snapshotValues() {
  const { services } = await both.ipvs.snapshot();
  return sorted({
    services: services.map(({ service, destinations }) => ({ service, destinations: [...destinations] })),
  });
}

it('500 random tables come back from the kernel as they were written, and save() is what ipvsadm -Sn says', async () => {
  await fc.assert(
    fc.asyncProperty(tableInput, async (inputs) => {
      await write(inputs);
      expect(await snapshotValues()).toEqual(sorted(normalTable(inputs)));
      expect(await both.ipvs.save()).toBe(await both.ipvsadm.ok('-Sn'));
    }),
    { numRuns: 500 },
  );
}, 300_000);

it('60 random tables that ipvsadm -R wrote are read as they were meant, and restore() does the same', async () => {
  await fc.assert(
    fc.asyncProperty(tableInput, async (inputs) => {
      const { ipvs, ipvsadm } = both;
      await write(inputs);
      const rules = await ipvs.save();
      await ipvs.flush();
      await ipvsadm.ok('-R', rules);
      const written = await snapshotValues();
      expect(await ipvs.save()).toBe(rules);
      await ipvs.restore(rules, { replace: true });
      expect(await snapshotValues()).toEqual(written);
    }),
    { numRuns: 60 },
  );
}, 300_000);

it('destinations are updated to any other of the same key', async () => {
  const key = { protocol: 'tcp', address: '192.0.2.1', port: 80 } as const;
  const { ipvs, ipvsadm } = both;
  await ipvs.addService(key);
  await ipvs.addDestination(key, { address: '10.0.0.1' });
  const settings = fc.constantFrom(
    { forward: 'nat' as const },
    { forward: 'dr' as const },
    { forward: 'tun' as const },
    { forward: 'tun' as const, tunnel: { type: 'gre' as const } },
    { forward: 'tun' as const, tunnel: { type: 'gue' as const, port: 9 } },
  );
  await fc.assert(
    fc.asyncProperty(settings, fc.nat(100), async (forward, weight) => {
      const destination = { address: '10.0.0.1', weight, ...forward };
      await ipvs.updateDestination(key, destination);
      expect((await ipvs.listDestinations(key))[0]?.destination).toEqual(parseDestination(key, destination));
      expect(await ipvs.save()).toBe(await ipvsadm.ok('-Sn'));
    }),
    { numRuns: 30 },
  );
});
