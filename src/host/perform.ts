/**
 * Doing a step on a host, and taking it back.
 * @module
 */
import { type Family, familyOf } from '../address/ip.js';
import { KernelError, UnavailableError } from '../errors.js';
import { namespacePath } from '../linux/namespace.js';
import { deviceSysctl, readSysctl, writeSysctl } from '../linux/sysctl.js';
import { announce } from '../neighbours/neighbour-probe.js';
import { FouClient, formatFouPort, needFou } from '../netlink/fou.js';
import type { AddressKey } from '../netlink/route/address.js';
import { RouteClient } from '../netlink/route/client.js';
import type { LinkEntry } from '../netlink/route/link.js';
import type { RouteEntry, RouteSpec } from '../netlink/route/route.js';
import { changeMasquerade, hasMasquerade } from './masquerade.js';
import { isGreDevice, isGuePort, isSamePort } from './plan.js';
import type { AppliedStep, SysctlChange, SysctlValue } from './record.js';
import type {
  AddressStep,
  FouPortStep,
  GreDeviceStep,
  HostStep,
  LinkUpStep,
  MasqueradeStep,
  RouteStep,
  SysctlStep,
} from './step.js';

/** A namespace, open for changes. */
export class HostClient implements AsyncDisposable {
  readonly netns: string | undefined;
  readonly client: RouteClient;

  private constructor(netns: string | undefined, client: RouteClient) {
    this.netns = netns;
    this.client = client;
  }

  /** @throws {UnavailableError} */
  static async open(netns: string | undefined): Promise<HostClient> {
    return new HostClient(namespacePath(netns), await RouteClient.open({ netns }));
  }

  read(name: string): string | undefined {
    return readSysctl(name, { netns: this.netns });
  }

  write(name: string, value: string): void {
    writeSysctl(name, value, { netns: this.netns });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.close();
  }
}

/** What a step is going to change, beside what it says. Changes nothing itself. */
export async function foresee(step: HostStep, host: HostClient): Promise<AppliedStep> {
  if (step.kind === 'sysctl')
    return { step, sysctls: await sysctlChanges(step, host), routes: await lostRoutes(step, host) };
  if (step.kind === 'route') return { step, sysctls: [], routes: (await routesInTheWay(step, host)).map(encode) };
  return { step, sysctls: [], routes: [] };
}

/** Does a step that was foreseen. */
export async function perform({ step, routes }: AppliedStep, host: HostClient): Promise<void> {
  switch (step.kind) {
    case 'sysctl':
      return host.write(step.name, step.value);
    case 'address':
      return addAddress(step, host);
    case 'address-removal': {
      const restoring = await promotion(step, host);
      await removeAddress(step, host);
      for (const { name, value } of restoring) host.write(name, value);
      return;
    }
    case 'route':
      for (const route of routes) await host.client.withdrawRoute(decode(route));
      return host.client.addRoute(routeSpec(step));
    case 'link-up':
      return host.client.setLinkUp(step.device, true);
    case 'gre-device':
      return addGreDevice(step, host);
    case 'fou-port':
      return openFouPort(step, host);
    case 'masquerade':
      return changeMasquerade('add', step, host.netns);
  }
}

/** What taking back means in the end, and what it leaves because someone changed it meanwhile. */
export interface Decision {
  readonly restoring: readonly SysctlValue[];
  /** In words. */
  readonly left: readonly string[];
}

/** Decides what sysctls are to be after a step was taken back. Changes nothing itself. */
export async function decide({ step, sysctls, restoring }: AppliedStep, host: HostClient): Promise<Decision> {
  if (restoring !== undefined) return { restoring, left: [] };
  if (step.kind === 'address') return { restoring: await promotion(step, host), left: [] };
  const values: SysctlValue[] = [];
  const left: string[] = [];
  for (const { name, from, to } of sysctls) {
    const value = host.read(name);
    // The device is gone, and its sysctls with it.
    if (value === undefined) continue;
    values.push({ name, value: value === to ? from : value });
    if (value !== to && value !== from)
      left.push(`${name} is ${value} now, neither ${from} as before nor ${to}: it stays`);
  }
  return { restoring: values, left };
}

