// One thread or process of races.test.ts: does what its first argument names until it is told to stop, and says how often.
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Ipvs, RestoreError } from 'ipvs-ts';

const [task, text] = isMainThread ? process.argv.slice(2) : workerData;
const ipvs = await Ipvs.open({ timeout: 60_000 });
let stopped = false;
parentPort?.once('message', () => {
  stopped = true;
});

const ROUNDS = {
  /** @param {number} n */
  async cycle(n) {
    const port = 1 + (n % 60_000);
    const service = /** @type {const} */ (`udp://172.16.0.1:${port}`);
    await ipvs.addService({ protocol: 'udp', address: '172.16.0.1', port, scheduler: 'wlc' });
    await ipvs.addDestination(service, { address: '172.16.1.1', forward: 'nat' });
    await ipvs.updateDestination(service, { address: '172.16.1.1', forward: 'nat', weight: 5 });
    await ipvs.deleteService(service);
  },
  // At each moment one or two of the services are there, the one with a server at least.
  /** @param {number} n */
  async move(n) {
    /** @param {number} number */
    const service = (number) => /** @type {const} */ (`tcp://10.77.0.1:${1 + (number % 50)}`);
    await ipvs.addService({ protocol: 'tcp', address: '10.77.0.1', port: 1 + ((n + 1) % 50) });
    await ipvs.addDestination(service(n + 1), { address: '10.78.0.1', forward: 'nat' });
    await ipvs.addDestination(service(n + 1), { address: '10.78.0.2', forward: 'nat' });
    await ipvs.deleteDestination(service(n + 1), { address: '10.78.0.2' });
    await ipvs.deleteService(service(n));
    // A snapshot needs two equal readings.
    if (n % 5 === 0) await sleep(200);
  },
};

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

/** @param {(round: number) => Promise<void>} round */
async function repeat(round) {
  // The one that the first move takes away.
  if (round === ROUNDS.move) await ipvs.addService({ protocol: 'tcp', address: '10.77.0.1', port: 1 });
  let rounds = 0;
  for (; !stopped; rounds++) {
    await round(rounds);
    if (rounds === 0) parentPort?.postMessage('begun');
  }
  return rounds;
}

const result = task === 'restore' ? await restore() : await repeat(task === 'cycle' ? ROUNDS.cycle : ROUNDS.move);
await ipvs.close();
if (isMainThread) console.log(JSON.stringify(result));
else parentPort?.postMessage(result);
