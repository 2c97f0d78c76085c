/**
 * The host's devices, addresses, routes and neighbours, by rtnetlink.
 * @module
 */
import type { Family } from '../../address/ip.js';
import { InterruptedError, KernelError } from '../../errors.js';
import type { NamespaceOptions } from '../../linux/namespace.js';
import { NETLINK_ROUTE } from '../../linux/native.js';
import type { CallOptions } from '../../model/call-options.js';
import { openNetlinkSocket } from '../../netlink/socket.js';
import { Connection, type Request } from '../connection.js';
import { debugTransport } from '../debug.js';
import { observed } from '../diagnostics.js';
import type { Message } from '../message.js';
import type { Transport } from '../transport.js';
import {
  type AddressEntry,
  type AddressKey,
  type AddressSpec,
  checkAddress,
  deleteAddress,
  formatAddressKey,
  getAddresses,
  newAddress,
  readAddress,
} from './address.js';
import { describeRouteMessage } from './describe.js';
import { addDummy, addGre, deleteLink, getLink, getLinks, type LinkEntry, readLink, setLinkUp } from './link.js';
import { getRoute, type PacketRoute, type RoutedPacket, readPacketRoute } from './lookup.js';
import { getNeighbours, type NeighbourEntry, readNeighbour } from './neighbour.js';
import {
  checkRoute,
  deleteRoute,
  formatRoute,
  getRoutes,
  newRoute,
  type RouteEntry,
  type RouteSpec,
  readRoute,
  restoreRoute,
  withdrawRoute,
} from './route.js';

/** Which namespace, and how long to wait. */
export interface RouteClientOptions extends NamespaceOptions {
  /** Milliseconds for each call that says nothing else; default 5000. */
  readonly timeout?: number | undefined;
}

/** A list that changes while it is read is read again, this often in all. */
const ATTEMPTS = 5;

/**
 * A namespace's devices, addresses, routes and neighbours. Reading needs no rights, changing needs CAP_NET_ADMIN. An idle
 * client does not hold the process open. What the kernel refuses is a `KernelError`: `EEXIST` for what is there already,
 * `EADDRNOTAVAIL` or `ESRCH` for an address or route to delete that is not, `ENODEV` for a device, `EPERM`.
 */
export class RouteClient implements AsyncDisposable {
  readonly #connection: Connection;

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** @throws {UnavailableError} without the addon, or if the namespace can't be entered. */
  static async open({ netns, timeout }: RouteClientOptions = {}): Promise<RouteClient> {
    return RouteClient.over(openNetlinkSocket(NETLINK_ROUTE, netns), { timeout });
  }

  /** On a transport that is there: a double's, in tests. */
  static over(transport: Transport, options: Pick<RouteClientOptions, 'timeout'> = {}): RouteClient {
    const debug = process.env['IPVS_DEBUG'] === '1';
    const seen = observed(transport, 'route');
    return new RouteClient(new Connection(debug ? debugTransport(seen, describeRouteMessage) : seen, options));
  }

  /** All devices, in the kernel's order: lo first. */
  async links(options?: CallOptions): Promise<LinkEntry[]> {
    const links = await this.#list(getLinks(), readLink, options);
    const nameOf = namesOf(links);
    return links.map((link) => (link.masterIndex === undefined ? link : { ...link, master: nameOf(link.masterIndex) }));
  }

  /** All addresses of both families. */
  addresses(options?: CallOptions): Promise<AddressEntry[]> {
    return this.#listWithNames(getAddresses(), readAddress, options);
  }

  /** The routes of a family in the tables main and local, in the kernel's order. */
  routes(family: Family, options?: CallOptions): Promise<RouteEntry[]> {
    return this.#listWithNames(getRoutes(family), readRoute, options);
  }

