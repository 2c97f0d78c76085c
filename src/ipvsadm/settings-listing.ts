/**
 * What `ipvsadm -L --timeout`, `-L --daemon` and `-v` print (1.31), byte for byte.
 * @module
 */
import { DAEMON_ROLES, type NormalSyncDaemon } from '../model/sync-daemon.js';
import type { Timeouts } from '../model/timeouts.js';

/** The line of `ipvsadm -L --timeout` (ipvsadm.c 1.31, `list_timeout`); all in seconds. */
export function formatTimeouts({ tcp, tcpFin, udp }: Timeouts): string {
  return `Timeout (tcp tcpfin udp): ${tcp} ${tcpFin} ${udp}\n`;
}

/** The lines of `ipvsadm -L --daemon`, master first; empty where none runs (ipvsadm.c 1.31, `list_daemon`). */
export function formatDaemons(daemons: readonly NormalSyncDaemon[]): string {
  return DAEMON_ROLES.flatMap((role) => daemons.filter((daemon) => daemon.role === role))
    .map(formatDaemon)
    .join('');
}

/** Kernels before 4.3 know no more than interface and id; what is not there ipvsadm leaves out. */
function formatDaemon(daemon: NormalSyncDaemon): string {
  const { role, interface: device, syncId, maxLength, group, port, ttl } = daemon;
  const attributes = [`mcast=${device}`, `syncid=${syncId}`];
  if (maxLength !== undefined) attributes.push(`maxlen=${maxLength}`);
  if (group !== undefined) attributes.push(`group=${group}`);
  if (port !== undefined) attributes.push(`port=${port}`);
  if (ttl !== undefined) attributes.push(`ttl=${ttl}`);
  return `${role} sync daemon (${attributes.join(', ')})\n`;
}

/**
 * The line of `ipvsadm -v` (ipvsadm.c 1.31, `version`). The version of IPVS in it is the one that ipvsadm was compiled
 * with, not the running kernel's.
 */
export const IPVSADM_VERSION_LINE = 'ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n';