/** Takes a step back; what of it is not there is no error. Returns what it left, in words. */
export async function takeBack(
  { step, routes }: AppliedStep,
  restoring: readonly SysctlValue[],
  host: HostClient,
): Promise<string[]> {
  const left = await takeBackAct(step, host);
  // The step's own sysctl is the first: writing it changes others.
  for (const { name, value } of restoring) if (host.read(name) !== value) host.write(name, value);
  for (const route of routes) await bringBack(decode(route), host);
  return left;
}

async function takeBackAct(step: HostStep, host: HostClient): Promise<string[]> {
  switch (step.kind) {
    case 'sysctl':
      return [];
    case 'address':
      await removeAddress(step, host);
      return [];
    case 'address-removal':
      await unless(
        ['EEXIST', 'ENODEV'],
        host.client.addAddress({ ...keyOf(step), nodad: familyOf(step.address) === 'ipv6' }),
      );
      return [];
    case 'route':
      await unless(['ESRCH', 'ENODEV', 'ENETUNREACH'], host.client.deleteRoute(routeSpec(step)));
      return [];
    case 'link-up':
      return switchOff(step, host);
    case 'gre-device':
      return removeGreDevice(step, host);
    case 'fou-port':
      return closeFouPort(step, host);
    case 'masquerade':
      await removeMasquerade(step, host);
      return [];
  }
}

/** Waits for a change that may have been made already, as these refusals say. */
async function unless(codes: readonly string[], change: Promise<void>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!(error instanceof KernelError) || !codes.includes(error.code)) throw error;
  }
}

// Sysctls

async function sysctlChanges({ name, value }: SysctlStep, host: HostClient): Promise<SysctlChange[]> {
  const links = await host.client.links();
  const changes = [{ name, to: value }, ...sideEffects(name, value, links)];
  return changes.flatMap(({ name, to }) => {
    const from = host.read(name);
    return from === undefined ? [] : [{ name, from, to }];
  });
}

/**
 * What else the kernel sets with a sysctl: inet_forward_change in net/ipv4/devinet.c, addrconf_fixup_forwarding in
 * net/ipv6/addrconf.c.
 */
function sideEffects(name: string, value: string, links: readonly LinkEntry[]): { name: string; to: string }[] {
  const family = FORWARDING[name];
  if (family === undefined) return [];
  const devices = ['default', ...links.map((link) => link.name)];
  const forwarding = devices.map((device) => ({ name: deviceSysctl(family, device, 'forwarding'), to: value }));
  if (family === 'ipv6') return forwarding;
  return [...forwarding, { name: deviceSysctl('ipv4', 'all', 'accept_redirects'), to: value === '0' ? '1' : '0' }];
}

const FORWARDING: Readonly<Record<string, Family>> = {
  'net.ipv4.ip_forward': 'ipv4',
  'net.ipv6.conf.all.forwarding': 'ipv6',
};

/** A host that becomes an IPv6 router forgets default routes of router advertisements (rt6_purge_dflt_routers). */
async function lostRoutes({ name }: SysctlStep, { client }: HostClient): Promise<string[]> {
  if (FORWARDING[name] !== 'ipv6') return [];
  const routes = await client.routes('ipv6');
  return routes.filter(({ destination, protocol }) => destination === '::/0' && protocol === 'ra').map(encode);
}

// Addresses

async function addAddress(step: AddressStep, host: HostClient): Promise<void> {
  const { device, address, prefix, deprecated } = step;
  // Detection would keep a VIP from being used for seconds, and finds the other hosts that rightly have it.
  const nodad = familyOf(address) === 'ipv6';
  const spec = { device, address, prefix, nodad, deprecated };
  await host.client.addAddress(spec);
  if (!step.announce) return;
  const link = (await host.client.links()).find(({ name }) => name === device);
  const heard = link?.up && link.mac !== undefined && !link.noarp && !link.loopback;
  if (heard) await announce(address, { device, netns: host.netns });
}

async function removeAddress(step: AddressKey, host: HostClient): Promise<void> {
  // With the first address of a network the kernel deletes the others, which may have come since.
  if ((await promotion(step, host)).length > 0) host.write(promoteSecondaries(step.device), '1');
  await unless(['EADDRNOTAVAIL', 'ENODEV'], host.client.deleteAddress(keyOf(step)));
}

function keyOf({ device, address, prefix }: AddressKey): AddressKey {
  return { device, address, prefix };
}

