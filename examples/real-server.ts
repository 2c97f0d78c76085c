/**
 * What a real server needs for direct routing: it takes packets for the virtual IP, and is silent when the network asks
 * who has it. The other modes differ in the description alone.
 *
 * Run it as root on each real server: `node real-server.js up VIP` and `node real-server.js down`. What is between may be a
 * crash or a day; not a reboot, which takes everything back by itself.
 *
 * @module
 */
import { Host, type RealServer } from 'ipvs-ts/host';

const [verb, vip] = process.argv.slice(2);
const host = await Host.open();
if (verb === 'up' && vip !== undefined) await up({ mode: 'dr', vips: [vip] });
else if (verb === 'down') await down();
else {
  console.error('usage: real-server up VIP | real-server down');
  process.exitCode = 2;
}

async function up(description: RealServer): Promise<void> {
  const plan = await host.plan({ role: 'real-server', description });
  const { record, already } = await host.apply(plan);
  for (const { what } of already) console.log(`was so: ${what}`);
  for (const { step } of record.steps) console.log(`done: ${step.what}`);
}

async function down(): Promise<void> {
  const { undone, left } = await host.revert({ role: 'real-server' });
  for (const { undo } of undone) console.log(`done: ${undo}`);
  // What somebody else has changed meanwhile is not ours to put back.
  for (const { what } of left) console.log(`left: ${what}`);
}
