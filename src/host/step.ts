/**
 * What a set-up is made of: single acts on a host, as plain values that JSON can carry.
 * @module
 */
import type { Family } from '../address/ip.js';

/**
 * What steps are good for. A plan may have several of one id: a VIP each, a sysctl of each device. The doctor's findings and
 * the guides use the same names.
 */
export const HOST_STEP_IDS = [
  'lo-up',
  'arp-ignore',
  'arp-announce',
  'vip',
  'tunnel-up',
  'rp-filter',
  'gateway',
  'ip-forward',
  'inside-address',
  'send-redirects',
  'conntrack',
  'masquerade',
] as const;
/** One of {@link HOST_STEP_IDS}. */
export type HostStepId = (typeof HOST_STEP_IDS)[number];

/** What a step says of itself. */
export interface HostStepWords {
  readonly id: HostStepId;
  /** What is done: `add 10.0.0.100/32 to lo`. */
  readonly what: string;
  /** Why, with the failure it prevents: a sentence or two. */
  readonly why: string;
  /** The opposite: `delete 10.0.0.100/32 from lo`. */
  readonly undo: string;
}

/** Sets a sysctl. */
export interface SysctlStep extends HostStepWords {
  readonly kind: 'sysctl';
  /** In dots: `net.ipv4.conf.all.arp_ignore`. */
  readonly name: string;
  readonly value: string;
  /** Other values that serve as well, and are left. */
  readonly alsoGood: readonly string[];
}

/** Adds an address to a device. */
export interface AddressStep extends HostStepWords {
  readonly kind: 'address';
  readonly device: string;
  readonly address: string;
  /** Bits of the network's prefix. */
  readonly prefix: number;
  /** The neighbours are told that it is here now. Any prefix it has already is fine. */
  readonly announce: boolean;
  /**
   * IPv6: with a preferred lifetime of 0, so that the kernel takes it for the source of nothing by itself. As the source of
   * the director's own packets it would be answered by the real servers to themselves, and by a tunnel's end be dropped.
   */
  readonly deprecated: boolean;
}

/** Takes an address away that a host should not have. No set-up has such steps; the doctor mends with them. */
export interface AddressRemovalStep extends HostStepWords {
  readonly kind: 'address-removal';
  readonly device: string;
  readonly address: string;
  /** Bits of the network's prefix. */
  readonly prefix: number;
}

/** Adds a default route, in the place of those that would be taken before it. */
export interface RouteStep extends HostStepWords {
  readonly kind: 'route';
  /** `0.0.0.0/0` or `::/0` */
  readonly destination: string;
  readonly gateway: string;
}

/** Switches a device on. */
export interface LinkUpStep extends HostStepWords {
  readonly kind: 'link-up';
  readonly device: string;
}

/** Makes a GRE device that takes packets with checksums, from any sender. Without one the kernel has gre0, which drops them. */
export interface GreDeviceStep extends HostStepWords {
  readonly kind: 'gre-device';
  readonly device: string;
  /** The address of this host that packets are sent to: without one, the kernel finds no device but gre0 for them. */
  readonly local: string;
}

/** Opens a UDP port that unwraps GUE packets, whoever sent them. What was in them goes on to the devices for IP in IP. */
export interface FouPortStep extends HostStepWords {
  readonly kind: 'fou-port';
  /** 1 to 65535 */
  readonly port: number;
  /** Of the packets that come to it. */
  readonly family: Family;
}

/** The programs that can masquerade. */
export const MASQUERADE_PROGRAMS = ['nft', 'iptables', 'iptables-legacy', 'ip6tables', 'ip6tables-legacy'] as const;
/** One of {@link MASQUERADE_PROGRAMS}. */
export type MasqueradeTool = (typeof MASQUERADE_PROGRAMS)[number];

/** Adds a rule by which packets that IPVS sends to the real servers bear the director's own address. */
export interface MasqueradeStep extends HostStepWords {
  readonly kind: 'masquerade';
  /** The program that works on this host. */
  readonly tool: MasqueradeTool;
  /** By which the rule is known as ours: `ipvs-ts-1f3a9c02`. */
  readonly mark: string;
  /** The real servers' network: `10.1.0.0/24`. */
  readonly network: string;
  readonly vips: readonly string[];
}

/** One act on a host. */
export type HostStep =
  | SysctlStep
  | AddressStep
  | AddressRemovalStep
  | RouteStep
  | LinkUpStep
  | GreDeviceStep
  | FouPortStep
  | MasqueradeStep;
