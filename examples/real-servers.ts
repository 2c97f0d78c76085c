/**
 * Adds real servers to a service, gives one of them more weight, quiesces another and removes it.
 *
 * The service is at 192.0.2.10, an address for documentation, and is deleted at the end.
 *
 *     sudo node .build/examples/real-servers.js
 *
 * @module
 */
import type { Destination, ServiceKeyText } from 'ipvs-ts';
import { openIpvs } from './shared/open.js';

const service: ServiceKeyText = 'tcp://192.0.2.10:80';

const first = { address: '198.51.100.1', port: 8080, forward: 'nat' } satisfies Destination;
const second = { address: '198.51.100.2', port: 8080, forward: 'nat' } satisfies Destination;

await using ipvs = await openIpvs();
await ipvs.addService({ protocol: 'tcp', address: '192.0.2.10', port: 80, scheduler: 'wrr' });
try {
  await ipvs.addDestination(service, first);
  await ipvs.addDestination(service, second);
  await show('added');

  // A destination is updated as a whole: what is left out goes back to its default.
  await ipvs.updateDestination(service, { ...first, weight: 3, upperThreshold: 1000 });
  await show('reweighted');

  // Weight 0: connections that are there go on, new ones go elsewhere.
  await ipvs.updateDestination(service, { ...second, weight: 0 });
  await show('quiesced');

  // An address and a port name a destination within its service.
  await ipvs.deleteDestination(service, second);
  await show('removed');
} finally {
  await ipvs.deleteService(service);
}

async function show(what: string): Promise<void> {
  const entries = await ipvs.listDestinations(service);
  const servers = entries.map(({ destination: { address, port, weight, upperThreshold } }) => {
    const limit = upperThreshold === undefined ? '' : ` at most ${upperThreshold} connections`;
    return `${address}:${port} weight ${weight}${limit}`;
  });
  console.log(`${what}: ${servers.sort().join(', ')}`);
}
