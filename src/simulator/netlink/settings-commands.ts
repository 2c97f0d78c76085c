/**
 * The commands about timeouts and the version (ip_vs_genl_set_config and ip_vs_genl_get_cmd in ip_vs_ctl.c).
 * @module
 */
import {
  IPVS_CMD_ATTR_TIMEOUT_TCP,
  IPVS_CMD_ATTR_TIMEOUT_TCP_FIN,
  IPVS_CMD_ATTR_TIMEOUT_UDP,
  IPVS_CMD_GET_CONFIG,
  IPVS_CMD_GET_INFO,
  IPVS_CMD_SET_CONFIG,
  IPVS_CMD_SET_INFO,
  IPVS_INFO_ATTR_CONN_TAB_SIZE,
  IPVS_INFO_ATTR_VERSION,
} from '../../kernel/constants.js';
import type { Namespace } from '../table/namespace.js';
import type { Command } from './generic.js';
import { topLevelAttributes, withAttributes } from './top-level.js';

/** The commands by number. There is no SET_INFO: it is the answer to GET_INFO alone. */
export function settingsCommands(namespace: Namespace): Command[] {
  const top = topLevelAttributes();
  const seconds = (type: number) => (top.has(type) ? top.u32(type) | 0 : 0);

  const commands: Command[] = [];
  commands[IPVS_CMD_SET_CONFIG] = withAttributes(top, () =>
    namespace.setTimeouts({
      tcp: seconds(IPVS_CMD_ATTR_TIMEOUT_TCP),
      tcpFin: seconds(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN),
      udp: seconds(IPVS_CMD_ATTR_TIMEOUT_UDP),
    }),
  );
  commands[IPVS_CMD_GET_CONFIG] = withAttributes(top, (_, reply) => {
    const { timeouts } = namespace;
    reply.message(IPVS_CMD_SET_CONFIG, (writer) => {
      writer.u32(IPVS_CMD_ATTR_TIMEOUT_TCP, timeouts.tcp);
      writer.u32(IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, timeouts.tcpFin);
      writer.u32(IPVS_CMD_ATTR_TIMEOUT_UDP, timeouts.udp);
    });
    return 0;
  });
  commands[IPVS_CMD_GET_INFO] = withAttributes(top, (_, reply) => {
    const { version, connectionTableSize } = namespace.options;
    reply.message(IPVS_CMD_SET_INFO, (writer) => {
      writer.u32(IPVS_INFO_ATTR_VERSION, version);
      writer.u32(IPVS_INFO_ATTR_CONN_TAB_SIZE, connectionTableSize);
    });
    return 0;
  });
  return commands;
}
