/**
 * Lists the services with their destinations, what they have counted and how busy they are; like `ipvsadm -Ln --rate`.
 *
 * With CAP_NET_ADMIN it speaks netlink. Without, it reads /proc/net/ip_vs, which knows no statistics, and says so.
 *
 *     node .build/examples/list.js
 *
 * @module
 */
import { formatServiceKey, type Stats, type TableService } from 'ipvs-ts';
import { openIpvs } from './shared/open.js';

await using ipvs = await openIpvs();
if (ipvs.fallbackReason !== undefined) {
  console.log(`Read from /proc, without statistics: ${ipvs.fallbackReason.message}`);
}

const { version, connectionTableSize } = await ipvs.info();
console.log(`IPVS ${version}, connection table of ${connectionTableSize} buckets`);

const { services } = await ipvs.snapshot();
if (services.length === 0) console.log('no services');
for (const entry of services) print(entry);

function print({ service, stats, destinations }: TableService): void {
  console.log(`${formatServiceKey(service)}  ${service.scheduler}${counted(stats)}`);
  for (const { destination, activeConnections, inactiveConnections, stats } of destinations) {
    const { address, port, forward, weight } = destination;
    const connections = `${activeConnections} active, ${inactiveConnections} inactive`;
    console.log(`  -> ${address} port ${port}  ${forward}, weight ${weight}, ${connections}${counted(stats)}`);
  }
}

/** Counters are bigint, for they may pass 2^53; rates are numbers. */
function counted(stats: Stats | undefined): string {
  if (stats === undefined) return '';
  const { connections, inBytes, rates } = stats;
  return `  [${connections} connections, ${inBytes} bytes in; now ${rates.connections}/s, ${rates.inBytes} bytes/s]`;
}
