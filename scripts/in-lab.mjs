// Makes the clone ready and runs one of its programs on a real kernel, in the lab (test/lab).

import { spawn, spawnSync } from 'node:child_process';
import { root, setupOrExit } from './setup.mjs';

/**
 * Ends with the program's exit code, or 1 where no kernel can be had.
 *
 * @param {string} program below .build
 * @param {Options} [options]
 *
 * @typedef {object} Options
 * @property {'tests' | 'story'} [packages] which Debian packages it takes (scripts/setup.mjs)
 * @property {string} [otherwise] the program to run where no kernel can be had, on this machine
 * @property {readonly string[]} [args] the program's arguments
 * @property {readonly string[]} [lab] options of the lab (test/lab/run.ts)
 * @property {() => unknown} [onSuccess] what to do on this machine when the program has ended well
 */
export function runInLab(program, { packages = 'tests', otherwise, args = [], lab: options = [], onSuccess } = {}) {
  setupOrExit({ packages, native: true, typescript: true });
  // In the lab output goes to a file, so only here it is known whether a terminal shows it.
  const colour = process.stdout.isTTY && !process.env['NO_COLOR'] ? { FORCE_COLOR: '1' } : {};
  console.log('Kernel: booting');
  const command = [process.execPath, `.build/${program}`, ...args];
  const lab = spawn(process.execPath, ['.build/test/lab/run.js', ...options, '--', ...command], {
    cwd: root,
    env: { ...process.env, ...colour },
    stdio: 'inherit',
  });
  // Ctrl-C reaches the child too. It ends the guest, and this process waits for that.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => lab.kill('SIGTERM'));
  // 125: no kernel can be had, or it died; the lab has said why.
  lab.once('exit', (code) => {
    if (code === 125 && otherwise !== undefined) return runSimulated(otherwise);
    process.exitCode = code === null || code === 125 ? 1 : code;
    if (code === 0) onSuccess?.();
  });
}

/** @param {string} program below .build */
function runSimulated(program) {
  console.log('Kernel: none, so what follows runs on a simulated one, in memory\n');
  const { status } = spawnSync(process.execPath, [`.build/${program}`], { cwd: root, stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
