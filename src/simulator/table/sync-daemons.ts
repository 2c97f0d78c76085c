/**
 * The daemons that would tell other directors of connections (net/netfilter/ipvs/ip_vs_sync.c, Linux 6.1): what the kernel
 * knows of them. They send nothing.
 * @module
 */
import type { Family } from '../../address/ip.js';
import {
  IP_VS_STATE_BACKUP,
  IP_VS_STATE_MASTER,
  IPVS_CMD_ATTR_DAEMON,
  IPVS_DAEMON_ATTR_MCAST_GROUP,
  IPVS_DAEMON_ATTR_MCAST_GROUP6,
  IPVS_DAEMON_ATTR_MCAST_IFN,
  IPVS_DAEMON_ATTR_MCAST_PORT,
  IPVS_DAEMON_ATTR_MCAST_TTL,
  IPVS_DAEMON_ATTR_STATE,
  IPVS_DAEMON_ATTR_SYNC_ID,
  IPVS_DAEMON_ATTR_SYNC_MAXLEN,
} from '../../kernel/constants.js';
import type { AttributeWriter } from '../../netlink/attributes.js';
import { EEXIST, EINVAL, ENETUNREACH, ENODEV, ESRCH } from '../netlink/errno.js';
import type { Host } from './host.js';

/** A daemon's settings; what is 0 or undefined has a default. */
export interface DaemonSettings {
  interfaceName: string;
  syncId: number;
  maxLength: number;
  group: { family: Family; address: Uint8Array } | undefined;
  port: number;
  ttl: number;
}

/** IP_VS_SYNC_GROUP and IP_VS_SYNC_PORT. */
export const DEFAULT_GROUP: { readonly family: Family; readonly address: Uint8Array } = {
  family: 'ipv4',
  address: Uint8Array.of(224, 0, 0, 81),
};
const DEFAULT_PORT = 8848;

/** The daemons of a namespace: at most one of each state. */
export class SyncDaemons {
  readonly #host: Host;
  readonly #running = new Map<number, DaemonSettings>();

  constructor(host: Host) {
    this.#host = host;
  }

  get any(): boolean {
    return this.#running.size > 0;
  }

  /** The settings of a daemon, if it runs. */
  get(state: number): Readonly<DaemonSettings> | undefined {
    return this.#running.get(state);
  }

  /** start_sync_thread. 0 or an errno. */
  start(state: number, settings: DaemonSettings): number {
    const mtu = this.#host.mtu(settings.interfaceName);
    if (mtu === undefined) return ENODEV;
    if (state !== IP_VS_STATE_MASTER && state !== IP_VS_STATE_BACKUP) return EINVAL;
    if (this.#running.has(state)) return EEXIST;
    const group = settings.group ?? DEFAULT_GROUP;
    // A master connects its socket to the group.
    if (
      state === IP_VS_STATE_MASTER &&
      group.family === 'ipv6' &&
      !this.#host.reachesIPv6Groups(settings.interfaceName)
    ) {
      return ENETUNREACH;
    }
    this.#running.set(state, {
      ...settings,
      group,
      port: settings.port === 0 ? DEFAULT_PORT : settings.port,
      ttl: settings.ttl === 0 ? 1 : settings.ttl,
      maxLength: maxLength(state, settings.maxLength, mtu, group.family),
    });
    return 0;
  }

  /** stop_sync_thread. 0 or an errno. */
  stop(state: number): number {
    if (state !== IP_VS_STATE_MASTER && state !== IP_VS_STATE_BACKUP) return EINVAL;
    return this.#running.delete(state) ? 0 : ESRCH;
  }
}

/** What fits into a packet; a backup takes what the interface can carry. */
function maxLength(state: number, wanted: number, mtu: number, family: Family): number {
  const headers = (family === 'ipv4' ? 20 : 40) + 8;
  const isBackup = state === IP_VS_STATE_BACKUP;
  if (wanted === 0) return (isBackup ? Math.min(Math.max(mtu, 1500), 65535) : 1500) - headers;
  return Math.min(Math.max(wanted, isBackup ? 1024 : 1), 65535 - headers);
}

/** Appends the DAEMON nest (ip_vs_genl_fill_daemon). */
export function writeDaemon(writer: AttributeWriter, state: number, daemon: Readonly<DaemonSettings>): void {
  const nest = writer.beginNest(IPVS_CMD_ATTR_DAEMON);
  writer.u32(IPVS_DAEMON_ATTR_STATE, state);
  writer.string(IPVS_DAEMON_ATTR_MCAST_IFN, daemon.interfaceName);
  writer.u32(IPVS_DAEMON_ATTR_SYNC_ID, daemon.syncId);
  writer.u16(IPVS_DAEMON_ATTR_SYNC_MAXLEN, daemon.maxLength);
  writer.u16(IPVS_DAEMON_ATTR_MCAST_PORT, daemon.port);
  writer.u8(IPVS_DAEMON_ATTR_MCAST_TTL, daemon.ttl);
  const { family, address } = daemon.group ?? DEFAULT_GROUP;
  writer.bytes(family === 'ipv4' ? IPVS_DAEMON_ATTR_MCAST_GROUP : IPVS_DAEMON_ATTR_MCAST_GROUP6, address);
  writer.endNest(nest);
}
