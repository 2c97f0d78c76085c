/**
 * What the connection table shows. Of a large one only the beginning is looked at (MAX_CONNECTIONS).
 * @module
 */
import { commandLine, sysctlCommand } from './command-line.js';
import { type Finding, finding } from './finding.js';
import { type Picture, serversOf } from './picture.js';
import { isLocal } from './routes.js';

/** Connections for each bucket from which the table is reported. */
const CROWDED = 8;

/**
 * Packets of connections whose real server was taken out are dropped in silence, unless expire_nodest_conn says otherwise
 * (ipvs-sysctl.rst).
 */
export function expireNodest(picture: Picture): Finding[] {
  const name = 'net.ipv4.vs.expire_nodest_conn';
  if (picture.sysctls[name] !== '0' || picture.ipvs === undefined) return [];
  const servers = new Set(serversOf(picture).map(({ destination }) => destination.address));
  const orphans = picture.connections.filter(({ destination }) => !servers.has(destination.address));
  if (orphans.length === 0) return [];
  const missing = [...new Set(orphans.map(({ destination }) => destination.address))];
  return [
    finding('expire-nodest', 'warning', {
      subject: missing.join(', '),
      what: `${orphans.length} connections belong to real servers that are no longer in the table, and ${name} is 0.`,
      why: 'Their packets are dropped silently: clients wait until their own timeouts.',
      fix: { command: commandLine([sysctlCommand(name, '1')], picture.netns) },
    }),
  ];
}

/**
 * The director's own request has the virtual IP as its source, for the route to it is local. A real server for DR or TUN has
 * that address itself, and answers nobody.
 */
export function ownClient(picture: Picture): Finding[] {
  const direct = serversOf(picture).filter(({ destination: { forward } }) => forward === 'dr' || forward === 'tun');
  const addresses = new Set(direct.map(({ destination }) => destination.address));
  const own = picture.connections.find(
    ({ client, destination }) => addresses.has(destination.address) && isLocal(client.address, picture.host),
  );
  if (own === undefined) return [];
  return [
    finding('own-client', 'note', {
      subject: own.client.address,
      what: `This director is a client of its own service: a connection from ${own.client.address} goes to ${own.destination.address}.`,
      why: 'With DR and TUN no answer comes if the request has the virtual IP as its source.',
      fix: { command: commandLine([['ipvs-ts', 'connections', '--client', own.client.address]], picture.netns) },
    }),
  ];
}

/** The kernel's Kconfig wants as many buckets as connections; since Linux 7.1 the table grows by itself. */
export function tableSmall(picture: Picture): Finding[] {
  const size = picture.ipvs?.info.connectionTableSize ?? 0;
  const counts = serversOf(picture).map((server) => server.activeConnections + server.inactiveConnections);
  const count = counts.reduce((sum, each) => sum + each, 0);
  if (size === 0 || count < CROWDED * size || Number.parseFloat(picture.release) >= 7.1) return [];
  const bits = Math.min(20, Math.ceil(Math.log2(count)));
  const file = '/etc/modprobe.d/ip_vs.conf';
  return [
    finding('table-small', 'warning', {
      subject: 'conn_tab_bits',
      what: `There are ${count} connections in ${size} buckets.`,
      why: 'For each packet the kernel searches all entries of a bucket.',
      fix: { command: commandLine([['sh', '-c', `echo options ip_vs conn_tab_bits=${bits} >${file}`]]) },
    }),
  ];
}
