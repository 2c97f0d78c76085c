/**
 * UDP sockets of a multicast group on one device, in any network namespace: node:dgram has no sockets in another one.
 * @module
 */
import { familyOf } from '../address/ip.js';
import { KernelError } from '../errors.js';
import { bytesOf, IPPROTO_IP, IPPROTO_IPV6, inetAddress, integer } from './inet-socket.js';
import {
  AF_INET,
  AF_INET6,
  type NativeSocket,
  SO_RCVBUFFORCE,
  SO_REUSEADDR,
  SOCK_DGRAM,
  SOL_SOCKET,
} from './native.js';
import { openSocket } from './socket.js';

/** linux/in.h, linux/in6.h */
const IP_MULTICAST_IF = 32;
const IP_MULTICAST_TTL = 33;
const IP_MULTICAST_LOOP = 34;
const IP_ADD_MEMBERSHIP = 35;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IPV6_MULTICAST_LOOP = 19;
const IPV6_ADD_MEMBERSHIP = 20;
/** asm-generic/socket.h: only packets of this device. */
const SO_BINDTODEVICE = 25;

/** Bytes of the largest UDP datagram. */
const DATAGRAM = 65_507;
/** Bytes of the receive buffer: a burst of messages that came while JavaScript was busy. */
const RECEIVE_BUFFER = 4 * 1024 * 1024;

/** Which group, on which device. */
export interface MulticastGroup {
  /** `224.0.0.81`, `ff02::51` */
  readonly address: string;
  /** UDP port, 1 to 65535. */
  readonly port: number;
  readonly device: { readonly name: string; readonly index: number };
  readonly netns?: string | undefined;
}

/** Sends to a group, or receives what others send to it. */
export class MulticastSocket implements Disposable {
  readonly #socket: NativeSocket;
  readonly #where: string;

  private constructor(socket: NativeSocket, { address, device }: MulticastGroup) {
    this.#socket = socket;
    this.#where = `${address} on ${device.name}`;
  }

  /**
   * A socket that sends to the members of the group on this host alone: its packets have a time to live of 0, so that the
   * kernel hands them to its own members and never to the device (ip_mc_output in net/ipv4/ip_output.c).
   * @throws {UnavailableError} without the addon or the namespace.
   * @throws {KernelError} if the device or the route to the group is missing.
   */
  static toThisHost(group: MulticastGroup): MulticastSocket {
    const family = familyOf(group.address);
    const [level, device, ttl, loop] =
      family === 'ipv4'
        ? [IPPROTO_IP, IP_MULTICAST_IF, IP_MULTICAST_TTL, IP_MULTICAST_LOOP]
        : [IPPROTO_IPV6, IPV6_MULTICAST_IF, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_LOOP];
    return MulticastSocket.#open(
      group,
      (socket) =>
        socket.setOption(level, device, family === 'ipv4' ? requestOf(group) : integer(group.device.index)) ||
        socket.setOption(level, ttl, integer(0)) ||
        socket.setOption(level, loop, integer(1)) ||
        socket.connect(addressOf(group)),
    );
  }

  /**
   * A socket that receives what is sent to the group on the device, by other hosts and by this one.
   * @throws as {@link MulticastSocket.toThisHost}; `EADDRINUSE` if a program has the port for itself.
   */
  static member(group: MulticastGroup): MulticastSocket {
    const family = familyOf(group.address);
    const [level, join] = family === 'ipv4' ? [IPPROTO_IP, IP_ADD_MEMBERSHIP] : [IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP];
    return MulticastSocket.#open(group, (socket) => {
      // A help where it is allowed.
      socket.setOption(SOL_SOCKET, SO_RCVBUFFORCE, integer(RECEIVE_BUFFER));
      return (
        socket.setOption(SOL_SOCKET, SO_REUSEADDR, integer(1)) ||
        socket.setOption(SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${group.device.name}\0`)) ||
        socket.bind(addressOf(group)) ||
        socket.setOption(level, join, requestOf(group))
      );
    });
  }

  static #open(group: MulticastGroup, prepare: (socket: NativeSocket) => number): MulticastSocket {
    const domain = familyOf(group.address) === 'ipv4' ? AF_INET : AF_INET6;
    const socket = openSocket({ what: 'a UDP socket', domain, type: SOCK_DGRAM, protocol: 0, netns: group.netns });
    const errno = prepare(socket);
    if (errno === 0) return new MulticastSocket(socket, group);
    socket.close();
    throw new KernelError({
      errno,
      command: 'open multicast socket',
      object: `${group.address} on ${group.device.name}`,
    });
  }

  /** @throws {KernelError} `EAGAIN` if the send buffer is full, `ENETDOWN` if the device is down. */
  send(datagram: Uint8Array): void {
    const errno = this.#socket.send(datagram);
    if (errno < 0) throw new KernelError({ errno, command: 'send datagram', object: `to ${this.#where}` });
  }

  /**
   * Calls back with each datagram until the socket is closed, which keeps the process alive. The bytes are valid during the
   * call only.
   * @throws {KernelError} if the event loop can't poll it.
   */
  listen(onDatagram: (datagram: Uint8Array) => void): void {
    const into = new Uint8Array(DATAGRAM);
    const errno = this.#socket.watch(() => {
      for (let length = this.#socket.receive(into); length >= 0; length = this.#socket.receive(into)) {
        onDatagram(into.subarray(0, length));
      }
    });
    if (errno < 0) throw new KernelError({ errno, command: 'receive datagrams', object: `of ${this.#where}` });
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

/** struct ip_mreqn (group, address, device) or struct ipv6_mreq (group, device). */
function requestOf({ address, device }: MulticastGroup): Uint8Array {
  const group = bytesOf(address);
  const index = integer(device.index);
  return group.length === 4 ? Buffer.concat([group, Buffer.alloc(4), index]) : Buffer.concat([group, index]);
}

function addressOf({ address, port, device }: MulticastGroup): Uint8Array {
  return inetAddress(address, { port, device: device.index });
}
