/**
 * What a host seems to be, where nobody said it.
 * @module
 */
import { familyOf } from '../address/ip.js';
import type { HostSetup, Role } from '../host/setup.js';
import type { HostState } from '../host/state.js';
import type { NormalDestination } from '../model/destination.js';
import type { Director } from '../model/director.js';
import type { Table } from '../model/table.js';
import { MAX_VIPS, type Vip, vipProblem } from '../model/vip.js';
import type { AddressEntry } from '../netlink/route/address.js';
import { wholePrefix } from './picture.js';
import { deviceTowards } from './routes.js';

/** A guess: the role, and the set-ups that the host's own state speaks of. */
export interface Guess {
  readonly role?: Role;
  readonly setups: readonly HostSetup[];
}

/** A director has services, a real server has virtual IPs on lo or on a device that unwraps tunnels. */
export function guess(host: HostState, table: Table | undefined, role?: Role): Guess {
  const hasServices = (table?.services.length ?? 0) > 0;
  if (role === 'director' || (role === undefined && hasServices)) {
    return { role: 'director', setups: directorsOf(table, host) };
  }
  const setups = realServersOf(host);
  if (role === 'real-server' || setups.length > 0) return { role: 'real-server', setups };
  return { setups: [] };
}

/** One set-up for each way of forwarding and device, by the services that have an address. */
function directorsOf(table: Table | undefined, host: HostState): HostSetup[] {
  const found = new Map<string, { readonly make: (vips: string[]) => Director; readonly vips: Set<string> }>();
  for (const { service, destinations } of table?.services ?? []) {
    if (service.protocol === 'fwmark' || vipProblem(alone(service.address)) !== undefined) continue;
    const device = bearerOf(service.address, host);
    if (device === undefined) continue;
    for (const { destination } of destinations) {
      const make = directorOf(destination, device, host);
      if (make === undefined) continue;
      const key = JSON.stringify(make([]));
      const entry = found.get(key) ?? { make, vips: new Set<string>() };
      found.set(key, entry);
      entry.vips.add(service.address);
    }
  }
  return [...found.values()].flatMap(({ make, vips }) =>
    inPieces([...vips]).map((some): HostSetup => ({ role: 'director', description: make(some) })),
  );
}

/** A description has no more than so many virtual IPs. */
function inPieces(vips: readonly string[]): string[][] {
  const count = Math.ceil(vips.length / MAX_VIPS);
  return Array.from({ length: count }, (_, index) => vips.slice(index * MAX_VIPS, (index + 1) * MAX_VIPS));
}

/** The device that has a virtual IP, or that would have to. */
function bearerOf(vip: string, host: HostState): string | undefined {
  return host.addresses.find(({ address }) => address === vip)?.device ?? deviceTowards(vip, host);
}

function directorOf(
  { forward, address }: NormalDestination,
  device: string,
  host: HostState,
): ((vips: string[]) => Director) | undefined {
  if (forward === 'dr' || forward === 'tun') return (vips) => ({ mode: forward, device, vips });
  const inside = deviceTowards(address, host);
  if (forward !== 'nat' || inside === undefined) return undefined;
  // Of the network only the family counts while there is no masquerading.
  const network = familyOf(address) === 'ipv4' ? '0.0.0.0/0' : '::/0';
  return (vips) => ({ mode: 'nat', device, vips, inside: { network, device: inside } });
}

function realServersOf(host: HostState): HostSetup[] {
  const own = host.addresses.filter(isVip);
  const direct = own.filter(({ device }) => device === 'lo').map(({ address }) => address);
  const setups: HostSetup[] = [];
  if (direct.length > 0) setups.push({ role: 'real-server', description: { mode: 'dr', vips: unique(direct) } });
  for (const { devices, ...way } of TUNNELS) {
    const wrapped = own.filter(({ device }) => devices.some((name) => device.startsWith(name)));
    if (wrapped.length === 0) continue;
    const vips = unique(wrapped.map(({ address }) => address));
    const local = 'checksum' in way ? { local: localsOf(devices, host) } : {};
    setups.push({ role: 'real-server', description: { mode: 'tun', ...way, ...local, vips } });
  }
  return setups;
}

/** The devices that the kernel makes with its tunnel modules, and those that a plan makes (real-server-plan.ts). */
const TUNNELS = [
  { tunnel: 'ipip', devices: ['tunl0', 'ip6tnl'] },
  { tunnel: 'gre', devices: ['gre0', 'ip6gre0'] },
  { tunnel: 'gre', checksum: true, devices: ['ipvs-gre', 'ipvs-gre6'] },
] as const;

/** The addresses that these devices take packets to. */
function localsOf(devices: readonly string[], { links }: HostState): string[] {
  return links.flatMap(({ name, greLocal }) => (devices.includes(name) && greLocal !== undefined ? [greLocal] : []));
}

/** On a tunnel, an address with a network is that of a point-to-point link rather than a virtual IP. */
function isVip({ device, address, prefix, scope }: AddressEntry): boolean {
  if (scope !== 'global' || vipProblem(alone(address)) !== undefined) return false;
  return device === 'lo' || prefix === wholePrefix(address);
}

function alone(address: string): Vip {
  return { address, prefix: wholePrefix(address) };
}

function unique(addresses: readonly string[]): string[] {
  return [...new Set(addresses)];
}
