// Draws the guides' pictures (docs/guide/*.svg) from captures in the lab.
//
//   node scripts/draw.mjs

import { spawnSync } from 'node:child_process';
import { root, setupOrExit } from './setup.mjs';

setupOrExit({ packages: 'tests', native: true, typescript: true });
const test = ['node_modules/vitest/vitest.mjs', 'run', '--project=interop', 'test/interop/drawings.test.ts'];
// What is written in the lab is gone with it, but for the directory that is shared.
const lab = ['.build/test/lab/run.js', '--share', 'docs/guide', '--', 'env', 'DRAW=1', process.execPath, ...test];
process.exitCode = spawnSync(process.execPath, lab, { cwd: root, stdio: 'inherit' }).status ?? 1;
