/**
 * Asking the network who else has an address, for many addresses.
 * @module
 */
import { KernelError, UnavailableError } from '../errors.js';
import { whoHave } from '../neighbours/neighbour-probe.js';
import type { HostState } from './state.js';

/** Milliseconds that answers of the network are waited for. */
const WAIT = 500;

/** An address, and the device of the network that is asked for it. */
export interface Question {
  readonly address: string;
  readonly device: string;
}

/** What the network said. */
export interface Answers {
  /** By address: the Ethernet addresses of the other hosts that say they have it. Absent for those that nobody was asked for. */
  readonly answers: Record<string, string[]>;
  /** Why this process could not ask. */
  readonly problem?: string;
}

/**
 * Who else has each address. Nobody is asked on a device that is down or has no neighbours.
 */
export async function otherOwners(
  questions: readonly Question[],
  { links }: Pick<HostState, 'links'>,
  netns: string | undefined,
): Promise<Answers> {
  const answers: Record<string, string[]> = {};
  const own = new Set(links.map(({ mac }) => mac));
  for (const { name, up, lowerUp, mac, noarp, loopback } of links) {
    const there = questions.filter(({ device }) => device === name).map(({ address }) => address);
    if (there.length === 0 || !up || !lowerUp || mac === undefined || noarp || loopback) continue;
    try {
      const found = await whoHave(there, { device: name, netns, timeout: WAIT });
      // A device of this host on the same wire answers as well, which is no one else.
      for (const [address, macs] of found) answers[address] = macs.filter((one) => !own.has(one));
    } catch (error) {
      if (error instanceof UnavailableError) return { answers, problem: error.message };
      // The device went down meanwhile.
      if (!(error instanceof KernelError)) throw error;
    }
  }
  return { answers };
}
