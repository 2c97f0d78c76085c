/**
 * In what the kernels differ that can be simulated.
 * @module
 */
import { EDITS_COUNT, EDITS_END_OVERLOAD, type OverloadRule } from './table/overload.js';

/** The kernels that a `SimulatedKernel` can be, oldest first; see {@link SimulatedKernelOptions.release}. */
export const KERNEL_RELEASES = ['6.1.176', '6.1', '6.12', '7.1'] as const;

/** One of the kernels that a `SimulatedKernel` can be; see {@link SimulatedKernelOptions.release}. */
export type KernelRelease = (typeof KERNEL_RELEASES)[number];

/** What one kernel does and another does not. */
export interface ReleaseTraits {
  readonly overload: OverloadRule;
  /** Upper thresholds above it are EINVAL. */
  readonly largestThreshold: number;
  /** Whether the controller says of commands that only dump that they have a policy (genl_cmd_full_to_split). */
  readonly dumpsHavePolicy: boolean;
  /** SKB_SMALL_HEAD_CACHE_SIZE, of which small packet buffers are made; 0 where there is no such cache (before 6.3). */
  readonly smallHead: number;
  /** Whether a template that lost its real server keeps its virtual port in /proc/net/ip_vs_conn. */
  readonly templatesKeepPort: boolean;
  /** Buckets of the connection table, as long as it is empty. */
  readonly connectionTableSize: number;
}

const BEFORE_JULY_2026: ReleaseTraits = {
  overload: EDITS_END_OVERLOAD,
  largestThreshold: 0xffffffff,
  dumpsHavePolicy: true,
  smallHead: 0,
  templatesKeepPort: false,
  connectionTableSize: 4096,
};
const LINUX_6_1: ReleaseTraits = { ...BEFORE_JULY_2026, overload: EDITS_COUNT, largestThreshold: 0x7fffffff };
const LINUX_6_12: ReleaseTraits = { ...LINUX_6_1, dumpsHavePolicy: false, smallHead: 704 };
const LINUX_7_1: ReleaseTraits = { ...LINUX_6_12, templatesKeepPort: true, connectionTableSize: 0 };

const TRAITS: Readonly<Record<KernelRelease, ReleaseTraits>> = {
  '6.1.176': BEFORE_JULY_2026,
  '6.1': LINUX_6_1,
  '6.12': LINUX_6_12,
  '7.1': LINUX_7_1,
};

/** Of the newest long-term kernels. */
export const DEFAULT_RELEASE: KernelRelease = '6.12';

export function traitsOf(release: KernelRelease): ReleaseTraits {
  return TRAITS[release];
}

export function isKernelRelease(input: unknown): input is KernelRelease {
  return (KERNEL_RELEASES as readonly unknown[]).includes(input);
}
