/**
 * A program of its own: opens many clients and prints the KiB of memory that each takes, resident and known to V8. It needs
 * `--expose-gc`.
 */
import { Ipvs } from 'ipvs-ts';

const COUNT = 500;

interface Used {
  readonly resident: number;
  readonly known: number;
}

function used(): Used {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, known: heapUsed + external };
}

async function open(count: number): Promise<Ipvs[]> {
  const clients: Ipvs[] = [];
  for (let n = 0; n < count; n++) clients.push(await Ipvs.open({ source: 'netlink' }));
  return clients;
}

// The code has run by then, and the modules are loaded.
const warm = await open(10);
const before = used();
const clients = await open(COUNT);
const after = used();
console.log(`${(after.resident - before.resident) / COUNT / 1024} ${(after.known - before.known) / COUNT / 1024}`);
for (const client of [...warm, ...clients]) await client.close();
