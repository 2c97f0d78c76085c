/**
 * The attributes at the top of an IPVS message (ip_vs_cmd_policy in ip_vs_ctl.c).
 * @module
 */
import {
  IPVS_CMD_ATTR_DAEMON,
  IPVS_CMD_ATTR_DEST,
  IPVS_CMD_ATTR_SERVICE,
  IPVS_CMD_ATTR_TIMEOUT_TCP,
  IPVS_CMD_ATTR_TIMEOUT_TCP_FIN,
  IPVS_CMD_ATTR_TIMEOUT_UDP,
} from '../../kernel/constants.js';
import { Attributes } from './attributes.js';
import type { Command, Reply, Request } from './generic.js';
import { type AttributePolicy, NLA_NESTED, NLA_U32 } from './policy.js';

const POLICY: AttributePolicy[] = [];
POLICY[IPVS_CMD_ATTR_SERVICE] = { kind: NLA_NESTED };
POLICY[IPVS_CMD_ATTR_DEST] = { kind: NLA_NESTED };
POLICY[IPVS_CMD_ATTR_DAEMON] = { kind: NLA_NESTED };
POLICY[IPVS_CMD_ATTR_TIMEOUT_TCP] = { kind: NLA_U32 };
POLICY[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN] = { kind: NLA_U32 };
POLICY[IPVS_CMD_ATTR_TIMEOUT_UDP] = { kind: NLA_U32 };

/** IPVS_CMD_ATTR_MAX. */
export const MAX_ATTRIBUTE = POLICY.length - 1;

/** The top-level attributes of whatever message is being answered. */
export function topLevelAttributes(): Attributes {
  return new Attributes(POLICY);
}

/** A command that acts on attributes which keep to the policy; as all of IPVS it needs CAP_NET_ADMIN. */
export function withAttributes(top: Attributes, execute: (request: Request, reply: Reply) => number): Command {
  return {
    needsAdmin: true,
    execute(request, reply) {
      const errno = top.parse(request.bytes, request.start, request.end, request.ack);
      return errno === 0 ? execute(request, reply) : errno;
    },
  };
}
