import { describe, expect, it } from 'vitest';
import { ClosedError, InterruptedError, KernelError, type ServiceEntry } from '../../src/index.js';
import { rejection, useIpvs } from './fixture.js';

const context = useIpvs();
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const service = (n: number) =>
  ({ protocol: 'tcp', address: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, port: 80 }) as const;

describe('many callers on one client', () => {
  it('300 at once, of every kind', async () => {
    const { ipvs } = context;
    await Promise.all(numbers(100).map((n) => ipvs.addService(service(n))));
    const results = await Promise.all(
      numbers(300).map(async (n) => {
        const key = service(n % 100);
        if (n % 3 === 0) return (await ipvs.getService(key))?.service.protocol;
        if (n % 3 === 1) return (await ipvs.listServices()).length;
        await ipvs.addDestination(key, { address: `192.0.2.${1 + (n % 200)}` });
        return (await ipvs.listDestinations(key)).length > 0;
      }),
    );
    for (const [n, result] of results.entries()) expect(result).toBe(['tcp', 100, true][n % 3]);
  });

  it('5,000 refusals in one go are 5,000 errors, each of its own call', async () => {
    const { ipvs } = context;
    const errors = await Promise.all(numbers(5000).map((n) => rejection(ipvs.deleteService(service(n)))));
    for (const [n, error] of errors.entries()) {
      expect(error).toBeInstanceOf(KernelError);
      expect(error).toMatchObject({ code: 'ESRCH', object: `tcp://${service(n).address}:80` });
    }
  });

  it('refusals among successes hit the right ones', async () => {
    const { ipvs } = context;
    for (const n of numbers(500)) if (n % 7 === 0) await ipvs.addService(service(n));
    const outcomes = await Promise.all(
      numbers(500).map((n) =>
        ipvs.addService(service(n)).then(
          () => 'done',
          (error: KernelError) => error.code,
        ),
      ),
    );
    expect(outcomes).toEqual(numbers(500).map((n) => (n % 7 === 0 ? 'EEXIST' : 'done')));
    expect(await ipvs.listServices()).toHaveLength(500);
  });
});

/** With several processors the table may change during each of the readings that a list takes. */
function nothingWhereInterrupted(error: unknown): ServiceEntry[] {
  if (error instanceof InterruptedError) return [];
  throw error;
}

describe('dumps', () => {
  it('that are left early leave the client usable', async () => {
    const { ipvs } = context;
    await Promise.all(numbers(2000).map((n) => ipvs.addService(service(n))));
    for (let round = 0; round < 20; round++) {
      let seen = 0;
      for await (const entry of ipvs.services()) {
        expect(entry.service.protocol).toBe('tcp');
        if (++seen === round) break;
      }
    }
    expect(await ipvs.listServices()).toHaveLength(2000);
  });

  it('may be nested', async () => {
    const { ipvs } = context;
    await Promise.all(numbers(50).map((n) => ipvs.addService(service(n))));
    await Promise.all(numbers(50).map((n) => ipvs.addDestination(service(n), { address: '192.0.2.1' })));
    let destinations = 0;
    for await (const entry of ipvs.services()) {
      for await (const { destination } of ipvs.destinations(entry.service))
        if (destination.weight === 1) destinations++;
      await ipvs.updateDestination(entry.service, { address: '192.0.2.1', weight: 2, forward: 'dr' });
    }
    expect(destinations).toBe(50);
  });

  it('tell nothing twice while services come and go, and a snapshot tells only what was there together', async () => {
    const { ipvs } = context;
    await using other = await context.open();
    await Promise.all(numbers(400).map((n) => ipvs.addService(service(n))));
    let stop = false;
    const churn = (async () => {
      for (let n = 1000; !stop; n = n === 1099 ? 1000 : n + 1) {
        await other.addService(service(n));
        await other.deleteService(service(n));
      }
    })();
    for (let round = 0; round < 10; round++) {
      const listed = await ipvs.listServices().catch(nothingWhereInterrupted);
      const addresses = listed.map((entry) => JSON.stringify(entry.service));
      expect(new Set(addresses).size).toBe(addresses.length);
    }
    stop = true;
    await churn;
    const { services } = await ipvs.snapshot();
    expect(services).toHaveLength(400);
  });
});

describe('an abort', () => {
  it('before sending changes nothing', async () => {
    const { ipvs } = context;
    const reason = new Error('enough');
    expect(await rejection(ipvs.addService(service(1), { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const controller = new AbortController();
    const call = rejection(ipvs.addService(service(1), { signal: controller.signal }));
    controller.abort(reason);
    expect(await call).toBe(reason);
    expect(await ipvs.listServices()).toEqual([]);
  });

  it('during a dump ends it, and the client goes on', async () => {
    const { ipvs } = context;
    await Promise.all(numbers(2000).map((n) => ipvs.addService(service(n))));
    const controller = new AbortController();
    const walk = async () => {
      for await (const _ of ipvs.services({ signal: controller.signal })) controller.abort(new Error('enough'));
    };
    await expect(walk()).rejects.toThrow('enough');
    expect(await ipvs.listServices()).toHaveLength(2000);
  });

  it('after the call has ended means nothing', async () => {
    const controller = new AbortController();
    await context.ipvs.addService(service(1), { signal: controller.signal });
    controller.abort();
    expect(await context.ipvs.listServices()).toHaveLength(1);
  });
});

describe('closing', () => {
  it('ends the calls under way and refuses new ones', async () => {
    const ipvs = await context.open();
    const calls = numbers(1000).map((n) => rejection(ipvs.deleteService(service(n))));
    await ipvs.close();
    for (const error of await Promise.all(calls)) expect(error).toBeInstanceOf(ClosedError);
    expect(await rejection(ipvs.info())).toBeInstanceOf(ClosedError);
    await ipvs.close();
  });
});
