/**
 * The sysctls of IPVS and of connection tracking, where they do not suit the table. What masquerading needs is in the
 * director's plan (steps.ts). By ipvs-sysctl.rst, unless another source is named.
 * @module
 */
import { formatDestinationKey } from '../model/destination.js';
import { formatServiceKey } from '../model/service-key.js';
import { commandLine, sysctlCommand } from './command-line.js';
import { type Finding, finding } from './finding.js';
import { type Picture, type Server, serversOf, servicesOf } from './picture.js';

const REUSE = 'net.ipv4.vs.conn_reuse_mode';
const CONNTRACK = 'net.ipv4.vs.conntrack';
const QUIESCENT = 'net.ipv4.vs.expire_quiescent_template';
const BACKUP_ONLY = 'net.ipv4.vs.backup_only';

function setCommand(name: string, value: string, { netns }: Picture): { command: string } {
  return { command: commandLine([sysctlCommand(name, value)], netns) };
}

/** With 0, a client that takes a port again stays with its old real server, even a quiesced one. */
export function connReuseMode(picture: Picture): Finding[] {
  const quiesced = quiescedServers(picture);
  const [first] = quiesced;
  if (picture.sysctls[REUSE] !== '0' || first === undefined) return [];
  return [
    finding('conn-reuse-mode', 'warning', {
      subject: REUSE,
      what: `${REUSE} is 0, and ${formatDestinationKey(first.destination)} is quiesced.`,
      why: 'New connections from a client port that was used before still go to it: under load its connections never end.',
      fix: setCommand(REUSE, '1', picture),
    }),
  ];
}

/** Before Linux 5.9, a new connection by a known port lost its SYN and waited a second (kubernetes/kubernetes#81775). */
export function reuseDelay(picture: Picture): Finding[] {
  const { sysctls, release } = picture;
  const mode = sysctls[REUSE];
  if (mode === undefined || mode === '0' || sysctls[CONNTRACK] !== '1' || isAtLeast(release, 5, 9)) return [];
  return [
    finding('reuse-delay', 'warning', {
      subject: REUSE,
      what: `${REUSE} is ${mode} and ${CONNTRACK} is 1, with Linux ${release}.`,
      why: 'Before Linux 5.9, the first SYN from a client port that was used before is dropped: the client waits a second.',
      fix: setCommand(REUSE, '0', picture),
    }),
  ];
}

