/**
 * Steps that directors and real servers have in common.
 * @module
 */
import { type Family, familyOf } from '../address/ip.js';
import type { Vip } from '../model/vip.js';
import type { Obstacle } from './plan.js';
import type { HostState } from './state.js';
import type { AddressStep, HostStepWords, LinkUpStep, RouteStep, SysctlStep } from './step.js';

/** Sets a sysctl. `alsoGood` are other values that serve as well. */
export function sysctlStep(
  id: HostStepWords['id'],
  name: string,
  value: string,
  why: string,
  alsoGood: readonly string[] = [],
): SysctlStep {
  return { kind: 'sysctl', id, what: `set ${name} to ${value}`, why, undo: `set ${name} back`, name, value, alsoGood };
}

/** Adds an address. */
export function addressStep(
  id: HostStepWords['id'],
  device: string,
  { address, prefix }: Vip,
  { why, announce, deprecated }: Pick<AddressStep, 'why' | 'announce' | 'deprecated'>,
): AddressStep {
  const text = `${address}/${prefix}`;
  const [what, undo] = [`add ${text} to ${device}`, `delete ${text} from ${device}`];
  return { kind: 'address', id, what, why, undo, device, address, prefix, announce, deprecated };
}

/** Switches a device on. */
export function linkUpStep(id: HostStepWords['id'], device: string, why: string): LinkUpStep {
  return { kind: 'link-up', id, what: `switch ${device} on`, why, undo: `switch ${device} off`, device };
}

/** Makes a router the default one. */
export function gatewayStep(gateway: string, why: string): RouteStep {
  const destination = familyOf(gateway) === 'ipv4' ? '0.0.0.0/0' : '::/0';
  const what = `make ${gateway} the default gateway`;
  return { kind: 'route', id: 'gateway', what, why, undo: 'put the default route back', destination, gateway };
}

/** The families of some addresses, IPv4 first. */
export function familiesOf(vips: readonly { readonly address: string }[]): Family[] {
  const families = new Set(vips.map(({ address }) => familyOf(address)));
  return (['ipv4', 'ipv6'] as const).filter((family) => families.has(family));
}

/** An obstacle for each of these devices that is not there. */
export function missingDevices(devices: readonly string[], { links }: HostState, hint: string): Obstacle[] {
  return [...new Set(devices)]
    .filter((device) => !links.some(({ name }) => name === device))
    .map((device) => ({ id: 'no-device', what: `there is no device ${device}`, hint }));
}
