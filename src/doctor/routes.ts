/**
 * Which way a packet takes, as far as the table main tells. Policy routing (`ip rule`) is not looked at.
 * @module
 */
import { inNetwork } from '../address/network.js';
import type { HostState } from '../host/state.js';
import type { RouteEntry } from '../netlink/route/route.js';

/** The route that packets to an address of another host take; of several next hops the device is unknown. */
export function routeTo(address: string, { routes }: HostState): RouteEntry | undefined {
  return routes
    .filter(({ table, type, destination }) => table === 'main' && type === 'unicast' && covers(destination, address))
    .toSorted((left, right) => prefixOf(right) - prefixOf(left) || (left.metric ?? 0) - (right.metric ?? 0))[0];
}

function covers(destination: string, address: string): boolean {
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

/** The device whose network an address is in, or by which packets go there. */
export function deviceTowards(address: string, host: HostState): string | undefined {
  const near = host.addresses.find(
    (own) => own.scope === 'global' && own.device !== 'lo' && own.address !== address && inNetwork(address, own),
  );
  return near?.device ?? routeTo(address, host)?.device;
}
