import { beforeEach, describe, expect, it } from 'vitest';
import { Ipvs } from '../../../src/index.js';
import { type KernelRelease, SimulatedKernel } from '../../../src/simulator/index.js';

const KEY = { protocol: 'udp', address: '192.0.2.1', port: 53 } as const;
const SERVER = { address: '10.0.0.1', port: 53, forward: 'nat' } as const;

let kernel: SimulatedKernel;
let ipvs: Ipvs;
let port: number;

async function start(release: KernelRelease): Promise<void> {
  kernel = new SimulatedKernel({ release, now: () => 0 });
  ipvs = await Ipvs.open({ kernel });
  port = 1024;
  await ipvs.addService({ ...KEY, scheduler: 'rr' });
  await ipvs.addDestination(KEY, SERVER);
}

const thresholds = (upperThreshold: number, lowerThreshold = 0) =>
  ipvs.updateDestination(KEY, { ...SERVER, upperThreshold, lowerThreshold });

/** How many of so many datagrams, each of another client, are taken. */
function connect(count: number): number {
  let taken = 0;
  for (const end = port + count; port < end; port++) {
    const client = { address: '198.51.100.1', port };
    if (kernel.connect({ protocol: 'udp', client, virtual: KEY }).refused === undefined) taken++;
  }
  return taken;
}

/** Lets so many of the connections end that came first, which are 10 seconds apart. */
async function connectApart(count: number): Promise<void> {
  await ipvs.setTimeouts({ udp: 1000 });
  for (let n = 0; n < count; n++) {
    expect(connect(1)).toBe(1);
    kernel.advance(10_000);
  }
}

const end = (count: number, of: number) => kernel.advance((100 - of + count - 1) * 10_000 + 1);

describe.each(['6.1', '6.12', '7.1'] as const)('Linux %s', (release) => {
  beforeEach(() => start(release));

  it('compares a lower threshold with the connections at once', async () => {
    await thresholds(10);
    expect(connect(8)).toBe(8);
    await thresholds(8);
    expect(connect(1)).toBe(0);
  });

  it('lets a higher one end an overload only below three quarters of it', async () => {
    await thresholds(8);
    expect(connect(9)).toBe(8);
    // 9 - (9 >> 2) is 7, 10 - (10 >> 2) is 8: they end below that.
    await thresholds(10);
    expect(connect(1)).toBe(0);
    // 12 - (12 >> 2) is 9.
    await thresholds(12);
    expect(connect(5)).toBe(4);
  });

  it('lets a higher one end an overload only below the lower threshold, where there is one', async () => {
    await thresholds(8);
    expect(connect(9)).toBe(8);
    await thresholds(100, 8);
    expect(connect(1)).toBe(0);
    await thresholds(100, 9);
    expect(connect(1)).toBe(1);
  });

  it('looks at the connections only where a threshold has changed', async () => {
    await thresholds(8);
    expect(connect(9)).toBe(8);
    await thresholds(8);
    await ipvs.updateDestination(KEY, { ...SERVER, upperThreshold: 8, weight: 5 });
    expect(connect(1)).toBe(0);
    await thresholds(0);
    expect(connect(20)).toBe(20);
  });

  it.each([
    ['three quarters', 8, 0, 3],
    ['three quarters of what four do not divide, rounded up', 9, 0, 3],
    ['the lower threshold', 8, 5, 4],
  ])('is free again below %s', async (_, upper, lower, ended) => {
    await thresholds(upper, lower);
    await connectApart(upper);
    end(ended - 1, upper);
    expect(kernel.connectionCount).toBe(upper - ended + 1);
    expect(connect(1)).toBe(0);
    kernel.advance(10_000);
    expect(connect(1)).toBe(1);
  });

  it('refuses an upper threshold above 2147483647', async () => {
    await thresholds(0x7fffffff);
    await expect(thresholds(0x80000000)).rejects.toMatchObject({ code: 'EINVAL' });
    expect((await ipvs.listDestinations(KEY))[0]?.destination.upperThreshold).toBe(0x7fffffff);
  });
});

describe('Linux 6.1.176', () => {
  beforeEach(() => start('6.1.176'));

  it('notices a lower threshold with the next connection', async () => {
    await thresholds(10);
    expect(connect(8)).toBe(8);
    await thresholds(8);
    expect(connect(2)).toBe(1);
  });

  it('lets any higher threshold end an overload at once', async () => {
    await thresholds(8);
    expect(connect(9)).toBe(8);
    await thresholds(9);
    expect(connect(2)).toBe(1);
  });

  it('takes any threshold of 32 bits', async () => {
    await thresholds(0xffffffff);
    expect((await ipvs.listDestinations(KEY))[0]?.destination.upperThreshold).toBe(0xffffffff);
  });
});
