// One thread or process of races.test.ts: does what its first argument names until it is told to stop, and says how often.
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Ipvs, RestoreError } from 'ipvs-ts';

const [task, text] = isMainThread ? process.argv.slice(2) : workerData;
const ipvs = await Ipvs.open({ timeout: 60_000 });
let stopped = false;
parentPort?.once('message', () => {
  stopped = true;
});

/** @param {number} n */
async function cycle(n) {
  const port = 1 + (n % 60_000);
  const service = /** @type {const} */ (`udp://172.16.0.1:${port}`);
  await ipvs.addService({ protocol: 'udp', address: '172.16.0.1', port, scheduler: 'wlc' });
  await ipvs.addDestination(service, { address: '172.16.1.1', forward: 'nat' });
  await ipvs.updateDestination(service, { address: '172.16.1.1', forward: 'nat', weight: 5 });
  await ipvs.deleteService(service);
}

/** Says which lines the kernel refused, and why. */
async function restore() {
  try {
    await ipvs.restore(text);
    return [];
  } catch (error) {
    if (!(error instanceof RestoreError)) throw error;
    return error.failures.map(({ line, error: refusal }) => [line, 'code' in refusal ? refusal.code : refusal.message]);
  }
}

async function cycles() {
  let rounds = 0;
  for (; !stopped; rounds++) {
    await cycle(rounds);
    if (rounds === 0) parentPort?.postMessage('begun');
  }
  return rounds;
}

const result = task === 'restore' ? await restore() : await cycles();
await ipvs.close();
if (isMainThread) console.log(JSON.stringify(result));
else parentPort?.postMessage(result);
