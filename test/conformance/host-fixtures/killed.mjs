// Does `up` or `down` and is killed (SIGKILL) after the k-th write: node killed.mjs JSON. Counted are half a line of the
// record, a whole one, a sysctl, and a message that changes the host. Ends by itself, with exit code 0, if there are not so
// many.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { Host } from '../../../dist/host.js';
import { Connection } from '../../../dist/netlink/connection.js';

const { verb, plan, netns, kill } = JSON.parse(process.argv[2] ?? '');

let left = kill;
function count() {
  left -= 1;
  if (left === 0) process.kill(process.pid, 'SIGKILL');
}

const { writeSync } = fs;
Object.assign(fs, {
  /** @param {number} descriptor @param {string} text */
  writeSync(descriptor, text) {
    const half = text.startsWith('{') ? Math.floor(text.length / 2) : 0;
    if (half > 0) {
      writeSync(descriptor, text.slice(0, half));
      count();
    }
    writeSync(descriptor, text.slice(half));
    count();
    return text.length;
  },
});
syncBuiltinESMExports();

const { execute } = Connection.prototype;
/** @param {Parameters<typeof execute>} call */
Connection.prototype.execute = async function (...call) {
  await execute.apply(this, call);
  count();
};

const host = await Host.open({ netns });
if (verb === 'up') {
  await host.apply(plan);
} else {
  await host.revert();
}
