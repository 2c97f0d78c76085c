// Terminates five workers in the middle of their work, and then does some work itself.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Ipvs } from 'ipvs-ts';

const workers = Array.from({ length: 5 }, () => new Worker(new URL('./worker.mjs', import.meta.url)));
await Promise.all(workers.map((worker) => once(worker, 'message')));
await Promise.all(workers.map((worker) => worker.terminate()));
const ipvs = await Ipvs.open();
await ipvs.flush();
await ipvs.addService({ protocol: 'fwmark', mark: 1 });
console.log((await ipvs.listServices()).length);
await ipvs.flush();
