/**
 * A whole director by direct routing: the virtual IP on this host, the service in the kernel's table. First it shows what
 * it is about to do, and why; Ctrl-C takes all of it back.
 *
 * Run it as root: `node director.js DEVICE VIP REAL-SERVER...`, as in `node director.js eth0 10.0.0.100 10.0.0.11 10.0.0.12`.
 * On each real server runs real-server.js.
 *
 * @module
 */
import { once } from 'node:events';
import { Ipvs, type ServiceKey } from 'ipvs-ts';
import { Host } from 'ipvs-ts/host';

const [device, vip, ...servers] = process.argv.slice(2);
if (device === undefined || vip === undefined || servers.length === 0) {
  console.error('usage: director DEVICE VIP REAL-SERVER...');
  process.exit(2);
}

// A plan is a plain value, and changes nothing. What this host has already is marked as done.
const host = await Host.open();
const plan = await host.plan({ role: 'director', description: { mode: 'dr', device, vips: [vip] } });
for (const { what, why, done } of plan.steps) console.log(`${done ? 'is so' : 'to do'}: ${what}\n       ${why}`);
for (const { what, hint } of plan.obstacles) console.log(`in the way: ${what}; ${hint}`);

await using ipvs = await Ipvs.open();
const service: ServiceKey = { protocol: 'tcp', address: vip, port: 80 };
await ipvs.addService({ ...service, scheduler: 'rr' });
for (const address of servers) await ipvs.addDestination(service, { address, port: 80, forward: 'dr' });

// Everything is written down before it is done: `revert` works from this file, also after a crash and by another process.
const { path } = await host.apply(plan, { onProgress: ({ step }) => console.log(`done: ${step.what}`) });
console.log(`ready: http://${vip}/ is served by ${servers.join(' and ')}; Ctrl-C ends it`);

// Signals alone don't hold a process open.
const alive = setInterval(() => undefined, 60_000);
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
clearInterval(alive);

const { undone } = await host.revert({ record: path });
for (const { undo } of undone) console.log(`done: ${undo}`);
await ipvs.deleteService(service);
