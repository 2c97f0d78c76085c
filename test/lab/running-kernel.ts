/**
 * What tests must know of the kernel that they run on, so that they hold on each: Debian's user-mode Linux, and stock kernels.
 * @module
 */
import { availableParallelism, release } from 'node:os';
import type { KernelRelease } from '../../src/simulator/release.js';

/** What a simulated kernel has to be to do as the running one does. */
export const RUNNING_RELEASE: KernelRelease = simulatedRelease(release());

/**
 * With more than one, the kernel waits for the others when a service gets another scheduler, and refuses new connections
 * meanwhile.
 */
export const PROCESSORS = availableParallelism();

/** By what uname says: `6.1.176`, `6.12.117+deb12-amd64`. Of the series 6.1 the corrections of July 2026 are known in 6.1.192. */
export function simulatedRelease(uname: string): KernelRelease {
  const [major = 0, minor = 0, patch = 0] = uname.split(/[.+-]/).map((part) => Number.parseInt(part, 10));
  const isAtLeast = (other: number, otherMinor: number) => major > other || (major === other && minor >= otherMinor);
  if (isAtLeast(7, 1)) return '7.1';
  if (isAtLeast(6, 12)) return '6.12';
  return major === 6 && minor === 1 && patch >= 192 ? '6.1' : '6.1.176';
}
