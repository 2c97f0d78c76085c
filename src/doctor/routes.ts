/**
 * Which way a packet takes, as far as the table main shows. Policy routing (`ip rule`) is not looked at.
 * @module
 */
import { inNetwork } from '../address/network.js';
import type { HostState } from '../host/state.js';
import type { AddressEntry } from '../netlink/route/address.js';
import type { RouteEntry } from '../netlink/route/route.js';

/** The route that packets to an address of another host take; of several next hops the device is unknown. */
export function routeTo(address: string, { routes }: HostState): RouteEntry | undefined {
  return routes
    .filter(({ table, type, destination }) => table === 'main' && type === 'unicast' && covers(destination, address))
    .toSorted((left, right) => prefixOf(right) - prefixOf(left) || (left.metric ?? 0) - (right.metric ?? 0))[0];
}

/** Whether a route's destination has an address in it. */
export function covers(destination: string, address: string): boolean {
  const [network = '', prefix] = destination.split('/');
  return inNetwork(address, { address: network, prefix: Number(prefix) });
}

function prefixOf({ destination }: RouteEntry): number {
  return Number(destination.split('/')[1]);
}

/** Whether the host takes packets for an address: it has it, or a local route for a network with it. */
export function isLocal(address: string, { addresses, routes }: HostState): boolean {
  if (addresses.some((own) => own.address === address)) return true;
  return routes.some(({ type, destination }) => type === 'local' && covers(destination, address));
}

/** The address of this host in whose network another one is, the narrowest; addresses on lo have no neighbours. */
export function nearTo(address: string, { addresses }: HostState): AddressEntry | undefined {
  return addresses
    .filter(
      (own) => own.scope === 'global' && own.device !== 'lo' && own.address !== address && inNetwork(address, own),
    )
    .toSorted((left, right) => right.prefix - left.prefix)[0];
}

/**
 * The device whose network an address is in, or by which packets go there. The network counts also while the device is down
 * and its routes are gone.
 */
export function deviceTowards(address: string, host: HostState): string | undefined {
  const near = nearTo(address, host);
  const route = routeTo(address, host);
  const isNearer = near !== undefined && (route === undefined || near.prefix > prefixOf(route));
  return isNearer ? near.device : (route?.device ?? near?.device);
}

/** The host that packets to an address are handed to on the way: the address itself, or a router. */
export function nextHop(address: string, host: HostState): string {
  const route = routeTo(address, host);
  const near = nearTo(address, host);
  if (route?.gateway === undefined || (near !== undefined && near.prefix > prefixOf(route))) return address;
  return route.gateway;
}
