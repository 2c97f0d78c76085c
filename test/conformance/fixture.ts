/**
 * A kernel, and a client on its empty table, for each test of a file. Which kernel, the project says (vitest.config.ts): the
 * running one in the lab, or the simulated one anywhere. Tests that run on both never ask.
 */
import { afterEach, beforeEach } from 'vitest';
import { Ipvs, linuxKernel } from '../../src/index.js';
import type { Kernel } from '../../src/kernel/kernel.js';
import { SimulatedKernel } from '../../src/simulator/simulated-kernel.js';
import { Lan } from '../lab/network.js';
import { succeed } from '../lab/process.js';

const SIMULATED = process.env['IPVS_TEST_KERNEL'] === 'simulator';

/** What a test finds. */
export interface Context {
  readonly kernel: Kernel;
  /** A client that speaks netlink. */
  readonly ipvs: Ipvs;
  /** One more client on the same table; the test closes it. */
  open(options?: { source?: 'auto' | 'netlink' | 'proc' }): Promise<Ipvs>;
}

/** Call it at the top of a file; the client in it changes with every test. */
export function useIpvs(): Context {
  let current: { kernel: Kernel; ipvs: Ipvs } | undefined;
  const running = () => {
    if (current === undefined) throw new Error('no test is running');
    return current;
  };
  beforeEach(async () => {
    const kernel = SIMULATED ? new SimulatedKernel() : linuxKernel();
    current = { kernel, ipvs: await Ipvs.open({ kernel, source: 'netlink' }) };
    await current.ipvs.flush();
  });
  afterEach(async () => {
    await current?.ipvs.flush();
    await current?.ipvs.close();
  });
  return {
    get kernel() {
      return running().kernel;
    },
    get ipvs() {
      return running().ipvs;
    },
    open: (options = {}) => Ipvs.open({ kernel: running().kernel, ...options }),
  };
}

/** A director of its own. */
export interface Director extends AsyncDisposable {
  readonly kernel: Kernel;
}

/** One with lo up and an address with its prefix length (`10.7.0.1/24`). */
export async function directorWith(address: string): Promise<Director> {
  if (SIMULATED) return simulated(['127.0.0.1/8', address]);
  const lan = await Lan.create();
  const { namespacePath } = await lan.host('director', address);
  return {
    kernel: linuxKernel({ netns: namespacePath }),
    [Symbol.asyncDispose]: () => lan[Symbol.asyncDispose](),
  };
}

/** One whose lo was never up, as `ip netns add` leaves it. */
export async function directorAsleep(): Promise<Director> {
  if (SIMULATED) return simulated([]);
  await succeed('ip', ['netns', 'add', 'asleep']);
  return {
    kernel: linuxKernel({ netns: 'asleep' }),
    [Symbol.asyncDispose]: async () => {
      await succeed('ip', ['netns', 'delete', 'asleep']);
    },
  };
}

function simulated(addresses: string[]): Director {
  return { kernel: new SimulatedKernel({ addresses }), [Symbol.asyncDispose]: async () => {} };
}

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('this should have been refused');
}
