/**
 * Keeps a table whose real servers are checked: one that fails has weight 0 until it is back. The table is that of a kernel in
 * memory, and the real servers are two web servers of this program.
 *
 *     node .build/examples/health.js
 *
 * @module
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { Ipvs } from 'ipvs-ts';
import type { DesiredTable } from 'ipvs-ts/config';
import { HealthMonitor } from 'ipvs-ts/health';
import { keep } from 'ipvs-ts/reconcile';
import { SimulatedKernel } from 'ipvs-ts/simulator';

async function start(address: string, port = 0): Promise<Server> {
  const server = createServer((_, response) => response.end('OK')).listen(port, address);
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}

const [first, second] = [await start('127.0.0.11'), await start('127.0.0.12')];
const servers = [
  { address: '127.0.0.11', port: portOf(first), forward: 'nat' },
  { address: '127.0.0.12', port: portOf(second), forward: 'nat' },
] as const;

const table: DesiredTable = {
  services: [{ service: { protocol: 'tcp', address: '192.0.2.10', port: 80, scheduler: 'rr' }, destinations: servers }],
  health: [
    {
      service: 'tcp://192.0.2.10:80',
      checks: [{ type: 'http', path: '/', interval: 100, timeout: 1000, fall: 2, rise: 1 }],
      onFailure: { removeAfter: 'never' },
      // Programs and a FIFO are told as well; here nobody is.
      notify: {},
    },
  ],
};

await using ipvs = await Ipvs.open({ kernel: new SimulatedKernel() });
const end = new AbortController();
// What is to happen next, and who waits for it.
let awaited = { type: '', happened: () => {} };
const next = (type: string) => new Promise<void>((happened) => (awaited = { type, happened }));

using monitor = new HealthMonitor({
  onEvent: (event) => {
    if (event.type === 'server') console.log(`${event.status}: ${event.server.replace(/:\d+$/, '')}`);
  },
});
const ready = next('ready');
const kept = keep(
  ipvs,
  { read: () => table },
  {
    health: monitor,
    signal: end.signal,
    onEvent: ({ type }) => {
      if (type === awaited.type) awaited.happened();
    },
  },
);
await ready;
await show();

const down = next('health');
second.close();
second.closeAllConnections();
await down;
await show();

const up = next('health');
const again = await start('127.0.0.12', servers[1].port);
await up;
await show();

end.abort();
await kept;
for (const server of [first, again]) {
  server.close();
  server.closeAllConnections();
}

async function show(): Promise<void> {
  const entries = await ipvs.listDestinations('tcp://192.0.2.10:80');
  const weights = entries.map(({ destination: { address, weight } }) => `${address} ${weight}`).sort();
  console.log(`weights: ${weights.join(', ')}`);
}