  /**
   * What the kernel would do with a packet: `ip route get`. It refuses with what it would drop the packet for: `EXDEV` by
   * the source filter (rp_filter), `ENETUNREACH` without a route, `EHOSTUNREACH` where it does not forward, `EINVAL` for a
   * source that is none.
   */
  async lookUpRoute(packet: RoutedPacket, options?: CallOptions): Promise<PacketRoute> {
    const deviceName = namesOf(await this.#list(getLinks(), readLink, options));
    const { from } = packet;
    const index =
      from === undefined ? undefined : await this.#indexOf(from, 'look up route', `to ${packet.destination}`, options);
    return this.#connection.query(getRoute(packet, index), (reply) => readPacketRoute(reply, deviceName), options);
  }

  /** What the kernel believes of the neighbours of both families. */
  neighbours(options?: CallOptions): Promise<NeighbourEntry[]> {
    return this.#listWithNames(getNeighbours(), readNeighbour, options);
  }

  /** Adds an address to a device. `EEXIST` if it has it. */
  async addAddress(spec: AddressSpec, options?: CallOptions): Promise<void> {
    checkAddress(spec);
    const index = await this.#indexOf(spec.device, 'add address', formatAddressKey(spec), options);
    await this.#connection.execute(newAddress(index, spec), options);
  }

  /**
   * Deletes an address; `EADDRNOTAVAIL` if the device does not have it. Deleting the first IPv4 address of a network
   * deletes the others of that network on the device too, unless the sysctl promote_secondaries says otherwise, and the
   * routes whose preferred source it is.
   */
  async deleteAddress(key: AddressKey, options?: CallOptions): Promise<void> {
    checkAddress({ device: key.device, address: key.address, prefix: key.prefix });
    const index = await this.#indexOf(key.device, 'delete address', formatAddressKey(key), options);
    await this.#connection.execute(deleteAddress(index, key), options);
  }

  /** Adds a route. `EEXIST` if there is one with its destination, table and metric. */
  addRoute(spec: RouteSpec, options?: CallOptions): Promise<void> {
    return this.#newRoute('add', spec, options);
  }

  /** Adds a route in the place of the one with its destination, table and metric, if there is one. */
  replaceRoute(spec: RouteSpec, options?: CallOptions): Promise<void> {
    return this.#newRoute('replace', spec, options);
  }

  /** Deletes the first route that has all the marks given. `ESRCH` if there is none. */
  async deleteRoute(spec: RouteSpec, options?: CallOptions): Promise<void> {
    checkRoute(spec);
    const index = await this.#deviceOf(spec, 'delete route', options);
    await this.#connection.execute(deleteRoute(index, spec), options);
  }

  /**
   * Makes a route again exactly as it was, with all that a {@link RouteSpec} has no words for: an entry of `routes()`, or
   * its `message` alone. `EEXIST` if it is there. The numbers of devices and nexthop objects in it must still be theirs.
   */
  async restoreRoute(route: RouteEntry | Uint8Array, options?: CallOptions): Promise<void> {
    await this.#connection.execute(restoreRoute(...messageOf(route)), options);
  }

  /** Deletes this very route: what {@link restoreRoute} brings back. `ESRCH` if it is not there. */
  async withdrawRoute(route: RouteEntry | Uint8Array, options?: CallOptions): Promise<void> {
    await this.#connection.execute(withdrawRoute(...messageOf(route)), options);
  }

  /** Switches a device on or off (IFF_UP). */
  async setLinkUp(device: string, up: boolean, options?: CallOptions): Promise<void> {
    const index = await this.#indexOf(device, `set link ${up ? 'up' : 'down'}`, device, options);
    await this.#connection.execute(setLinkUp(index, device, up), options);
  }

  /** Makes a device that leads nowhere (kind `dummy`), switched off. `EEXIST` if there is a device of that name. */
  async addDummy(device: string, mtu: number, options?: CallOptions): Promise<void> {
    await this.#connection.execute(addDummy(device, mtu), options);
  }

  /**
   * Makes a device that takes GRE packets with checksums, to this address of the host from anybody, switched off. `EEXIST` if there
   * is a device of that name, or another one for such packets; `EOPNOTSUPP` without the module ip_gre or ip6_gre.
   */
  async addGre(device: string, local: string, options?: CallOptions): Promise<void> {
    await this.#connection.execute(addGre(device, local), options);
  }

  /** Deletes a virtual device. */
  async deleteLink(device: string, options?: CallOptions): Promise<void> {
    const index = await this.#indexOf(device, 'delete device', device, options);
    await this.#connection.execute(deleteLink(index, device), options);
  }

  /** Ends every pending call with `ClosedError`. Idempotent. */
  close(): void {
    this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  async #newRoute(verb: 'add' | 'replace', spec: RouteSpec, options?: CallOptions): Promise<void> {
    checkRoute(spec);
    const index = await this.#deviceOf(spec, `${verb} route`, options);
    await this.#connection.execute(newRoute(index, spec, verb), options);
  }

  async #deviceOf(spec: RouteSpec, command: string, options?: CallOptions): Promise<number | undefined> {
    return spec.device === undefined ? undefined : this.#indexOf(spec.device, command, formatRoute(spec), options);
  }

  /** The device's number, on behalf of a command. */
  async #indexOf(device: string, command: string, object: string, options?: CallOptions): Promise<number> {
    try {
      return (await this.#connection.query(getLink(device, command, object), readLink, options)).index;
    } catch (error) {
      if (!(error instanceof KernelError) || !NO_DEVICE.includes(error.code)) throw error;
      const { errno, extendedAck } = error;
      throw new KernelError({ errno, command, object, reason: `there is no device "${device}"`, extendedAck });
    }
  }

  async #listWithNames<T>(
    request: Request,
    read: (message: Message, deviceName: (index: number) => string) => T | undefined,
    options?: CallOptions,
  ): Promise<T[]> {
    const deviceName = namesOf(await this.#list(getLinks(), readLink, options));
    return this.#list(request, (message) => read(message, deviceName), options);
  }

  async #list<T>(request: Request, read: (message: Message) => T | undefined, options?: CallOptions): Promise<T[]> {
    for (let attempt = 1; ; attempt++) {
      const entries: T[] = [];
      const onEntry = (message: Message) => {
        const entry = read(message);
        if (entry !== undefined) entries.push(entry);
      };
      try {
        await this.#connection.dump(request, onEntry, options);
        return entries;
      } catch (error) {
        if (!(error instanceof InterruptedError) || attempt === ATTEMPTS) throw error;
      }
    }
  }
}

/** The kernel's words, and ours for errors. */
function messageOf(route: RouteEntry | Uint8Array): [message: Uint8Array, object?: string] {
  return route instanceof Uint8Array ? [route] : [route.message, formatRoute(route)];
}

/** ENODEV; ERANGE or EINVAL for names that are no names. */
const NO_DEVICE: readonly string[] = ['ENODEV', 'ERANGE', 'EINVAL'];

/** Names devices by their numbers; one that came since is named as ip(8) does it. */
function namesOf(links: readonly LinkEntry[]): (index: number) => string {
  const names = new Map(links.map(({ index, name }) => [index, name]));
  return (index) => names.get(index) ?? `if${index}`;
}
