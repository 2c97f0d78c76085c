/**
 * Works on the table of another network namespace. Each has a table of its own; the process stays where it is.
 *
 *     sudo ip netns add blue && sudo ip -n blue link set lo up
 *     sudo node .build/examples/netns.js blue                  # as `ip netns` names it
 *     sudo node .build/examples/netns.js /proc/1234/ns/net     # a container's, by one of its processes
 *
 * @module
 */
import { Ipvs } from 'ipvs-ts';

const [netns] = process.argv.slice(2);
if (netns === undefined) {
  console.error('usage: node .build/examples/netns.js NAME|PATH');
  process.exit(2);
}

await using here = await Ipvs.open();
await using there = await Ipvs.open({ netns });

await there.addService({ protocol: 'tcp', address: '192.0.2.10', port: 80, scheduler: 'rr' });
try {
  console.log(`${netns} has the service: ${await has(there)}`);
  console.log(`this process's own namespace has it: ${await has(here)}`);
} finally {
  await there.deleteService('tcp://192.0.2.10:80');
}

async function has(ipvs: Ipvs): Promise<'yes' | 'no'> {
  return (await ipvs.getService('tcp://192.0.2.10:80')) === undefined ? 'no' : 'yes';
}