function isAtLeast(release: string, major: number, minor: number): boolean {
  const [ours = 0, ourMinor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  return ours > major || (ours === major && ourMinor >= minor);
}

/** By default, a client with a persistence template comes back to a real server that is quiesced. */
export function expireQuiescent(picture: Picture): Finding[] {
  if (picture.sysctls[QUIESCENT] !== '0') return [];
  return quiescedServers(picture)
    .filter(({ service, persistentConnections }) => service.persistence !== undefined && persistentConnections !== 0)
    .map(({ service, destination }) =>
      finding('expire-quiescent', 'warning', {
        subject: `${formatDestinationKey(destination)} of ${formatServiceKey(service)}`,
        what: `The real server is quiesced, the service is persistent, and ${QUIESCENT} is 0.`,
        why: 'Clients with a persistence template still get it, and each new connection renews the template: its connections may never end.',
        fix: setCommand(QUIESCENT, '1', picture),
      }),
    );
}

function quiescedServers(picture: Picture): Server[] {
  return serversOf(picture).filter(({ destination }) => destination.weight === 0);
}

/** A full table of connection tracking drops packets of new connections (nf_conntrack_core.c). */
export function conntrackFull(picture: Picture): Finding[] {
  const count = Number(picture.sysctls['net.netfilter.nf_conntrack_count'] ?? 0);
  const max = Number(picture.sysctls['net.netfilter.nf_conntrack_max'] ?? 0);
  if (max === 0 || count < 0.9 * max) return [];
  return [
    finding('conntrack-full', count < max ? 'warning' : 'error', {
      subject: 'net.netfilter.nf_conntrack_max',
      what: `Connection tracking has ${count} entries of ${max} at most.`,
      why: 'When it is full, the kernel drops packets of new connections ("nf_conntrack: table full").',
      fix: { command: commandLine([sysctlCommand('net.netfilter.nf_conntrack_max', String(2 * max))]) },
    }),
  ];
}

/** 2 is the automatic mode while memory is short, 3 is always (update_defense_level in ip_vs_ctl.c). */
export function defence(picture: Picture): Finding[] {
  return DEFENCES.flatMap(({ name, why }) => {
    const sysctl = `net.ipv4.vs.${name}`;
    const value = picture.sysctls[sysctl];
    if (value !== '2' && value !== '3') return [];
    const rate = picture.sysctls['net.ipv4.vs.am_droprate'];
    const dropsAll = name === 'drop_packet' && value === '3' && rate === '1';
    const drops = name === 'drop_packet' && value === '3' ? ` One packet of ${rate} is dropped (am_droprate).` : '';
    return [
      finding('defence', dropsAll ? 'error' : 'warning', {
        subject: sysctl,
        what: `${sysctl} is ${value}: ${value === '3' ? 'always on' : 'switched on by the kernel because memory is short'}.${drops}`,
        why,
        fix: setCommand(sysctl, value === '3' ? '0' : '1', picture),
      }),
    ];
  });
}

const DEFENCES = [
  {
    name: 'drop_entry',
    why: 'The kernel drops half-open connections at random: some clients must try again.',
  },
  { name: 'drop_packet', why: 'The kernel drops packets of clients.' },
  { name: 'secure_tcp', why: 'Connections end after shorter timeouts than those that are set.' },
] as const;

/** All statistics then stand still, counters as well as rates (run_estimation: 6.1 to 7.3). */
export function noEstimation(picture: Picture): Finding[] {
  const isOff = picture.sysctls[ESTIMATION] === '0';
  const hasNoProcessor = picture.sysctls[PROCESSORS] === '';
  if (!(isOff || hasNoProcessor) || servicesOf(picture).length === 0) return [];
  return [
    finding('no-estimation', 'note', {
      subject: isOff ? ESTIMATION : PROCESSORS,
      what: isOff ? `${ESTIMATION} is 0.` : `${PROCESSORS} is an empty list.`,
      why: 'The kernel updates no statistics: counters of connections, packets and bytes stand still, as do rates. They are unknown, not zero.',
      fix: isOff ? setCommand(ESTIMATION, '1', picture) : setCommand(PROCESSORS, 'all', picture),
    }),
  ];
}

const ESTIMATION = 'net.ipv4.vs.run_estimation';
const PROCESSORS = 'net.ipv4.vs.est_cpulist';

/** While a backup daemon runs, such a host lets packets for its services pass by (ip_vs_in_hook in ip_vs_core.c). */
export function backupOnly(picture: Picture): Finding[] {
  const { sysctls, ipvs, host } = picture;
  const isBackup = ipvs?.daemons?.some(({ role }) => role === 'backup') ?? false;
  const vip = servicesOf(picture).find(
    ({ service }) => service.protocol !== 'fwmark' && host.addresses.some(({ address }) => address === service.address),
  );
  if (sysctls[BACKUP_ONLY] === undefined || sysctls[BACKUP_ONLY] === '0' || !isBackup || vip === undefined) return [];
  return [
    finding('backup-only', 'error', {
      subject: BACKUP_ONLY,
      what: `${BACKUP_ONLY} is ${sysctls[BACKUP_ONLY]}, a backup sync daemon runs, and this host has virtual IPs.`,
      why: 'This host balances nothing while that daemon runs: requests end at the host itself.',
      fix: { command: commandLine([['ipvs-ts', '--stop-daemon', 'backup']], picture.netns) },
    }),
  ];
}
