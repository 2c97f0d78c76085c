// Uses a client without pause, in every way, until it is terminated.
import { parentPort } from 'node:worker_threads';
import { Ipvs } from 'ipvs-ts';

const ipvs = await Ipvs.open();
const rules = Array.from({ length: 100 }, (_, n) => `-A -f ${n + 1}\n-a -f ${n + 1} -r 10.0.0.1`).join('\n');
for (let round = 0; ; round++) {
  // Several workers share the table: refusals are part of the game.
  await Promise.all([
    ipvs.restore(rules).catch(() => {}),
    ipvs.listServices(),
    ipvs.snapshot().catch(() => {}),
    ipvs.listConnections(),
  ]);
  await ipvs.flush();
  if (round === 1) parentPort?.postMessage('busy');
}
