/**
 * The SDK and ipvsadm side by side on one empty table.
 */
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { Ipvs } from '../../src/index.js';
import { Ipvsadm } from '../lab/ipvsadm.js';

export function useBoth(): { readonly ipvs: Ipvs; readonly ipvsadm: Ipvsadm } {
  let both: { ipvs: Ipvs; ipvsadm: Ipvsadm } | undefined;
  const current = () => {
    if (both === undefined) throw new Error('no test is running');
    return both;
  };
  beforeAll(async () => {
    both = { ipvs: await Ipvs.open({ source: 'netlink' }), ipvsadm: new Ipvsadm() };
  });
  beforeEach(() => current().ipvs.flush());
  afterEach(() => current().ipvs.flush());
  afterAll(async () => {
    await current().ipvs.close();
    await current().ipvsadm[Symbol.asyncDispose]();
  });
  return {
    get ipvs() {
      return current().ipvs;
    },
    get ipvsadm() {
      return current().ipvsadm;
    },
  };
}
