/**
 * Steps that directors and real servers have in common.
 * @module
 */
import { type Family, familyOf } from '../address/ip.js';
import { inNetwork, networkEnd } from '../address/network.js';
import { deviceSysctl } from '../linux/sysctl.js';
import type { Vip } from '../model/vip.js';
import { formatFouPort } from '../netlink/fou.js';
import type { Obstacle } from './plan.js';
import type { HostState } from './state.js';
import type {
  AddressStep,
  FouPortStep,
  GreDeviceStep,
  HostStep,
  HostStepWords,
  LinkUpStep,
  RouteStep,
  SysctlStep,
} from './step.js';

/** What a set-up needs of a host. */
export interface Needs {
  readonly steps: readonly HostStep[];
  readonly obstacles: readonly Obstacle[];
}

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

/** Makes a device that takes GRE packets with checksums. */
export function greDeviceStep(device: string, local: string, why: string): GreDeviceStep {
  const what = `make ${device}, which takes GRE packets to ${local} that have checksums`;
  return { kind: 'gre-device', id: 'tunnel-up', what, why, undo: `delete ${device}`, device, local };
}

/** Opens a UDP port that unwraps GUE packets. */
export function fouPortStep(port: number, family: Family, why: string): FouPortStep {
  const name = `the UDP port ${formatFouPort({ port, family })}`;
  const [what, undo] = [`open ${name} for GUE packets`, `close ${name}`];
  return { kind: 'fou-port', id: 'tunnel-up', what, why, undo, port, family };
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

/** An obstacle for each VIP that is the network's or the broadcast address of a network of this host. */
export function unusableVips(vips: readonly Vip[], { addresses }: HostState): Obstacle[] {
  return vips.flatMap(({ address }) => {
    const near = addresses.find((own) => inNetwork(address, own) && networkEnd(address, own.prefix) !== undefined);
    if (near === undefined) return [];
    const end = networkEnd(address, near.prefix);
    const what = `${address} is the ${end} address of the network of ${near.address}/${near.prefix} on ${near.device}`;
    return [{ id: 'vip-unusable', what, hint: 'choose another virtual IP' }];
  });
}

/** An obstacle for each device that is to bear an IPv6 address and may not. The kernel says no more than EACCES. */
export function withoutIPv6(steps: readonly HostStep[], { links, sysctls }: HostState): Obstacle[] {
  const devices = new Set(
    steps.flatMap((step) => (step.kind === 'address' && familyOf(step.address) === 'ipv6' ? [step.device] : [])),
  );
  return [...devices].flatMap((device): Obstacle[] => {
    if (!links.some(({ name }) => name === device)) return [];
    const sysctl = deviceSysctl('ipv6', device, 'disable_ipv6');
    if (sysctls[sysctl] === '0') return [];
    if (sysctls[sysctl] === undefined) {
      return [
        { id: 'no-ipv6', what: `there is no IPv6 on ${device}`, hint: 'start the kernel without ipv6.disable=1' },
      ];
    }
    return [{ id: 'no-ipv6', what: `IPv6 is disabled on ${device}`, hint: `sysctl -w ${sysctl}=0` }];
  });
}
