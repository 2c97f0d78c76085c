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

/**
 * Until Linux 7.1 a table has one size, for all namespaces; its Kconfig wants as many buckets as connections. Since then it
 * grows by itself, as far as conn_tab_bits allows, to 2^conn_lfactor connections for a bucket.
 */
export function tableSmall(picture: Picture): Finding[] {
  const size = picture.ipvs?.info.connectionTableSize ?? 0;
  const count = connectionCount(picture);
  if (size === 0 || count < CROWDED * size) return [];
  const loadFactor = picture.sysctls[LOAD_FACTOR];
  if (loadFactor === undefined && Number.parseFloat(picture.release) >= 7.1) return [];
  const isWanted = loadFactor !== undefined && 2 ** Number(loadFactor) >= CROWDED;
  return [
    finding('table-small', 'warning', {
      subject: isWanted ? LOAD_FACTOR : 'conn_tab_bits',
      what: `There are ${count} connections in ${size} buckets.${isWanted ? ` ${LOAD_FACTOR} is ${loadFactor}.` : ''}`,
      why: 'For each packet the kernel searches all entries of a bucket.',
      fix: {
        command: isWanted
          ? commandLine([sysctlCommand(LOAD_FACTOR, String(DEFAULT_LOAD_FACTOR))], picture.netns)
          : moduleOption(count),
      },
    }),
  ];
}

const LOAD_FACTOR = 'net.ipv4.vs.conn_lfactor';
/** Of the kernel: 16 buckets for a connection. */
const DEFAULT_LOAD_FACTOR = -4;

function moduleOption(count: number): string {
  const bits = Math.min(20, Math.ceil(Math.log2(count)));
  return commandLine([['sh', '-c', `echo options ip_vs conn_tab_bits=${bits} >/etc/modprobe.d/ip_vs.conf`]]);
}

/** At its limit the kernel makes no more connections (ip_vs_conn_new in ip_vs_conn.c, since Linux 7.2). */
export function connectionsFull(picture: Picture): Finding[] {
  const max = Number(picture.sysctls[CONN_MAX] ?? 0);
  const count = connectionCount(picture);
  if (max === 0 || count < NEARLY_FULL * max) return [];
  return [
    finding('connections-full', count < max ? 'warning' : 'error', {
      subject: CONN_MAX,
      what: `There are ${count} connections of ${max} at most.`,
      why: 'At the limit the kernel makes no entry for a new connection: its packets reach no real server.',
      fix: {
        command: commandLine([sysctlCommand(CONN_MAX, String(Math.min(2 * max, MOST_CONNECTIONS)))], picture.netns),
      },
    }),
  ];
}

const CONN_MAX = 'net.ipv4.vs.conn_max';
const MOST_CONNECTIONS = 2 ** 30;
const NEARLY_FULL = 0.9;

/** As the kernel tells it, or of the real servers in the table together. */
function connectionCount(picture: Picture): number {
  const counts = serversOf(picture).map((server) => server.activeConnections + server.inactiveConnections);
  return picture.ipvs?.status?.connections ?? counts.reduce((sum, each) => sum + each, 0);
}
