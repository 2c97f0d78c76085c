/**
 * Generic netlink: its header, and the family's number, which differs from boot to boot.
 * @module
 */
import { KernelError, ProtocolError } from '../errors.js';
import type { CallOptions } from '../model/call-options.js';
import { AttributeReader, type AttributeWriter } from './attributes.js';
import type { Connection } from './connection.js';
import type { Message } from './message.js';

/** linux/genetlink.h: the controller, the one family whose number is fixed. */
export const GENL_ID_CTRL = 0x10;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;

const HEADER = 4;

/** Appends a genlmsghdr. */
export function writeGenericHeader(writer: AttributeWriter, command: number, version: number): void {
  const start = writer.reserve(HEADER);
  writer.setU8(start, command);
  writer.setU8(start + 1, version);
}

/** The command of a generic netlink message, and a cursor over its attributes. */
export function readGeneric(message: Message, what: string): { command: number; attributes: AttributeReader } {
  if (message.end - message.start < HEADER) throw new ProtocolError(`${what}: no generic netlink header`);
  return {
    command: message.bytes.view.getUint8(message.start),
    attributes: new AttributeReader(message.bytes, message.start + HEADER, message.end, what),
  };
}

/**
 * The number of a family; undefined where the kernel has none of that name. Asking makes the kernel load the family's
 * module where it can.
 */
export async function resolveFamily(
  connection: Connection,
  name: string,
  options: CallOptions = {},
): Promise<number | undefined> {
  const request = {
    type: GENL_ID_CTRL,
    command: 'find generic netlink family',
    object: () => name,
    write(writer: AttributeWriter) {
      writeGenericHeader(writer, CTRL_CMD_GETFAMILY, 1);
      writer.string(CTRL_ATTR_FAMILY_NAME, name);
    },
  };
  try {
    return await connection.query(request, readFamilyId, options);
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function readFamilyId(message: Message): number {
  const { attributes } = readGeneric(message, 'generic netlink family');
  while (attributes.next()) if (attributes.type === CTRL_ATTR_FAMILY_ID) return attributes.u16();
  throw new ProtocolError('generic netlink family: no CTRL_ATTR_FAMILY_ID');
}
