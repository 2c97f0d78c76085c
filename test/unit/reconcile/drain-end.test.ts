import { expect, test } from 'vitest';
import { Ipvs } from '../../../src/index.js';
import { drain } from '../../../src/reconcile/index.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';

const SERVICE = 'tcp://192.0.2.1:80';
const [LEAVING, STAYING] = ['198.51.100.1', '198.51.100.2'];

test.each([
  [true, { outcome: 'deadline', removed: true, ended: 2 }, [STAYING, STAYING]],
  [false, { outcome: 'deadline', removed: true }, [STAYING, STAYING, LEAVING, LEAVING]],
])('a drain with end %s: at the deadline, %j', async (end, expected, servers) => {
  const kernel = new SimulatedKernel();
  await using ipvs = await Ipvs.open({ kernel });
  await ipvs.addService({ protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr' });
  for (const address of [LEAVING, STAYING]) await ipvs.addDestination(SERVICE, { address, forward: 'dr' });
  for (let port = 1; port <= 4; port++) {
    const client = { address: '203.0.113.7', port };
    kernel.connect({ protocol: 'tcp', client, virtual: { address: '192.0.2.1', port: 80 } }).connection?.send('ACK');
  }
  const { finished } = drain(ipvs, SERVICE, { address: LEAVING }, { deadline: 50, poll: 10, end });
  const result = await finished;
  expect(result).toMatchObject(expected);
  expect('ended' in result).toBe(end);
  const rows = await ipvs.listConnections();
  expect(rows.map(({ destination }) => destination.address).sort()).toEqual([...servers].sort());
});
