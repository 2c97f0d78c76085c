// npm start: makes the clone ready, boots a kernel with IPVS and tells the story of examples/cluster.ts in it.

import { spawn } from 'node:child_process';
import { root, setupOrExit } from './setup.mjs';

setupOrExit({ packages: true, native: true, typescript: true });

// In the lab output goes to a file, so only here it is known whether a terminal shows it.
const colour = process.stdout.isTTY && !process.env['NO_COLOR'] ? { FORCE_COLOR: '1' } : {};
console.log('Kernel: booting');
const story = spawn(process.execPath, ['.build/test/lab/run.js', process.execPath, '.build/examples/cluster.js'], {
  cwd: root,
  env: { ...process.env, ...colour },
  stdio: 'inherit',
});
// Ctrl-C reaches the child too. It ends the guest, and this process waits for that.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => story.kill('SIGTERM'));
// 125: no kernel can be had, or it died; the lab has said why.
story.once('exit', (code) => {
  process.exitCode = code === null || code === 125 ? 1 : code;
});
