/**
 * Tests a program that manages IPVS where no kernel has it: on a kernel in memory, with clients of its own, and a clock that
 * goes when it is told to.
 *
 * What is tested is `drain`: it takes no new clients to a real server, waits until the last one has gone, and removes it.
 *
 *     node .build/examples/simulator.js
 *
 * @module
 */
import { type DestinationKey, Ipvs, type ServiceKeyText } from 'ipvs-ts';
import { SimulatedKernel, whatIf } from 'ipvs-ts/simulator';

/** The program. It knows nothing of any simulator: the client it gets may be of any kernel, and so may the pause. */
async function drain(ipvs: Ipvs, service: ServiceKeyText, key: DestinationKey, pause: () => Promise<void>) {
  for (;;) {
    const entries = await ipvs.listDestinations(service);
    const entry = entries.find(({ destination }) => destination.address === key.address);
    if (entry === undefined) return;
    const { destination, activeConnections } = entry;
    if (destination.weight !== 0) await ipvs.updateDestination(service, { ...destination, weight: 0 });
    else if (activeConnections === 0) await ipvs.deleteDestination(service, key);
    await pause();
  }
}

const kernel = new SimulatedKernel({ now: () => 0 });
await using ipvs = await Ipvs.open({ kernel });
const service: ServiceKeyText = 'tcp://192.0.2.10:80';
await ipvs.restore(`
-A -t 192.0.2.10:80 -s rr
-a -t 192.0.2.10:80 -r 198.51.100.1:80 -m
-a -t 192.0.2.10:80 -r 198.51.100.2:80 -m
`);
const table = await ipvs.snapshot();

// Four clients come, and their connections are established.
const virtual = { address: '192.0.2.10', port: 80 };
const connections = [1, 2, 3, 4].map((number) => {
  const client = { address: `203.0.113.${number}`, port: 50_000 };
  const { connection, refused } = kernel.connect({ protocol: 'tcp', client, virtual });
  if (connection === undefined) throw new Error(`client ${number} was refused: ${refused}`);
  connection.reply('SYN', 'ACK');
  connection.send('ACK');
  console.log(`client ${number} -> ${connection.destination.address} ${connection.state}`);
  return connection;
});

// The clients of the first real server leave while it is drained, one a minute.
const leaving = connections.filter(({ destination }) => destination.address === '198.51.100.1');
let minutes = 0;
await drain(ipvs, service, { address: '198.51.100.1' }, async () => {
  leaving.shift()?.send('FIN', 'ACK');
  kernel.advance(60_000);
  minutes++;
});
console.log(`drained in ${minutes} minutes`);
const left = await ipvs.listConnections({ state: 'ESTABLISHED' });
console.log(
  `still connected: ${left
    .map(({ client }) => client.address)
    .sort()
    .join(', ')}`,
);

// What would have happened to a hundred thousand clients with a third real server?
const traffic = { clients: 100_000, rate: 1000, seconds: 60, duration: { distribution: 'fixed', mean: 5 } } as const;
const changes = [{ change: 'add', server: { address: '198.51.100.3', forward: 'nat' } }] as const;
for (const { scheduler, moved } of await whatIf(table, traffic, { changes, schedulers: ['rr', 'sh', 'mh'] })) {
  const { clients, changed } = moved ?? { clients: 0, changed: 0 };
  console.log(`${scheduler}: ${Math.round((100 * changed) / clients)} % of the clients that came back moved`);
}
