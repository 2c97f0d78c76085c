/**
 * What IPVS asks the rest of its network namespace: which addresses are anyone's, which interfaces there are.
 * @module
 */
import { formatIP } from '../../address/ip.js';

/** A network interface, for sync daemons. */
export interface Interface {
  readonly name: string;
  /** Bytes; default 1500. */
  readonly mtu?: number;
}

/** An IPv4 address of the host with its network. */
export interface LocalNetwork {
  readonly address: number;
  readonly prefix: number;
}

/** The interfaces and IPv4 addresses of a namespace. */
export class Host {
  readonly #networks: readonly LocalNetwork[];
  readonly #interfaces: Map<string, Interface>;

  constructor(networks: readonly LocalNetwork[], interfaces: readonly Interface[]) {
    this.#networks = networks;
    this.#interfaces = new Map(interfaces.map((one) => [one.name, one]));
  }

  addInterface(added: Interface): void {
    this.#interfaces.set(added.name, added);
  }

  deleteInterface(name: string): void {
    this.#interfaces.delete(name);
  }

  /** The MTU of an interface; undefined where there is none of that name. */
  mtu(name: string): number | undefined {
    const found = this.#interfaces.get(name);
    return found === undefined ? undefined : (found.mtu ?? 1500);
  }

  /** Every interface but lo gets a route for ff00::/8 with its first address (addrconf_add_mroute in net/ipv6/addrconf.c). */
  reachesIPv6Groups(interfaceName: string): boolean {
    return interfaceName !== 'lo';
  }

  /**
   * Whether inet_addr_type calls an address local or unicast (net/ipv4/fib_frontend.c): it asks the table of local
   * addresses, which is not there before the first address is.
   */
  isUnicastIPv4(address: number): boolean {
    if (address === 0 || address >= MULTICAST)
      return address >= RESERVED && address !== LIMITED_BROADCAST && this.#knows;
    return this.#knows && !this.#networks.some((network) => broadcastOf(network) === address);
  }

  get #knows(): boolean {
    return this.#networks.length > 0;
  }

  /** The text of /proc/net/fib_trie, as far as it tells local addresses and broadcasts. */
  fibTrie(): string {
    if (!this.#knows) return '';
    const leaves = this.#networks.flatMap((network) => {
      const { address, prefix } = network;
      const broadcast = broadcastOf(network);
      return [
        ...(address >>> 24 === 127 ? [leaf(firstOf(network), `/${prefix} host LOCAL`)] : []),
        leaf(address, '/32 host LOCAL'),
        ...(broadcast === undefined ? [] : [leaf(broadcast, '/32 link BROADCAST')]),
      ];
    });
    return `Main:\n${leaves.join('')}Local:\n${leaves.join('')}`;
  }
}

const MULTICAST = 0xe0000000;
const RESERVED = 0xf0000000;
const LIMITED_BROADCAST = 0xffffffff;

/** Networks of one or two addresses have none (RFC 3021). */
function broadcastOf(network: LocalNetwork): number | undefined {
  return network.prefix >= 31 ? undefined : firstOf(network) + 2 ** (32 - network.prefix) - 1;
}

function firstOf({ address, prefix }: LocalNetwork): number {
  return address - (address % 2 ** (32 - prefix));
}

function leaf(address: number, route: string): string {
  const bytes = Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
  return `     |-- ${formatIP(bytes)}\n        ${route}\n`;
}

/**
 * Whether IPVS takes an IPv6 address for a destination: unicast and not link-local (__ipv6_addr_type in
 * net/ipv6/addrconf_core.c). `::` and IPv4-mapped addresses are neither.
 */
export function isUnicastIPv6(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes;
  if (first === 0xff) return false;
  if (first === 0xfe && (second & 0xc0) === 0x80) return false;
  if (!isZero(bytes, 0, 8)) return true;
  if (isZero(bytes, 8, 12)) return !isZero(bytes, 12, 16);
  return !(isZero(bytes, 8, 10) && bytes[10] === 0xff && bytes[11] === 0xff);
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (bytes[i] !== 0) return false;
  return true;
}
