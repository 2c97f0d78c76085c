/**
 * What a host has now of all that a set-up may need.
 * @module
 */
import type { Family } from '../address/ip.js';
import type { NamespaceOptions } from '../linux/namespace.js';
import { namespaceOfThisBoot } from '../linux/namespace-identity.js';
import { deviceSysctl, readSysctls } from '../linux/sysctl.js';
import { FouClient, type FouPort } from '../netlink/fou.js';
import type { AddressEntry } from '../netlink/route/address.js';
import { RouteClient } from '../netlink/route/client.js';
import type { LinkEntry } from '../netlink/route/link.js';
import type { RouteEntry } from '../netlink/route/route.js';
import { type MasqueradeState, readMasquerade } from './masquerade.js';

/** A host as it is: what plans are made from. */
export interface HostState {
  /** The network namespace, by a name that is never used again. */
  readonly namespace: string;
  readonly links: readonly LinkEntry[];
  readonly addresses: readonly AddressEntry[];
  /** Of both families, in the kernel's order. */
  readonly routes: readonly RouteEntry[];
  /** By dotted name; undefined for those that this kernel or host does not have. */
  readonly sysctls: Readonly<Record<string, string | undefined>>;
  /** Of the families that were asked for. */
  readonly masquerade: Readonly<Partial<Record<Family, MasqueradeState>>>;
  /** Where it was asked for. */
  readonly fou?: FouState | undefined;
}

/** What a host has of FOU, by which a real server takes GUE packets. */
export interface FouState {
  /** Absent where the kernel has not loaded the module fou. */
  readonly ports?: readonly FouPort[] | undefined;
}

/** Of which host, and whether masquerading and FOU ports are looked into. */
export interface HostStateOptions extends NamespaceOptions {
  /**
   * Families for which a program that can masquerade is looked for; default none. It is tried out in a network namespace of
   * its own, which takes processes (0.1 s and more) and CAP_SYS_ADMIN, and loads the kernel's NAT modules.
   */
  readonly masquerade?: readonly Family[] | undefined;
  /** Lists the FOU ports, which a real server for GUE needs; default false. */
  readonly fou?: boolean | undefined;
}

/** The sysctls of the whole namespace that plans look at. */
const NAMESPACE_SYSCTLS = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding', 'net.ipv4.vs.conntrack'] as const;
/** The sysctls of each device, and of `all`. */
const DEVICE_SYSCTLS = ['arp_ignore', 'arp_announce', 'rp_filter', 'send_redirects', 'forwarding'] as const;

/**
 * Looks at a host, which changes nothing.
 * @throws {UnavailableError} without the addon, or if the namespace can't be entered.
 */
export async function readHostState({
  netns,
  masquerade = [],
  fou = false,
}: HostStateOptions = {}): Promise<HostState> {
  await using client = await RouteClient.open({ netns });
  const links = await client.links();
  const devices = ['all', ...links.map(({ name }) => name)];
  const ofDevices = devices.flatMap((device) => [
    ...DEVICE_SYSCTLS.map((name) => deviceSysctl('ipv4', device, name)),
    deviceSysctl('ipv6', device, 'disable_ipv6'),
  ]);
  const tools: Partial<Record<Family, MasqueradeState>> = {};
  for (const family of masquerade) tools[family] = await readMasquerade(family, netns);
  return {
    namespace: namespaceOfThisBoot({ netns }),
    links,
    addresses: await client.addresses(),
    routes: [...(await client.routes('ipv4')), ...(await client.routes('ipv6'))],
    sysctls: readSysctls([...NAMESPACE_SYSCTLS, ...ofDevices], { netns }),
    masquerade: tools,
    ...(fou && { fou: await readFou(netns) }),
  };
}

async function readFou(netns: string | undefined): Promise<FouState> {
  await using client = await FouClient.open({ netns });
  return client === undefined ? {} : { ports: await client.ports() };
}
