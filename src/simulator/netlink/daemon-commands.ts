/**
 * The commands about sync daemons (ip_vs_genl_set_daemon and ip_vs_genl_dump_daemons in ip_vs_ctl.c).
 * @module
 */
import {
  IP_VS_STATE_BACKUP,
  IP_VS_STATE_MASTER,
  IPVS_CMD_ATTR_DAEMON,
  IPVS_CMD_DEL_DAEMON,
  IPVS_CMD_GET_DAEMON,
  IPVS_CMD_NEW_DAEMON,
  IPVS_DAEMON_ATTR_MCAST_GROUP,
  IPVS_DAEMON_ATTR_MCAST_GROUP6,
  IPVS_DAEMON_ATTR_MCAST_IFN,
  IPVS_DAEMON_ATTR_MCAST_PORT,
  IPVS_DAEMON_ATTR_MCAST_TTL,
  IPVS_DAEMON_ATTR_STATE,
  IPVS_DAEMON_ATTR_SYNC_ID,
  IPVS_DAEMON_ATTR_SYNC_MAXLEN,
} from '../../kernel/constants.js';
import type { Namespace } from '../table/namespace.js';
import { type DaemonSettings, type SyncDaemons, writeDaemon } from '../table/sync-daemons.js';
import { Attributes } from './attributes.js';
import { EINVAL } from './errno.js';
import type { Command, Piece } from './generic.js';
import { type AttributePolicy, NLA_NUL_STRING, NLA_U8, NLA_U16, NLA_U32, NLA_UNSPEC } from './policy.js';
import { topLevelAttributes, withAttributes } from './top-level.js';

const POLICY: AttributePolicy[] = [];
POLICY[IPVS_DAEMON_ATTR_STATE] = { kind: NLA_U32 };
POLICY[IPVS_DAEMON_ATTR_MCAST_IFN] = { kind: NLA_NUL_STRING, length: 15 };
POLICY[IPVS_DAEMON_ATTR_SYNC_ID] = { kind: NLA_U32 };
POLICY[IPVS_DAEMON_ATTR_SYNC_MAXLEN] = { kind: NLA_U16 };
POLICY[IPVS_DAEMON_ATTR_MCAST_GROUP] = { kind: NLA_U32 };
POLICY[IPVS_DAEMON_ATTR_MCAST_GROUP6] = { kind: NLA_UNSPEC, length: 16 };
POLICY[IPVS_DAEMON_ATTR_MCAST_PORT] = { kind: NLA_U16 };
POLICY[IPVS_DAEMON_ATTR_MCAST_TTL] = { kind: NLA_U8 };

/** The commands by number. */
export function daemonCommands(namespace: Namespace): Command[] {
  const { daemons } = namespace;
  const top = topLevelAttributes();
  const attributes = new Attributes(POLICY);

  /** A command with a DAEMON nest, the only one of which the kernel says what is wrong with it. */
  const ofDaemon = (execute: () => number): Command =>
    withAttributes(top, ({ bytes, ack }) => {
      const start = top.start(IPVS_CMD_ATTR_DAEMON);
      if (start === 0) return EINVAL;
      return attributes.parse(bytes, start, start + top.length(IPVS_CMD_ATTR_DAEMON), ack) === 0 ? execute() : EINVAL;
    });

  const commands: Command[] = [];
  commands[IPVS_CMD_NEW_DAEMON] = ofDaemon(() => {
    const settings = readSettings(attributes);
    if (settings === undefined || namespace.mixedDestinations > 0) return EINVAL;
    return daemons.start(attributes.u32(IPVS_DAEMON_ATTR_STATE), settings);
  });
  commands[IPVS_CMD_DEL_DAEMON] = ofDaemon(() =>
    attributes.has(IPVS_DAEMON_ATTR_STATE) ? daemons.stop(attributes.u32(IPVS_DAEMON_ATTR_STATE)) : EINVAL,
  );
  commands[IPVS_CMD_GET_DAEMON] = {
    needsAdmin: true,
    dump: (_, piece, position) => dumpDaemons(daemons, piece, position),
  };
  return commands;
}

/** Undefined for what is EINVAL: something is missing, or the group is no multicast address. */
function readSettings(attributes: Attributes): DaemonSettings | undefined {
  if (
    !attributes.has(IPVS_DAEMON_ATTR_STATE) ||
    !attributes.has(IPVS_DAEMON_ATTR_MCAST_IFN) ||
    !attributes.has(IPVS_DAEMON_ATTR_SYNC_ID)
  ) {
    return undefined;
  }
  const group = readGroup(attributes);
  if (group === 'invalid') return undefined;
  return {
    interfaceName: attributes.string(IPVS_DAEMON_ATTR_MCAST_IFN),
    syncId: attributes.u32(IPVS_DAEMON_ATTR_SYNC_ID),
    maxLength: attributes.has(IPVS_DAEMON_ATTR_SYNC_MAXLEN) ? attributes.u16(IPVS_DAEMON_ATTR_SYNC_MAXLEN) : 0,
    group,
    port: attributes.has(IPVS_DAEMON_ATTR_MCAST_PORT) ? attributes.u16(IPVS_DAEMON_ATTR_MCAST_PORT) : 0,
    ttl: attributes.has(IPVS_DAEMON_ATTR_MCAST_TTL) ? attributes.u8(IPVS_DAEMON_ATTR_MCAST_TTL) : 0,
  };
}

/** An IPv4 group goes before one of IPv6. */
function readGroup(attributes: Attributes): DaemonSettings['group'] | 'invalid' {
  if (attributes.has(IPVS_DAEMON_ATTR_MCAST_GROUP)) {
    const address = new Uint8Array(4);
    attributes.copy(IPVS_DAEMON_ATTR_MCAST_GROUP, address);
    return ((address[0] ?? 0) & 0xf0) === 0xe0 ? { family: 'ipv4', address } : 'invalid';
  }
  if (!attributes.has(IPVS_DAEMON_ATTR_MCAST_GROUP6)) return undefined;
  const address = new Uint8Array(16);
  attributes.copy(IPVS_DAEMON_ATTR_MCAST_GROUP6, address);
  return address[0] === 0xff ? { family: 'ipv6', address } : 'invalid';
}

/** The position is a set of bits: the states that were told (cb->args in the kernel). */
function dumpDaemons(daemons: SyncDaemons, piece: Piece, position: number): number {
  let told = position;
  for (const state of [IP_VS_STATE_MASTER, IP_VS_STATE_BACKUP]) {
    const daemon = daemons.get(state);
    if (daemon === undefined || (told & state) !== 0) continue;
    if (!piece.message(IPVS_CMD_NEW_DAEMON, (writer) => writeDaemon(writer, state, daemon))) break;
    told |= state;
  }
  return told;
}
