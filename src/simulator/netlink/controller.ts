/**
 * The controller, the family that tells of the families (ctrl_getfamily in net/netlink/genetlink.c, Linux 6.1).
 * @module
 */
import type { AttributeWriter } from '../../netlink/attributes.js';
import { GENL_ID_CTRL } from '../../netlink/generic.js';
import type { ReleaseTraits } from '../release.js';
import { Attributes } from './attributes.js';
import { EINVAL, ENOENT } from './errno.js';
import type { Command, GenericFamily } from './generic.js';
import { type AttributePolicy, NLA_NUL_STRING, NLA_U16 } from './policy.js';

const CTRL_CMD_NEWFAMILY = 1;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_CMD_MAX = 10;

const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;
const CTRL_ATTR_VERSION = 3;
const CTRL_ATTR_HDRSIZE = 4;
const CTRL_ATTR_MAXATTR = 5;
const CTRL_ATTR_OPS = 6;

const CTRL_ATTR_OP_ID = 1;
const CTRL_ATTR_OP_FLAGS = 2;

const GENL_ADMIN_PERM = 0x1;
const GENL_CMD_CAP_DO = 0x2;
const GENL_CMD_CAP_DUMP = 0x4;
const GENL_CMD_CAP_HASPOL = 0x8;

const POLICY: AttributePolicy[] = [];
POLICY[CTRL_ATTR_FAMILY_ID] = { kind: NLA_U16 };
POLICY[CTRL_ATTR_FAMILY_NAME] = { kind: NLA_NUL_STRING, length: 15 };

/** The controller of a kernel that has these families and no more. */
export function controller(families: readonly GenericFamily[], traits: ReleaseTraits): GenericFamily {
  const attributes = new Attributes(POLICY);

  const getFamily: Command = {
    needsAdmin: false,
    execute({ bytes, start, end, ack }, reply) {
      const errno = attributes.parse(bytes, start, end, ack);
      if (errno !== 0) return errno;
      const byName = attributes.has(CTRL_ATTR_FAMILY_NAME);
      if (!byName && !attributes.has(CTRL_ATTR_FAMILY_ID)) return EINVAL;
      const found = byName
        ? families.find(({ name }) => name === attributes.string(CTRL_ATTR_FAMILY_NAME))
        : families.find(({ id }) => id === attributes.u16(CTRL_ATTR_FAMILY_ID));
      if (found === undefined) return ENOENT;
      reply.message(CTRL_CMD_NEWFAMILY, (writer) => writeFamily(writer, found, traits));
      return 0;
    },
  };

  const commands: Command[] = [];
  commands[CTRL_CMD_GETFAMILY] = getFamily;
  return { name: 'nlctrl', id: GENL_ID_CTRL, version: 2, maxAttribute: 0, commands, strictFrom: CTRL_CMD_MAX + 1 };
}

function writeFamily(writer: AttributeWriter, family: GenericFamily, traits: ReleaseTraits): void {
  const { name, id, version, maxAttribute, commands } = family;
  writer.string(CTRL_ATTR_FAMILY_NAME, name);
  writer.u16(CTRL_ATTR_FAMILY_ID, id);
  writer.u32(CTRL_ATTR_VERSION, version);
  writer.u32(CTRL_ATTR_HDRSIZE, 0);
  writer.u32(CTRL_ATTR_MAXATTR, maxAttribute);
  writer.nested(CTRL_ATTR_OPS, () => {
    let index = 0;
    for (const [number, command] of commands.entries()) {
      if (command === undefined) continue;
      writer.nested(++index, () => {
        writer.u32(CTRL_ATTR_OP_ID, number);
        writer.u32(CTRL_ATTR_OP_FLAGS, flagsOf(command, traits));
      });
    }
  });
}

function flagsOf({ needsAdmin, execute, dump }: Command, { dumpsHavePolicy }: ReleaseTraits): number {
  return (
    (needsAdmin ? GENL_ADMIN_PERM : 0) |
    (execute === undefined ? 0 : GENL_CMD_CAP_DO) |
    (dump === undefined ? 0 : GENL_CMD_CAP_DUMP) |
    (execute === undefined && !dumpsHavePolicy ? 0 : GENL_CMD_CAP_HASPOL)
  );
}
