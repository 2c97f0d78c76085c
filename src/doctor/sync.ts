/**
 * Sync daemons: of this director, and of another one where its daemons are given.
 * @module
 */
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import { type Command, commandLine } from './command-line.js';
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
