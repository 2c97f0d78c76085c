/**
 * IPVS_CMD_ATTR_DAEMON <-> sync daemons (kernel: ip_vs_genl_fill_daemon and ip_vs_genl_new_daemon in ip_vs_ctl.c).
 * @module
 */
import { familyOf } from '../address/ip.js';
import { ProtocolError } from '../errors.js';
import type { DaemonRole, NormalSyncDaemon } from '../model/sync-daemon.js';
import type { AttributeReader, AttributeWriter } from '../netlink/attributes.js';
import { addressText, writeAddress } from './address-codec.js';
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
} from './constants.js';

/** Appends a DAEMON nest that names a daemon; the role alone is enough for DEL_DAEMON. */
export function writeDaemonRole(writer: AttributeWriter, role: DaemonRole): void {
  writer.nested(IPVS_CMD_ATTR_DAEMON, () => writer.u32(IPVS_DAEMON_ATTR_STATE, stateNumber(role)));
}

/** Appends a DAEMON nest with all that is given; the kernel has defaults for the rest. */
export function writeDaemon(writer: AttributeWriter, daemon: NormalSyncDaemon): void {
  const { role, interface: device, syncId, maxLength, group, port, ttl } = daemon;
  writer.nested(IPVS_CMD_ATTR_DAEMON, () => {
    writer.u32(IPVS_DAEMON_ATTR_STATE, stateNumber(role));
    writer.string(IPVS_DAEMON_ATTR_MCAST_IFN, device);
    writer.u32(IPVS_DAEMON_ATTR_SYNC_ID, syncId);
    if (maxLength !== undefined) writer.u16(IPVS_DAEMON_ATTR_SYNC_MAXLEN, maxLength);
    if (group !== undefined) writeGroup(writer, group);
    if (port !== undefined) writer.u16(IPVS_DAEMON_ATTR_MCAST_PORT, port);
    if (ttl !== undefined) writer.u8(IPVS_DAEMON_ATTR_MCAST_TTL, ttl);
  });
}

function writeGroup(writer: AttributeWriter, group: string): void {
  const type = familyOf(group) === 'ipv4' ? IPVS_DAEMON_ATTR_MCAST_GROUP : IPVS_DAEMON_ATTR_MCAST_GROUP6;
  writeAddress(writer, type, group);
}

/** The number of a role. */
export function stateNumber(role: DaemonRole): number {
  return role === 'master' ? IP_VS_STATE_MASTER : IP_VS_STATE_BACKUP;
}

/** Reads a DAEMON nest of the kernel. Kernels before 4.3 tell role, interface and id only. */
export function readDaemon(reader: AttributeReader): NormalSyncDaemon {
  const found: { -readonly [Field in keyof NormalSyncDaemon]: NormalSyncDaemon[Field] } = {
    role: 'master',
    interface: '',
    syncId: 0,
  };
  while (reader.next()) {
    switch (reader.type) {
      case IPVS_DAEMON_ATTR_STATE:
        found.role = roleOfState(reader.u32());
        break;
      case IPVS_DAEMON_ATTR_MCAST_IFN:
        found.interface = reader.string();
        break;
      case IPVS_DAEMON_ATTR_SYNC_ID:
        found.syncId = reader.u32();
        break;
      case IPVS_DAEMON_ATTR_SYNC_MAXLEN:
        found.maxLength = reader.u16();
        break;
      case IPVS_DAEMON_ATTR_MCAST_GROUP:
        found.group = addressText(reader.bytes(4), 'ipv4');
        break;
      case IPVS_DAEMON_ATTR_MCAST_GROUP6:
        found.group = addressText(reader.bytes(16), 'ipv6');
        break;
      case IPVS_DAEMON_ATTR_MCAST_PORT:
        found.port = reader.u16();
        break;
      case IPVS_DAEMON_ATTR_MCAST_TTL:
        found.ttl = reader.u8();
        break;
    }
  }
  return found;
}

/** The reverse of {@link stateNumber}. */
export function roleOfState(state: number): DaemonRole {
  if (state === IP_VS_STATE_MASTER) return 'master';
  if (state === IP_VS_STATE_BACKUP) return 'backup';
  throw new ProtocolError(`sync daemon in the state ${state}, which is neither master nor backup`);
}
