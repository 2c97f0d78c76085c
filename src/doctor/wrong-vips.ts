/**
 * Virtual IPs that a host has in the wrong place, or with the wrong mask: which of them, and which may be taken away.
 * @module
 */
import { familyOf } from '../address/ip.js';
import { inNetwork } from '../address/network.js';
import type { AddressStep } from '../host/step.js';
import type { AddressEntry } from '../netlink/route/address.js';
import { asksNeighbours } from './packets.js';
import { type Picture, wholePrefix } from './picture.js';

/** The addresses in the place of which a step adds a virtual IP, or that must not be beside it. */
export function wrongAddresses(step: AddressStep, { host }: Picture): AddressEntry[] {
  const { address, device, announce } = step;
  return host.addresses.filter((own) => {
    if (own.address !== address) return false;
    // A director's must be on its device, with any mask. A real server's must not be where the network asks for it.
    if (announce) return own.device !== device;
    return own.device === device ? isTooWide(own) : asksNeighbours(own.device, host);
  });
}

/** The network of an IPv4 address on lo is local as a whole (fib_add_ifaddr in net/ipv4/fib_frontend.c). */
export function isTooWide({ address, prefix }: AddressEntry): boolean {
  return familyOf(address) === 'ipv4' && prefix < 32;
}

/** Why an address is not taken away by the doctor: the device's network may hang on it. Undefined where it may be. */
export function removalObstacle(found: AddressEntry, { host }: Picture): string | undefined {
  const { address, prefix, device } = found;
  if (prefix === wholePrefix(address) || !asksNeighbours(device, host)) return undefined;
  const others = host.addresses.filter((own) => own.device === device && own.address !== address);
  if (others.some((own) => own.prefix === prefix && inNetwork(own.address, found))) return undefined;
  return `The network of ${device} hangs on ${address}/${prefix}: give ${device} another address there first.`;
}
