/**
 * `IPVS_DEBUG=1`: every message on stderr, in words. A wrapper around the socket, so that it costs nothing when off.
 * @module
 */
import { errnoName } from '../errors.js';
import { Bytes } from './attributes.js';
import {
  type Message,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_MIN_TYPE,
  NLMSG_NOOP,
  readErrno,
  readExtendedAck,
  readMessages,
} from './message.js';
import type { Transport } from './transport.js';

/** Prints what passes through `transport`. `describe` words the messages that are not netlink's own. */
export function debugTransport(
  transport: Transport,
  describe: (message: Message) => string,
  print: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Transport {
  const printAll = (arrow: string, datagram: Uint8Array) => {
    for (const line of describeDatagram(datagram, describe)) print(`ipvs ${arrow} ${line}`);
  };
  return {
    send(datagram) {
      printAll('>', datagram);
      const result = transport.send(datagram);
      if (result < 0) print(`ipvs > ${errnoName(result)}`);
      return result;
    },
    receiveMany(into, lengths) {
      const result = transport.receiveMany(into, lengths);
      const share = Math.floor(into.length / lengths.length);
      for (const [index, length] of lengths.subarray(0, Math.max(0, result)).entries()) {
        printAll('<', into.subarray(index * share, index * share + length));
      }
      if (result < 0) print(`ipvs < ${errnoName(result)}`);
      return result;
    },
    watch: (onReadable) => transport.watch(onReadable),
    unwatch: () => transport.unwatch(),
    close: () => transport.close(),
  };
}

function describeDatagram(datagram: Uint8Array, describe: (message: Message) => string): string[] {
  const lines: string[] = [];
  try {
    for (const message of readMessages(new Bytes(datagram), datagram.length)) {
      const { sequence, flags } = message;
      lines.push(`#${sequence} flags 0x${flags.toString(16)} ${describeMessage(message, describe)}`);
    }
  } catch (error) {
    lines.push(`unreadable: ${error instanceof Error ? error.message : String(error)}`);
  }
  return lines;
}

function describeMessage(message: Message, describe: (message: Message) => string): string {
  if (message.type >= NLMSG_MIN_TYPE) return describe(message);
  if (message.type === NLMSG_NOOP) return 'no-op';
  if (message.type !== NLMSG_ERROR && message.type !== NLMSG_DONE) return `netlink message of type ${message.type}`;
  const errno = readErrno(message);
  const what = message.type === NLMSG_DONE ? 'done' : errno === 0 ? 'acknowledged' : 'refused';
  return [what, ...(errno === 0 ? [] : [errnoName(errno)]), readExtendedAck(message)?.message ?? '']
    .join(' ')
    .trimEnd();
}
