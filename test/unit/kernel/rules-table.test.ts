import { describe, expect, it } from 'vitest';
import { formatRules, Ipvs } from '../../../src/index.js';
import { NetlinkSource } from '../../../src/kernel/netlink-source.js';
import { ProcSource } from '../../../src/kernel/proc-source.js';
import { readRulesTable } from '../../../src/kernel/rules-table.js';
import { SimulatedKernel } from '../../../src/simulator/simulated-kernel.js';

const RULES = `
  -A -t 192.0.2.1:80 -s wlc
  -a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1
  -a -t 192.0.2.1:80 -r 10.0.0.2:80 -i -w 1 --tun-type gre --tun-csum
  -A -t 192.0.2.2:80 -s wlc
  -a -t 192.0.2.2:80 -r 10.0.0.3:80 -m -w 1
  -A -f 8 -s wlc
  -a -f 8 -r 10.0.0.8:0 -g -w 4
  -A -f 8 -6 -s rr
  -a -f 8 -6 -r [fd00::8]:0 -g -w 6
`;

/** A table, and what happens before each reading of /proc/net/ip_vs. */
async function filled(beforeProc: ((ipvs: Ipvs) => Promise<void>)[] = []) {
  const kernel = new SimulatedKernel();
  const ipvs = await Ipvs.open({ kernel });
  await ipvs.restore(RULES);
  const netlink = await NetlinkSource.open(kernel.socket(), {});
  const proc = new ProcSource({
    socket: () => kernel.socket(),
    async *proc(name) {
      await beforeProc.shift()?.(ipvs);
      yield* kernel.proc(name);
    },
    ticksPerSecond: () => kernel.ticksPerSecond(),
  });
  return { ipvs, read: () => readRulesTable(netlink, proc) };
}

const nothing = async () => {};

describe('the table that rules tell', () => {
  it('is that of a snapshot', async () => {
    const { ipvs, read } = await filled();
    const services = await read();
    expect(services && formatRules({ services })).toBe(formatRules(await ipvs.snapshot()));
  });

  it.each<[string, (ipvs: Ipvs) => Promise<unknown>]>([
    ['a service came', (ipvs) => ipvs.restore('-A -t 192.0.2.9:80 -s rr')],
    ['a service went', (ipvs) => ipvs.restore('-D -t 192.0.2.2:80')],
    ['a server came', (ipvs) => ipvs.restore('-a -t 192.0.2.2:80 -r 10.0.0.9:80 -m')],
    ['a server went', (ipvs) => ipvs.restore('-d -t 192.0.2.2:80 -r 10.0.0.3:80')],
    [
      'a server became another',
      (ipvs) => ipvs.restore('-d -t 192.0.2.2:80 -r 10.0.0.3:80\n-a -t 192.0.2.2:80 -r 10.0.0.4:80 -m'),
    ],
  ])('is not known when %s between the readings of /proc', async (_, change) => {
    const { read } = await filled([nothing, async (ipvs) => void (await change(ipvs))]);
    expect(await read()).toBeUndefined();
  });

  it('is not known when a service came or went between netlink and /proc', async () => {
    for (const rule of ['-A -t 192.0.2.9:80 -s rr', '-D -t 192.0.2.2:80']) {
      const { read } = await filled([async (ipvs) => void (await ipvs.restore(rule))]);
      expect(await read()).toBeUndefined();
    }
  });

  it('is not known when the two services of a mark changed places', async () => {
    const swap = '-D -f 8\n-A -f 8 -s wlc\n-a -f 8 -r 10.0.0.8:0 -g -w 4';
    const { read } = await filled([async (ipvs) => void (await ipvs.restore(swap))]);
    expect(await read()).toBeUndefined();
  });
});
