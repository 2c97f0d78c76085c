/**
 * Sync daemons: of this director, and of another one where its daemons are given.
 * @module
 */
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import { type Command, commandLine, sysctlCommand } from './command-line.js';
import { type Finding, finding } from './finding.js';
import type { Picture } from './picture.js';

/** A daemon whose interface is missing or down sends and receives nothing. */
export function syncInterface({ ipvs, host, netns }: Picture): Finding[] {
  return (ipvs?.daemons ?? []).flatMap(({ role, interface: device }) => {
    const link = host.links.find(({ name }) => name === device);
    if (link?.up) return [];
    return [
      finding('sync-interface', 'error', {
        subject: `${role} on ${device}`,
        what: `The ${role} sync daemon works on ${device}, which is ${link === undefined ? 'not there' : 'down'}.`,
        why: 'The other director learns of no connections: they end when it takes over.',
        fix: {
          command: commandLine(
            [link === undefined ? ['ipvs-ts', '--stop-daemon', role] : ['ip', 'link', 'set', device, 'up']],
            netns,
          ),
        },
      }),
    ];
  });
}

/** A backup with an id other than 0 takes the messages of that id alone (ip_vs_process_message in ip_vs_sync.c). */
function hears(backup: NormalSyncDaemon, master: NormalSyncDaemon): boolean {
  return backup.syncId === 0 || backup.syncId === master.syncId;
}

/** Two ids on one host are right only where the other director has them the other way round. */
export function syncIds({ ipvs }: Picture): Finding[] {
  const master = ipvs?.daemons?.find(({ role }) => role === 'master');
  const backup = ipvs?.daemons?.find(({ role }) => role === 'backup');
  if (master === undefined || backup === undefined || hears(backup, master)) return [];
  return [
    finding('sync-ids', 'note', {
      subject: `syncid ${master.syncId} and ${backup.syncId}`,
      what: `The master sends with the id ${master.syncId}, and the backup receives ${backup.syncId}.`,
      why: 'This is right if both directors are active and the other one has these ids exchanged.',
      fix: { command: 'ipvs-ts settings --json', on: 'the other director' },
    }),
  ];
}

/** What this director sends the other one must take, and the other way round. */
export function syncPeer({ ipvs, peer, netns }: Picture): Finding[] {
  const own = ipvs?.daemons;
  if (own === undefined || peer === undefined) return [];
  return [...masterUnheard(own, peer, THIS, OTHER, netns), ...masterUnheard(peer, own, OTHER, THIS, netns)];
}

/** A backup that waits for messages which nobody sends. */
export function syncUnsent({ ipvs, peer }: Picture): Finding[] {
  const backup = ipvs?.daemons?.find(({ role }) => role === 'backup');
  if (backup === undefined || peer === undefined || peer.some(({ role }) => role === 'master')) return [];
  const { interface: device, syncId, group, port } = backup;
  const start = ['ipvs-ts', '--start-daemon', 'master', '--mcast-interface', device, '--syncid', String(syncId)];
  if (group !== undefined) start.push('--mcast-group', group);
  if (port !== undefined) start.push('--mcast-port', String(port));
  return [
    finding('sync-unsent', 'error', {
      subject: 'backup of this director',
      what: `Nobody sends to the backup of this director: ${OTHER} runs no master.`,
      why: 'This director learns of no connections: they end when it takes over.',
      fix: { command: commandLine([start]), on: OTHER },
    }),
  ];
}

/** The kernel takes messages from anybody (ip_vs_process_message): they can end and move connections. */
export function syncExposed({ ipvs, host }: Picture): Finding[] {
  const backup = ipvs?.daemons?.find(({ role }) => role === 'backup');
  const vips = new Set(ipvs?.table.services.flatMap(({ service }) => ('address' in service ? service.address : [])));
  if (backup === undefined) return [];
  const { interface: device } = backup;
  const leadsOut = host.routes.some((route) => route.device === device && route.gateway !== undefined);
  const hasVip = host.addresses.some((each) => each.device === device && vips.has(each.address));
  if (!leadsOut && !hasVip) return [];
  return [
    finding('sync-exposed', 'warning', {
      subject: `backup on ${device}`,
      what: `The backup sync daemon listens on ${device}, ${hasVip ? 'where clients come in' : 'which leads to other networks'}.`,
      why: 'Sync messages are not authenticated: whoever is in that network can end and move connections.',
      fix: {
        command: 'ip -brief link',
        manual: 'Run both daemons on a device that only the two directors share.',
      },
    }),
  ];
}

