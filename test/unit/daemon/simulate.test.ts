import { describe, expect, test } from 'vitest';
import { connect } from '../../../src/client/connect.js';
import { InvalidArgumentError } from '../../../src/errors.js';
import { whatIf } from '../../../src/simulator/index.js';
import { KEY, useDaemon, yaml } from './fixture.js';

const context = useDaemon();
const TRAFFIC = { rate: 200, seconds: 5, clients: 100 };

async function started(text = yaml('10.0.0.1', '10.0.0.2')) {
  const { daemon } = context;
  daemon.write(text);
  await daemon.start();
  return daemon;
}

describe('what would happen', () => {
  test('is what whatIf says of the table, and nothing is changed', async () => {
    const daemon = await started();
    await using director = await connect(`unix:${daemon.socket}`);
    const table = await daemon.ipvs.snapshot();
    const changes = [{ change: 'remove', server: { address: '10.0.0.1', port: 80 } }] as const;
    expect(await director.simulate(TRAFFIC)).toEqual(await whatIf(table, TRAFFIC));
    const schedulers = ['rr', 'mh'];
    expect(await director.simulate(TRAFFIC, { changes, at: 1, schedulers, service: KEY })).toEqual(
      await whatIf(table, TRAFFIC, { changes, at: 1, schedulers }),
    );
    expect(await daemon.ipvs.snapshot()).toEqual(table);
    expect(daemon.kernel.connectionCount).toBe(0);
  });

  test('a document counts by what it changes of the service', async () => {
    const daemon = await started();
    await using director = await connect(`unix:${daemon.socket}`);
    const table = await daemon.ipvs.snapshot();
    const desired = `services:
  - service: ${KEY}
    scheduler: sh
    destinations: [{ address: 10.0.0.2, weight: 3 }, 10.0.0.3]
  - service: udp://192.0.2.9:53
    destinations: [10.0.0.9]
`;
    const changes = [
      { change: 'add', server: { address: '10.0.0.3' } },
      { change: 'weight', server: { address: '10.0.0.2' }, weight: 3 },
      { change: 'remove', server: { address: '10.0.0.1' } },
    ] as const;
    expect(await director.simulate(TRAFFIC, { desired })).toEqual(
      await whatIf(table, TRAFFIC, { changes, schedulers: ['sh'] }),
    );
    expect((await director.simulate(TRAFFIC, { desired, schedulers: ['rr'] }))[0]?.scheduler).toBe('rr');
    const value = { services: [{ service: KEY, destinations: ['10.0.0.2'] }] };
    const body = JSON.stringify({ traffic: TRAFFIC, desired: value });
    const { status, json } = await daemon.ask('POST', '/v1/simulate', { body });
    expect(status).toBe(200);
    expect(json[0].servers.map(({ weight }: { weight: number }) => weight).sort()).toEqual([0, 1]);
    expect(json[0].moved.changed).toBeGreaterThan(0);
  });

  test.each([
    [{}, 'traffic'],
    [{ traffic: { rate: 1 } }, 'traffic.seconds'],
    [{ traffic: { ...TRAFFIC, rate: 0 } }, 'rate'],
    [{ traffic: { ...TRAFFIC, rate: 1e6 } }, 'traffic.rate'],
    [{ traffic: { ...TRAFFIC, clients: 2_000_000 } }, 'traffic.clients'],
    [{ traffic: { ...TRAFFIC, clients: '10.0.0.0/8' } }, 'traffic.clients'],
    [{ traffic: TRAFFIC, service: 'tcp://192.0.2.7:80' }, 'service'],
    [{ traffic: TRAFFIC, changes: [{ change: 'weight', server: { address: '10.0.0.1' } }] }, 'changes.0.weight'],
    [{ traffic: TRAFFIC, changes: [], desired: 'services: []' }, 'desired'],
    [{ traffic: TRAFFIC, desired: 'services: [x]' }, 'services[0]'],
    [{ traffic: TRAFFIC, colour: 1 }, ''],
  ])('%j is refused', async (body, path) => {
    const daemon = await started();
    const { status, json } = await daemon.ask('POST', '/v1/simulate', { body: JSON.stringify(body) });
    expect(status).toBe(422);
    expect(json.errors.map((issue: { path: string }) => issue.path)).toContain(path);
  });

  test('others are answered meanwhile, and a client that goes ends it', async () => {
    const daemon = await started();
    await using director = await connect(`unix:${daemon.socket}`);
    const leave = new AbortController();
    const long = { rate: 10_000, seconds: 90, duration: { distribution: 'fixed', mean: 1 } } as const;
    const simulated = director.simulate(long, {}, { signal: leave.signal }).catch((error: unknown) => error);
    let slowest = 0;
    for (let request = 0; request < 20; request++) {
      const begun = performance.now();
      expect((await daemon.ask('GET', '/livez')).status).toBe(200);
      slowest = Math.max(slowest, performance.now() - begun);
    }
    // Some turns of 4 ms each; a second where it held the loop.
    expect(slowest).toBeLessThan(800);
    leave.abort(new InvalidArgumentError('test', []));
    expect(await simulated).toBeInstanceOf(InvalidArgumentError);
    // One at a time: the next waits for the end of the first, which has come.
    const begun = performance.now();
    await director.simulate(TRAFFIC);
    expect(performance.now() - begun).toBeLessThan(3000);
  });
});
