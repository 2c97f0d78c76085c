/**
 * How fast rules are restored: the SDK against `ipvsadm -R` on the same rules in the same kernel, as a ratio, since the
 * machines that this runs on are noisy. `npm run bench`.
 */
import { Ipvs } from 'ipvs-ts';
import { Ipvsadm } from '../lab/ipvsadm.js';
import { succeed } from '../lab/process.js';

const SERVICES = 1000;
const SERVERS = 10;
const ROUNDS = 9;

const rules = makeRules();
const ours: number[] = [];
const theirs: number[] = [];
const saved = new Set<string>();
// By turns: what the machine is up to changes within one run.
for (let round = 0; round < ROUNDS; round++) {
  await withEmptyTable(async (ipvs) => {
    ours.push(await milliseconds(() => ipvs.restore(rules)));
    saved.add(await ipvs.save());
  });
  await withEmptyTable(async (ipvs, netns) => {
    await using ipvsadm = new Ipvsadm(netns);
    await ipvsadm.ok('-v');
    theirs.push(await milliseconds(() => ipvsadm.ok('-R', rules)));
    saved.add(await ipvs.save());
  });
}
if (saved.size !== 1) throw new Error('the two did not write the same table');

const ratios = theirs.map((time, round) => time / (ours[round] ?? Number.NaN));
console.log(`restore of ${SERVICES} services with ${SERVERS} real servers each, ${ROUNDS} rounds in one process`);
console.log(`  ipvsadm -R  ${show(theirs)} ms`);
console.log(`  ipvs-ts     ${show(ours)} ms`);
console.log(`  ratio       ${ratios.map((ratio) => ratio.toFixed(1)).join(', ')}; median ${median(ratios).toFixed(1)}`);

/**
 * Each round has a namespace of its own: the kernel keeps deleted destinations for two minutes and looks through all of
 * them whenever one is added (ip_vs_trash_get_dest), so that a second restore after a flush measures that.
 */
async function withEmptyTable(work: (ipvs: Ipvs, netns: string) => Promise<void>): Promise<void> {
  const name = `bench-${process.pid}`;
  await succeed('ip', ['netns', 'add', name]);
  await succeed('ip', ['-netns', name, 'link', 'set', 'lo', 'up']);
  try {
    await using ipvs = await Ipvs.open({ netns: name, source: 'netlink' });
    await work(ipvs, `/run/netns/${name}`);
  } finally {
    await succeed('ip', ['netns', 'delete', name]);
  }
}

function show(times: readonly number[]): string {
  return times.map((time) => time.toFixed(0)).join(', ');
}

function makeRules(): string {
  const lines: string[] = [];
  for (let n = 0; n < SERVICES; n++) {
    const service = `10.1.${n >> 8}.${n & 255}:80`;
    lines.push(`-A -t ${service} -s wlc`);
    for (let server = 1; server <= SERVERS; server++) {
      lines.push(`-a -t ${service} -r 10.${100 + server}.${n >> 8}.${n & 255}:80 -m -w ${server}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
}