/** Version 0 knows no IPv6, no marks, no timeouts (struct ip_vs_sync_conn_v0). */
export function syncVersion({ ipvs, sysctls, netns }: Picture): Finding[] {
  const name = 'net.ipv4.vs.sync_version';
  if (sysctls[name] !== '0' || (ipvs?.daemons ?? []).length === 0) return [];
  return [
    finding('sync-version', 'warning', {
      subject: name,
      what: `${name} is 0: messages have the form of Linux before 2.6.39.`,
      why: 'They have no IPv6, no marks and no timeouts. Connections of such services end when the other director takes over.',
      fix: { command: commandLine([sysctlCommand(name, '1')], netns) },
    }),
  ];
}

/** Bytes of a connection in a message of version 1, and connections of a message of 1,500 bytes (ip_vs_sync.c). */
const CONNECTION = 36;
const MESSAGE = 40;

/** What is in the table at once, as after a restart of the other director. */
export function syncBuffers({ ipvs, sysctls, connections, netns }: Picture): Finding[] {
  const daemons = ipvs?.daemons ?? [];
  const [size, queue] = ['net.ipv4.vs.sync_sock_size', 'net.ipv4.vs.sync_qlen_max'];
  // 0: what the system gives a socket.
  const bytes = Number(sysctls[size] ?? 0) || Number(sysctls['net.core.rmem_default'] ?? 0);
  const messages = Number(sysctls[queue] ?? 0);
  const count = connections.length;
  const tooSmall = [
    ...(bytes > 0 && count * CONNECTION > bytes
      ? [{ name: size, now: `${bytes} bytes`, value: 2 * count * CONNECTION }]
      : []),
    ...(messages > 0 && count > messages * MESSAGE
      ? [{ name: queue, now: `${messages} messages`, value: Math.ceil((2 * count) / MESSAGE) }]
      : []),
  ];
  if (daemons.length === 0) return [];
  return tooSmall.map(({ name, now, value }) =>
    finding('sync-buffers', 'note', {
      subject: name,
      what: `The table has ${count} connections or more, and ${name} gives room for ${now}.`,
      why: 'When many connections change at once, messages are lost, and their connections end when the other director takes over.',
      fix: { command: commandLine([sysctlCommand(name, String(value))], netns) },
    }),
  );
}

const THIS = 'this director';
const OTHER = 'the other director';

function masterUnheard(
  senders: readonly NormalSyncDaemon[],
  takers: readonly NormalSyncDaemon[],
  sender: string,
  taker: string,
  netns: string | undefined,
): Finding[] {
  const master = senders.find(({ role }) => role === 'master');
  if (master === undefined) return [];
  const backup = takers.find(({ role }) => role === 'backup');
  const differing = backup === undefined ? [] : differences(master, backup);
  if (backup !== undefined && differing.length === 0) return [];
  const isHere = taker === THIS;
  return [
    finding('sync-peer', 'error', {
      subject: `master of ${sender}`,
      what:
        backup === undefined
          ? `Nobody listens to the master of ${sender}: ${taker} runs no backup.`
          : `The master of ${sender} and the backup of ${taker} differ: ${differing.join(', ')}.`,
      why: 'Connections are not synchronised, and end when the other director takes over.',
      fix: {
        command: commandLine(takerCommands(master, backup), isHere ? netns : undefined),
        ...(!isHere && { on: OTHER }),
      },
    }),
  ];
}

/** Kernels before 4.3 tell neither group nor port, which are then the usual ones. */
function differences(master: NormalSyncDaemon, backup: NormalSyncDaemon): string[] {
  const pairs = [
    ['group', master.group, backup.group],
    ['port', master.port, backup.port],
  ] as const;
  const unlike = pairs.filter(([, sent, taken]) => sent !== undefined && taken !== undefined && sent !== taken);
  return [
    ...(hears(backup, master) ? [] : [`id ${master.syncId} and ${backup.syncId}`]),
    ...unlike.map(([name, sent, taken]) => `${name} ${sent} and ${taken}`),
  ];
}

function takerCommands(master: NormalSyncDaemon, backup: NormalSyncDaemon | undefined): Command[] {
  const { syncId, group, port } = master;
  const start = ['ipvs-ts', '--start-daemon', 'backup', '--mcast-interface', (backup ?? master).interface];
  start.push('--syncid', String(syncId));
  if (group !== undefined) start.push('--mcast-group', group);
  if (port !== undefined) start.push('--mcast-port', String(port));
  return [...(backup === undefined ? [] : [['ipvs-ts', '--stop-daemon', 'backup']]), start];
}