/** The value that promote_secondaries is to have again, where it is needed and not set. */
async function promotion({ device, address, prefix }: AddressKey, host: HostClient): Promise<SysctlValue[]> {
  if (familyOf(address) === 'ipv6') return [];
  const same = (await host.client.addresses()).filter((entry) => entry.device === device && entry.prefix === prefix);
  const first = same.some((entry) => entry.address === address && !entry.flags.includes('secondary'));
  const followed = same.some(({ flags }) => flags.includes('secondary'));
  const value = host.read(promoteSecondaries(device));
  return first && followed && value === '0' ? [{ name: promoteSecondaries(device), value }] : [];
}

function promoteSecondaries(device: string): string {
  return deviceSysctl('ipv4', device, 'promote_secondaries');
}

// Routes

/** IPv4's best metric, and the one that IPv6 routes have unless they say otherwise. */
const METRIC: Readonly<Record<Family, number>> = { ipv4: 0, ipv6: 1024 };

function routeSpec({ destination, gateway }: RouteStep): RouteSpec {
  return { destination, gateway, metric: METRIC[familyOf(destination)], protocol: 'static' };
}

/** The routes to the same destination that would be taken before ours, or instead of it. */
async function routesInTheWay({ destination }: RouteStep, { client }: HostClient): Promise<RouteEntry[]> {
  const family = familyOf(destination);
  const routes = await client.routes(family);
  return routes.filter(
    (route) => route.table === 'main' && route.destination === destination && (route.metric ?? 0) <= METRIC[family],
  );
}

function encode(route: RouteEntry): string {
  return Buffer.from(route.message).toString('base64');
}

function decode(route: string): Uint8Array {
  return Uint8Array.from(Buffer.from(route, 'base64'));
}

/** Its device or its way to the gateway may be gone by now. */
async function bringBack(route: Uint8Array, { client }: HostClient): Promise<void> {
  await unless(['EEXIST'], client.restoreRoute(route));
}

// Devices, ports and rules

/** A device that bears someone else's addresses by now is left on. */
async function switchOff({ device }: LinkUpStep, { client }: HostClient): Promise<string[]> {
  const link = (await client.links()).find(({ name }) => name === device);
  if (!link?.up) return [];
  const others = (await client.addresses()).filter((entry) => entry.device === device && entry.scope === 'global');
  const [first] = others;
  if (first !== undefined) return [`${device} has the address ${first.address} now: it stays on`];
  await client.setLinkUp(device, false);
  return [];
}

async function addGreDevice({ device, local }: GreDeviceStep, { client }: HostClient): Promise<void> {
  const other = (await client.links()).find(({ name }) => name === device);
  if (other === undefined) return client.addGre(device, local);
  const what = other.greLocal === undefined ? 'other packets' : `packets to ${other.greLocal}`;
  throw new UnavailableError(`there is a device ${device} for ${what}: take down the set-up that made it first`);
}

/** A device of the name that is not as ours was is somebody else's; one with somebody else's addresses stays. */
async function removeGreDevice(step: GreDeviceStep, { client }: HostClient): Promise<string[]> {
  const link = (await client.links()).find(({ name }) => name === step.device);
  if (link === undefined) return [];
  if (!isGreDevice(link, step)) return [`${step.device} is another device now: it stays`];
  const others = (await client.addresses()).filter((entry) => entry.device === link.name && entry.scope === 'global');
  const [first] = others;
  if (first !== undefined) return [`${link.name} has the address ${first.address} now: it stays`];
  await unless(['ENODEV'], client.deleteLink(link.name));
  return [];
}

async function openFouPort({ port, family }: FouPortStep, { netns }: HostClient): Promise<void> {
  await using fou = await needFou({ netns });
  await fou.addGue(port, family);
}

/** A port that unwraps something else by now is somebody else's. */
async function closeFouPort(step: FouPortStep, { netns }: HostClient): Promise<string[]> {
  await using fou = await FouClient.open({ netns });
  const found = (await fou?.ports())?.filter((port) => isSamePort(port, step)) ?? [];
  if (!found.some((port) => isGuePort(port, step))) {
    return found.length === 0 ? [] : [`the UDP port ${formatFouPort(step)} is another FOU port now: it stays`];
  }
  await fou?.delete(step.port, step.family);
  return [];
}

async function removeMasquerade(step: MasqueradeStep, { netns }: HostClient): Promise<void> {
  if (await hasMasquerade(step, netns)) await changeMasquerade('delete', step, netns);
}
