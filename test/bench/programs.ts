/**
 * Whole processes, from start to end: the command against ipvsadm, and against Node doing nothing.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median, show, withNamespace } from './measure.js';
import { makeRules, SERVERS, SERVICES } from './rules.js';

const IPVS_TS = fileURLToPath(new URL('../../../dist/bin/ipvs-ts.cjs', import.meta.url));
const NOTHING = [process.execPath, '-e', '0'];
const STARTS = 21;
const RESTORES = 5;

const directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-bench-'));
const rules = join(directory, 'rules');
writeFileSync(rules, makeRules());
try {
  const nothing: number[] = [];
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < STARTS; round++) {
    nothing.push(run(NOTHING));
    ours.push(run([process.execPath, IPVS_TS, '-Ln']));
    theirs.push(run(['ipvsadm', '-Ln']));
  }
  console.log(`listing an empty table, whole process, ${STARTS} rounds, medians`);
  console.log(`  node -e 0    ${median(nothing).toFixed(0)} ms`);
  console.log(
    `  ipvs-ts -Ln  ${median(ours).toFixed(0)} ms, ${(median(ours) / median(nothing)).toFixed(2)} times that`,
  );
  console.log(`  ipvsadm -Ln  ${median(theirs).toFixed(0)} ms`);

  const restored: Record<'node -e 0' | 'ipvs-ts -R' | 'ipvsadm -R', number[]> = {
    'node -e 0': [],
    'ipvs-ts -R': [],
    'ipvsadm -R': [],
  };
  for (let round = 0; round < RESTORES; round++) {
    restored['node -e 0'].push(await restore(NOTHING));
    restored['ipvs-ts -R'].push(await restore([process.execPath, IPVS_TS, '-R']));
    restored['ipvsadm -R'].push(await restore(['ipvsadm', '-R']));
  }
  console.log(`restore of ${SERVICES} services with ${SERVERS} real servers each, whole process, entered by nsenter`);
  for (const [name, times] of Object.entries(restored)) console.log(`  ${name.padEnd(10)}  ${show(times)} ms`);
  const ratio = median(restored['ipvsadm -R']) / median(restored['ipvs-ts -R']);
  const bound = median(restored['ipvsadm -R']) / median(restored['node -e 0']);
  console.log(`  ratio       ${ratio.toFixed(1)} of the medians; ${bound.toFixed(1)} if ipvs-ts did nothing but start`);
} finally {
  rmSync(directory, { recursive: true });
}

/** In a namespace of its own; both pay for nsenter. */
async function restore(command: readonly string[]): Promise<number> {
  let time = 0;
  await withNamespace(async (netns) => {
    time = run(['nsenter', `--net=${netns}`, ...command]);
  });
  return time;
}

/** Milliseconds. */
function run([program = '', ...args]: readonly string[]): number {
  const input = openSync(rules, 'r');
  const start = performance.now();
  const { status, stderr } = spawnSync(program, args, { stdio: [input, 'pipe', 'pipe'] });
  const time = performance.now() - start;
  closeSync(input);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return time;
}
