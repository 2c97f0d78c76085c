/**
 * ICMP echo: whether a host answers. By a socket of datagrams where net.ipv4.ping_group_range lets this process have one, else by
 * a raw one, which needs CAP_NET_RAW.
 * @module
 */
import { type Family, familyOf } from '../address/ip.js';
import { KernelError } from '../errors.js';
import { IPPROTO_IP, IPPROTO_IPV6, inetAddress, integer } from './inet-socket.js';
import {
  AF_INET,
  AF_INET6,
  type NativeError,
  type NativeSocket,
  SO_BINDTODEVICE,
  SO_MARK,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_SOCKET,
} from './native.js';
import { openSocket } from './socket.js';

/** linux/in.h, linux/in6.h */
const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const IP_RECVERR = 11;
const IPV6_RECVERR = 25;

/** linux/icmp.h, linux/icmpv6.h */
const REQUEST: Readonly<Record<Family, number>> = { ipv4: 8, ipv6: 128 };
const REPLY: Readonly<Record<Family, number>> = { ipv4: 0, ipv6: 129 };

/** Bytes before the data of an echo: type, code, checksum, id, sequence. */
const HEADER = 8;
/** Bytes; more than any reply that is looked for. */
const LONGEST = 1500;
const EAGAIN = -11;

/** An echo request. The kernel sets the id of a socket of datagrams, and the checksum of IPv6. */
export function echoRequest(family: Family, id: number, data: Uint8Array): Buffer {
  const message = Buffer.concat([Buffer.alloc(HEADER), data]);
  message[0] = REQUEST[family];
  message.writeUInt16BE(id, 4);
  message.writeUInt16BE(1, 6);
  if (family === 'ipv4') message.writeUInt16BE(checksum(message), 2);
  return message;
}

/** RFC 1071. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const [index, byte] of bytes.entries()) sum += index % 2 === 0 ? byte << 8 : byte;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Whether this is the reply to the request with these data. A raw socket of IPv4 gives the IP header too. */
export function isEchoReply(received: Uint8Array, family: Family, data: Uint8Array): boolean {
  const first = received[0] ?? 0;
  // A reply begins with 0 or 129, and an IPv4 header with 0x45 to 0x4f.
  const message = family === 'ipv4' && first >> 4 === 4 ? received.subarray(4 * (first & 0xf)) : received;
  return message[0] === REPLY[family] && Buffer.compare(message.subarray(HEADER), data) === 0;
}

/** Where to. */
export interface EchoOptions {
  readonly address: string;
  /** The address of this host to call from. */
  readonly source?: string | undefined;
  /** The device to call by. */
  readonly device?: string | undefined;
  /** The mark that the packets have on this host. */
  readonly mark?: number | undefined;
}

/** Asks one host. */
export class EchoSocket implements Disposable {
  readonly #socket: NativeSocket;
  readonly #address: string;
  readonly #family: Family;

  private constructor(socket: NativeSocket, address: string) {
    this.#socket = socket;
    this.#address = address;
    this.#family = familyOf(address);
  }

  /**
   * @throws {UnavailableError} without the addon, or the right to a socket of either kind.
   * @throws {KernelError} without a route to the host, or the source.
   */
  static open({ address, source, device, mark }: EchoOptions): EchoSocket {
    const family = familyOf(address);
    const socket = openEither(family);
    const [level, name] = family === 'ipv4' ? [IPPROTO_IP, IP_RECVERR] : [IPPROTO_IPV6, IPV6_RECVERR];
    const errno =
      // That a router says it cannot reach the host is an error of the socket then.
      socket.setOption(level, name, integer(1)) ||
      (device === undefined ? 0 : socket.setOption(SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${device}\0`))) ||
      (mark === undefined ? 0 : socket.setOption(SOL_SOCKET, SO_MARK, integer(mark))) ||
      (source === undefined ? 0 : socket.bind(inetAddress(source))) ||
      socket.connect(inetAddress(address));
    if (errno === 0) return new EchoSocket(socket, address);
    socket.close();
    throw new KernelError({ errno, command: 'open echo socket', object: `to ${address}` });
  }

  /**
   * Sends a request with these data, at random so that no reply to another one is taken for its own; resolves with the reply. The
   * process is held until then, or until the socket is closed; it stays pending if that comes first.
   * Rejects with a {@link KernelError}: `EHOSTUNREACH`, `ECONNREFUSED`, ...
   */
  ask(id: number, data: Uint8Array): Promise<void> {
    const into = new Uint8Array(LONGEST);
    return new Promise((resolve, reject) => {
      const refuse = (errno: number) =>
        reject(new KernelError({ errno, command: 'ask for an echo', object: `of ${this.#address}` }));
      const watching = this.#socket.watch(() => {
        let length = this.#socket.receive(into);
        for (; length >= 0; length = this.#socket.receive(into)) {
          if (isEchoReply(into.subarray(0, length), this.#family, data)) return this.#end(resolve);
        }
        // The kernel keeps the message that came with an error, and would call again and again for it.
        if (length !== EAGAIN) this.#end(() => refuse(length));
      });
      const sent = watching < 0 ? watching : this.#socket.send(echoRequest(this.#family, id, data));
      if (sent < 0) this.#end(() => refuse(sent));
    });
  }

  #end(then: () => void): void {
    this.#socket.close();
    then();
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

function openEither(family: Family): NativeSocket {
  const domain = family === 'ipv4' ? AF_INET : AF_INET6;
  const protocol = family === 'ipv4' ? IPPROTO_ICMP : IPPROTO_ICMPV6;
  const what = 'a socket for ICMP echo (which needs a group of net.ipv4.ping_group_range, or CAP_NET_RAW)';
  try {
    return openSocket({ what, domain, type: SOCK_DGRAM, protocol });
  } catch (error) {
    const cause = (error as Error).cause as Partial<NativeError> | undefined;
    if (cause?.code !== 'EACCES') throw error;
    return openSocket({ what, domain, type: SOCK_RAW, protocol });
  }
}
