/**
 * IPVS messages in words, for `IPVS_DEBUG=1`.
 * @module
 */
import type { AttributeReader } from '../netlink/attributes.js';
import { GENL_ID_CTRL, readGeneric } from '../netlink/generic.js';
import type { Message } from '../netlink/message.js';
import * as constants from './constants.js';

/** `NEW_DEST SERVICE{AF=0200 PORT=0050 ...} DEST{...}`: the kernel's names, values in hexadecimal or as text. */
export function describeIpvsMessage(message: Message): string {
  const { command, attributes } = readGeneric(message, 'message');
  if (message.type === GENL_ID_CTRL) return `generic netlink controller, command ${command}`;
  // The answer to GET_INFO has attributes of its own at the top level.
  const prefix = command === constants.IPVS_CMD_SET_INFO ? 'IPVS_INFO_ATTR_' : 'IPVS_CMD_ATTR_';
  return [nameOf('IPVS_CMD_', command), ...describeAttributes(attributes, prefix)].join(' ');
}

/** Nests, and what the names in them start with. */
const NESTS: { readonly [name: string]: string } = {
  IPVS_CMD_ATTR_SERVICE: 'IPVS_SVC_ATTR_',
  IPVS_CMD_ATTR_DEST: 'IPVS_DEST_ATTR_',
  IPVS_CMD_ATTR_DAEMON: 'IPVS_DAEMON_ATTR_',
  IPVS_SVC_ATTR_STATS: 'IPVS_STATS_ATTR_',
  IPVS_SVC_ATTR_STATS64: 'IPVS_STATS_ATTR_',
  IPVS_DEST_ATTR_STATS: 'IPVS_STATS_ATTR_',
  IPVS_DEST_ATTR_STATS64: 'IPVS_STATS_ATTR_',
};

function* describeAttributes(reader: AttributeReader, prefix: string): Generator<string> {
  while (reader.next()) {
    const name = nameOf(prefix, reader.type);
    const inner = NESTS[prefix + name];
    if (inner === undefined) yield `${name}=${describeValue(reader.payload())}`;
    else yield `${name}{${[...describeAttributes(reader.nested(name), inner)].join(' ')}}`;
  }
}

/** Of `IPVS_CMD_ATTR_DEST` with the prefix `IPVS_CMD_ATTR_`: `DEST`; a number that has no name stays one. */
function nameOf(prefix: string, number: number): string {
  const isIt = ([name, value]: [string, unknown]) =>
    value === number && name.startsWith(prefix) && name.startsWith('IPVS_CMD_ATTR_') === (prefix === 'IPVS_CMD_ATTR_');
  return Object.entries(constants).find(isIt)?.[0].slice(prefix.length) ?? String(number);
}

/** Text where it ends in NUL and is printable, else hexadecimal. */
function describeValue(payload: Uint8Array): string {
  const text = Buffer.from(payload).toString('latin1');
  return /^[\x20-\x7e]+\0$/.test(text) ? `"${text.slice(0, -1)}"` : Buffer.from(payload).toString('hex');
}
