import { expect, test } from 'vitest';
import { Ipvs } from '../../src/index.js';
import { SimulatedKernel } from '../../src/simulator/index.js';

const KEY = 'tcp://192.0.2.1:80';
const SERVER = { address: '198.51.100.1', port: 8080 };

async function director(): Promise<Ipvs> {
  const ipvs = await Ipvs.open({ kernel: new SimulatedKernel() });
  await ipvs.addService({
    protocol: 'tcp',
    address: '192.0.2.1',
    port: 80,
    scheduler: 'rr',
    persistence: { timeout: 60 },
  });
  await ipvs.addDestination(KEY, { ...SERVER, forward: 'nat', weight: 3, upperThreshold: 100 });
  await ipvs.addDestination(KEY, { address: '198.51.100.2', forward: 'tun', tunnel: { type: 'gre' } });
  return ipvs;
}

test('a weight changes, and NAT stays NAT with its threshold', async () => {
  await using ipvs = await director();
  await ipvs.setWeight(KEY, SERVER, 7);
  const { destination } = (await ipvs.listDestinations(KEY)).find((one) => one.destination.port === 8080) ?? {};
  expect(destination).toMatchObject({ forward: 'nat', weight: 7, upperThreshold: 100 });
});

test('another way of forwarding leaves the tunnel behind', async () => {
  await using ipvs = await director();
  await ipvs.patchDestination(
    KEY,
    { address: '198.51.100.2' },
    { forward: 'dr', lowerThreshold: 5, upperThreshold: 9 },
  );
  const { destination } = (await ipvs.listDestinations(KEY)).find((one) => one.destination.port === 80) ?? {};
  expect(destination).toMatchObject({ forward: 'dr', weight: 1, lowerThreshold: 5, upperThreshold: 9 });
  expect(destination).not.toHaveProperty('tunnel');
});

test('a scheduler changes, and persistence stays', async () => {
  await using ipvs = await director();
  await ipvs.patchService(KEY, { scheduler: 'wlc' });
  expect((await ipvs.getService(KEY))?.service).toMatchObject({ scheduler: 'wlc', persistence: { timeout: 60 } });
});

test('what is not there is refused as the kernel refuses it', async () => {
  await using ipvs = await director();
  await expect(ipvs.setWeight(KEY, { address: '198.51.100.9' }, 1)).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(ipvs.patchService('tcp://192.0.2.9:80', { scheduler: 'rr' })).rejects.toMatchObject({ code: 'ESRCH' });
});

test.each([
  [{ weight: -1 }, 'weight'],
  [{ weight: '5' }, 'weight'],
  [{ port: 80 }, 'port'],
  [{ color: 'red' }, 'color'],
])('%j is refused by its path', async (patch, path) => {
  await using ipvs = await director();
  const before = await ipvs.save();
  await expect(ipvs.patchDestination(KEY, SERVER, patch as never)).rejects.toMatchObject({ issues: [{ path }] });
  expect(await ipvs.save()).toBe(before);
});
