// The addon and the few bytes of netlink that its tests need; for the tests and for the programs that they start.
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Loaded without src/, which plain node can't run: the same way as loadNative() does. */
export function loadAddon() {
  const nodeGypBuild = createRequire(import.meta.url)('node-gyp-build');
  /** @type {import('../../../src/linux/native.js').Native} */
  const native = nodeGypBuild(fileURLToPath(new URL('../../..', import.meta.url)));
  return native;
}

export const AF_NETLINK = 16;
export const SOCK_RAW = 3;
export const NETLINK_ROUTE = 0;
export const NETLINK_GENERIC = 16;

/** struct sockaddr_nl with this port id, in the machine's byte order. @param {number} portId */
export function netlinkAddress(portId) {
  return Uint8Array.from([...uint16(AF_NETLINK), 0, 0, ...uint32(portId), ...uint32(0)]);
}

/** All generic netlink families (CTRL_CMD_GETFAMILY); some kilobytes. @param {number} sequence */
export function dumpFamilies(sequence) {
  return message(0x10, NLM_F_REQUEST | NLM_F_DUMP, sequence, [3, 2, 0, 0]);
}

/** The family 'nlctrl' alone (CTRL_CMD_GETFAMILY by CTRL_ATTR_FAMILY_NAME). @param {number} sequence */
export function getFamily(sequence) {
  const name = [...Buffer.from('nlctrl\0\0')];
  return message(0x10, NLM_F_REQUEST, sequence, [3, 2, 0, 0, ...uint16(4 + 7), ...uint16(2), ...name]);
}

/** All network interfaces (RTM_GETLINK). @param {number} sequence */
export function dumpLinks(sequence) {
  return message(18, NLM_F_REQUEST | NLM_F_DUMP, sequence, new Array(16).fill(0));
}

const NLM_F_REQUEST = 0x1;
const NLM_F_DUMP = 0x300;

/** @param {number} type @param {number} flags @param {number} sequence @param {number[]} payload */
function message(type, flags, sequence, payload) {
  const header = [...uint32(16 + payload.length), ...uint16(type), ...uint16(flags), ...uint32(sequence), ...uint32(0)];
  return Uint8Array.from([...header, ...payload]);
}

/** The messages in a datagram. @param {Uint8Array} datagram */
export function messages(datagram) {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const found = [];
  for (let offset = 0; offset + 16 <= view.byteLength; ) {
    const length = view.getUint32(offset, littleEndian);
    found.push({
      type: view.getUint16(offset + 4, littleEndian),
      sequence: view.getUint32(offset + 8, littleEndian),
      payload: datagram.subarray(offset + 16, offset + length),
    });
    offset += Math.max(16, (length + 3) & ~3);
  }
  return found;
}

const littleEndian = endianness() === 'LE';

/** @param {number} value */
function uint16(value) {
  return new Uint8Array(Uint16Array.of(value).buffer);
}

/** @param {number} value */
export function uint32(value) {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
