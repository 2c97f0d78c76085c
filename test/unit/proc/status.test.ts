import { describe, expect, it } from 'vitest';
import { Ipvs, ProtocolError } from '../../../src/index.js';
import type { Kernel } from '../../../src/kernel/kernel.js';
import { readProcStatus } from '../../../src/proc/status.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';

async function* pieces(text: string, length = 7): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += length) yield text.slice(at, at + length);
}

/** Of a director with three connections and two services; the layout of ip_vs_status_show in Linux 7.1. */
const BUSY = `\
Conns:\t3
Conn buckets:\t256 (8 bits, lfactor -4)
Conn buckets empty:\t253 (98%)
Conn buckets len-1:\t3 (100%)
Services:\t2
Service buckets:\t16 (4 bits, lfactor 1)
Service buckets empty:\t15 (93%)
Service buckets len-2:\t1 (100%)
Stats thread slots:\t1 (max 50)
Stats chain max len:\t42
Stats thread ests:\t5
`;

describe('/proc/net/ip_vs_status', () => {
  it('tells the hash tables and the estimation', async () => {
    expect(await readProcStatus(pieces(BUSY))).toEqual({
      connections: 3,
      connectionTable: { loadFactor: -4, buckets: 256, empty: 253, chains: [{ length: 1, buckets: 3 }] },
      services: 2,
      serviceTable: { loadFactor: 1, buckets: 16, empty: 15, chains: [{ length: 2, buckets: 1 }] },
      estimation: { slots: 1, maxSlots: 50, maxChainLength: 42, estimators: 5 },
    });
  });

  it('has no table before the first connection, and may have rows that are not known', async () => {
    const idle = 'Conns:\t0\nConn buckets:\t0 (0 bits, lfactor -4)\nServices:\t0\nSomething new:\tyes\n';
    expect(await readProcStatus(pieces(idle))).toEqual({ connections: 0, services: 0 });
    expect(await readProcStatus(pieces('Conns:\t0\nServices:\t0\n'))).toEqual({ connections: 0, services: 0 });
  });

  it.each(['', 'Conns:\t3\n', 'Conns:\tmany\nServices:\t2\n'])('is refused without its numbers: %j', async (text) => {
    await expect(readProcStatus(pieces(text))).rejects.toThrow(ProtocolError);
  });
});

/** A simulated kernel with other sysctls, and perhaps this file. */
function kernelWith(sysctls: Readonly<Record<string, string>>, status?: string): Kernel {
  const simulated = new SimulatedKernel();
  return {
    socket: () => simulated.socket(),
    proc: (name) => (name === 'ip_vs_status' && status !== undefined ? pieces(status) : simulated.proc(name)),
    ticksPerSecond: () => simulated.ticksPerSecond(),
    sysctl: (name) => sysctls[name] ?? simulated.sysctl(name),
  };
}

describe('Ipvs', () => {
  it('tells the status where there is one', async () => {
    await using ipvs = await Ipvs.open({ kernel: kernelWith({}, BUSY) });
    expect(await ipvs.status()).toMatchObject({ connections: 3, services: 2 });
    await using old = await Ipvs.open({ kernel: kernelWith({}) });
    expect(await old.status()).toBeUndefined();
  });

  it('tells the sysctls that there are', async () => {
    await using ipvs = await Ipvs.open({ kernel: kernelWith({ 'net.ipv4.vs.conn_max': '1073741824' }) });
    const sysctls = ipvs.sysctls();
    expect(sysctls).toMatchObject({ conn_reuse_mode: '1', run_estimation: '1', conn_max: '1073741824' });
    expect(sysctls).not.toHaveProperty('est_nice');
  });

  it.each([
    [{}, true],
    [{ 'net.ipv4.vs.est_cpulist': '0-3' }, true],
    [{ 'net.ipv4.vs.est_cpulist': '' }, false],
    [{ 'net.ipv4.vs.run_estimation': '0', 'net.ipv4.vs.est_cpulist': '0-3' }, false],
  ])('counts traffic unless estimation is off or has no processor: %j', async (sysctls, counts) => {
    await using ipvs = await Ipvs.open({ kernel: kernelWith(sysctls) });
    expect(ipvs.countsTraffic()).toBe(counts);
  });
});
