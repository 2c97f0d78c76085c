/**
 * Who else says that it has a virtual IP.
 * @module
 */
import type { AddressStep, HostStep } from '../host/step.js';
import type { Picture } from './picture.js';

/** The other hosts that say they have a virtual IP; undefined where the network was not asked. */
export interface Owners {
  /** Real servers of this director, which should be silent: their addresses. */
  readonly servers: readonly string[];
  /** Others, by Ethernet address: another director, or a host that should not have it. */
  readonly strangers: readonly string[];
}

/** What the network answered when it was asked for a virtual IP. */
export function ownersOf(vip: string, { owners, servers }: Picture): Owners | undefined {
  const macs = owners[vip];
  if (macs === undefined) return undefined;
  return {
    servers: macs.flatMap((mac) => servers[mac]?.slice(0, 1) ?? []),
    strangers: macs.filter((mac) => servers[mac] === undefined),
  };
}

/**
 * Whether a step is not for the doctor to take: a virtual IP that another director has now would be there twice, and of a
 * guessed director nobody knows whether it is the active one unless the network was asked.
 */
export function isWithheld(step: HostStep, picture: Picture): boolean {
  if (!isDirectorsVip(step)) return false;
  const owners = ownersOf(step.address, picture);
  return owners === undefined ? picture.guessed : owners.strangers.length > 0;
}

/** Real servers' virtual IPs are not announced. */
function isDirectorsVip(step: HostStep): step is AddressStep {
  return step.kind === 'address' && step.id === 'vip' && step.announce;
}
