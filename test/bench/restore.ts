/**
 * How fast rules are restored: the SDK against `ipvsadm -R` on the same rules in the same kernel, as a ratio, since the
 * machines that this runs on are noisy. `npm run bench`.
 */
import { Ipvs } from 'ipvs-ts';
import { Ipvsadm } from '../lab/ipvsadm.js';
import { median, milliseconds, show, withNamespace } from './measure.js';
import { makeRules, SERVERS, SERVICES } from './rules.js';

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

async function withEmptyTable(work: (ipvs: Ipvs, netns: string) => Promise<void>): Promise<void> {
  await withNamespace(async (netns) => {
    await using ipvs = await Ipvs.open({ netns, source: 'netlink' });
    await work(ipvs, netns);
  });
}
