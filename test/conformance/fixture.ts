/**
 * A client on an empty table, for each test of a file.
 */
import { afterEach, beforeEach } from 'vitest';
import { Ipvs } from '../../src/index.js';

/** Call it at the top of a file; the client in it changes with every test. */
export function useIpvs(): { readonly ipvs: Ipvs } {
  let current: Ipvs | undefined;
  beforeEach(async () => {
    current = await Ipvs.open({ source: 'netlink' });
    await current.flush();
  });
  afterEach(async () => {
    await current?.flush();
    await current?.close();
  });
  return {
    get ipvs() {
      if (current === undefined) throw new Error('no test is running');
      return current;
    },
  };
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
