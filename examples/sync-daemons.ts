/**
 * Starts the sync daemons, by which a director tells another about its connections, lists them and stops them.
 *
 * The network interface may be given; default lo.
 *
 *     sudo node .build/examples/sync-daemons.js eth0
 *
 * @module
 */
import { type DaemonRole, KernelError } from 'ipvs-ts';
import { openIpvs } from './shared/open.js';

const [networkInterface = 'lo'] = process.argv.slice(2);

await using ipvs = await openIpvs();
const started: DaemonRole[] = [];
try {
  for (const role of ['master', 'backup'] as const) {
    await ipvs.startDaemon({ role, interface: networkInterface, syncId: 7, ttl: 2 });
    started.push(role);
  }
  for (const daemon of await ipvs.daemons()) {
    const { role, syncId, group, port, ttl } = daemon;
    console.log(`${role} on ${daemon.interface}: id ${syncId}, group ${group}, port ${port}, ttl ${ttl}`);
  }
} catch (error) {
  // Such as EEXIST, where one of this role is running, and ENODEV.
  if (!(error instanceof KernelError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
} finally {
  for (const role of started) await ipvs.stopDaemon(role);
}
console.log(`stopped ${started.length}`);
