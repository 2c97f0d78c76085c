import { createServer } from 'node:http';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { connect } from '../../../src/client/connect.js';
import type { RemoteDirector } from '../../../src/client/remote-director.js';
import {
  ClosedError,
  ConfigError,
  InvalidArgumentError,
  KeptError,
  KernelError,
  ProtocolError,
  RemoteError,
  TimeoutError,
  UnavailableError,
} from '../../../src/errors.js';
import { hasOpenssl } from '../certificate.js';
import { type Daemon, KEY, useDaemon, yaml } from '../daemon/fixture.js';
import { startTcp } from '../daemon/tcp.js';

const context = useDaemon();
const ONE = yaml('10.0.0.1');
const TWO = yaml('10.0.0.1', '10.0.0.2');
const SERVER = { address: '10.0.0.1' };
const OTHER = 'udp://192.0.2.9:53';

async function opened(text = TWO): Promise<{ daemon: Daemon; director: RemoteDirector }> {
  const { daemon } = context;
  daemon.write(text);
  await daemon.start({ prune: false });
  return { daemon, director: await connect(`unix:${daemon.socket}`) };
}

function traffic({ kernel }: Daemon, ...ports: number[]): void {
  for (const port of ports) {
    const virtual = { address: '192.0.2.1', port: 80 };
    kernel.connect({ protocol: 'tcp', virtual, client: { address: '198.51.100.1', port } });
  }
}

describe('the table is what Ipvs reads', () => {
  test('services, real servers, counters, settings', async () => {
    const { daemon, director } = await opened();
    traffic(daemon, 1024, 1025, 1026);
    const { ipvs } = daemon;
    expect(director.source).toBe('netlink');
    expect(director.countsTraffic()).toBe(ipvs.countsTraffic());
    expect(await director.snapshot()).toEqual(await ipvs.snapshot());
    expect(await director.listServices()).toEqual(await ipvs.listServices());
    expect(await director.getService(KEY)).toEqual(await ipvs.getService(KEY));
    expect(await director.listDestinations(KEY)).toEqual(await ipvs.listDestinations(KEY));
    expect(await director.totals()).toEqual(await ipvs.totals());
    expect(await director.info()).toEqual(await ipvs.info());
    expect(await director.timeouts()).toEqual(await ipvs.timeouts());
    expect(await director.daemons()).toEqual(await ipvs.daemons());
    expect(await director.listConnections()).toEqual(await ipvs.listConnections());
    expect(await director.listConnections({ server: SERVER })).toEqual(await ipvs.listConnections({ server: SERVER }));
    await director.close();
  });

  test('what is not there', async () => {
    const { director } = await opened();
    expect(await director.getService(OTHER)).toBeUndefined();
    expect(await director.listDestinations(OTHER)).toEqual([]);
    expect(await director.listConnections({ service: OTHER })).toEqual([]);
    expect(await director.getOverride('weight', KEY, SERVER)).toBeUndefined();
    expect(await director.endOverride('drain', KEY, SERVER)).toBeUndefined();
    await director.close();
  });
});

describe('changes', () => {
  test('of what the file says nothing about are made; the kernel refuses in its own words', async () => {
    const { daemon, director } = await opened();
    await director.apply({ verb: 'add-service', service: { protocol: 'udp', address: '192.0.2.9', port: 53 } });
    await director.apply({ verb: 'zero' });
    expect(await daemon.ipvs.getService(OTHER)).toBeDefined();
    const failures = await director.applyAll([
      { verb: 'add-destination', key: OTHER, destination: { address: '10.0.0.5' } },
      { verb: 'add-service', service: { protocol: 'udp', address: '192.0.2.9', port: 53 } },
      { verb: 'delete-service', key: KEY },
      { verb: 'add-destination', key: OTHER, destination: { address: '10.0.0.6' } },
    ]);
    expect(failures.map(({ place, change, error }) => [place, change.verb, error.constructor])).toEqual([
      [1, 'add-service', KernelError],
      [2, 'delete-service', KeptError],
    ]);
    const here = await daemon.ipvs
      .addService({ protocol: 'udp', address: '192.0.2.9', port: 53 })
      .catch((error) => error);
    expect(failures[0]?.error).toEqual(here);
    expect((await daemon.ipvs.listDestinations(OTHER)).map(({ destination }) => destination.address).sort()).toEqual([
      '10.0.0.5',
      '10.0.0.6',
    ]);
    // The loop lets it be.
    daemon.write(ONE);
    await vi.waitFor(async () => expect(await daemon.servers()).toBe('10.0.0.1 1'), { timeout: 10_000 });
    expect(await daemon.ipvs.getService(OTHER)).toBeDefined();
    await director.close();
  });

  test.each([
    { verb: 'delete-service', key: KEY },
    { verb: 'add-destination', key: KEY, destination: { address: '10.0.0.9' } },
    { verb: 'update-destination', key: KEY, destination: { address: '10.0.0.1', forward: 'dr', weight: 5 } },
    { verb: 'delete-destination', key: KEY, destination: { address: '10.0.0.1' } },
    { verb: 'flush' },
  ] as const)('that the file would undo are refused: $verb', async (change) => {
    const { daemon, director } = await opened();
    const before = await daemon.ipvs.snapshot();
    await expect(director.apply(change)).rejects.toThrow(KeptError);
    expect(await daemon.ipvs.snapshot()).toEqual(before);
    await director.close();
  });

  test("with --prune all services are the file's; timeouts only if it has some", async () => {
    const { daemon } = context;
    daemon.write(`${ONE}timeouts: { tcp: 600 }\n`);
    await daemon.start({ prune: true });
    await using director = await connect(`unix:${daemon.socket}`);
    const add = { verb: 'add-service', service: { protocol: 'udp', address: '192.0.2.9', port: 53 } } as const;
    await expect(director.apply(add)).rejects.toThrow(KeptError);
    await expect(director.apply({ verb: 'set-timeouts', timeouts: { udp: 5 } })).rejects.toThrow(KeptError);
    await expect(director.apply({ verb: 'zero', key: KEY })).resolves.toBeUndefined();
  });

  test('that are none are refused before anything is done', async () => {
    const { daemon, director } = await opened();
    const bad = [{ verb: 'zero' }, { verb: 'add-service', service: { protocol: 'tcp', port: 70000 } }];
    const error = await director.applyAll(bad as never).catch((each) => each);
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error.issues.map(({ path }: { path: string }) => path)).toContain('changes[1].service.port');
    expect(await daemon.servers()).toBe('10.0.0.1 1, 10.0.0.2 1');
    await director.close();
  });
});

describe('connections', () => {
  test('are ended and moved', async () => {
    const { daemon, director } = await opened(ONE);
    traffic(daemon, 1024, 1025, 1026);
    const client = { client: '198.51.100.1' };
    const counted = await daemon.ask('POST', '/v1/connections/end?dryRun', {
      body: JSON.stringify({ filter: client }),
    });
    expect(counted.json).toEqual({ matched: 3, changed: 0, left: [] });
    expect(await director.listConnections()).toHaveLength(3);
    const progress: object[] = [];
    const onProgress = (each: object) => void progress.push(each);
    expect(await director.endConnections(client, { onProgress })).toEqual({ matched: 3, changed: 3, left: [] });
    expect(progress).toEqual([{ done: 3, total: 3 }]);
    expect((await daemon.ipvs.listConnections()).filter(({ state }) => state === 'ESTABLISHED')).toEqual([]);
    traffic(daemon, 2024);
    await director.putDesired(TWO);
    const moved = await director.moveConnections({ client: '198.51.100.0/24', state: 'SYN_RECV' }, '10.0.0.2');
    expect(moved.matched).toBe((await daemon.ipvs.listConnections({ server: '10.0.0.2' })).length + moved.left.length);
    await director.close();
  });

  test.each([{ server: 'x' }, { client: '1.2.3' }, { service: 'web' }])('the filter %j is none', async (filter) => {
    const { daemon, director } = await opened();
    await expect(director.endConnections(filter as never)).rejects.toThrow(InvalidArgumentError);
    await expect(director.listConnections(filter as never)).rejects.toThrow(InvalidArgumentError);
    for (const path of ['end', 'move']) {
      const body = JSON.stringify({ filter, to: '10.0.0.2' });
      const { status, json } = await daemon.ask('POST', `/v1/connections/${path}`, {
        body: path === 'end' ? JSON.stringify({ filter }) : body,
      });
      expect([status, json.errors[0].path]).toEqual([422, `filter.${Object.keys(filter)[0]}`]);
    }
    expect((await daemon.ask('POST', '/v1/connections/end', { body: '{}' })).status).toBe(422);
    await director.close();
  });
});

describe('the daemon', () => {
  test('the desired state: read, planned, put, rolled back, all with who and why', async () => {
    const { daemon, director } = await opened(ONE);
    const { revision, text } = await director.desired();
    expect(text).toBe(ONE);
    expect(await director.desiredValue()).toEqual({ services: [{ service: KEY, destinations: ['10.0.0.1'] }] });
    expect(await director.validate(TWO)).toMatchObject({ services: 1, servers: 2, warnings: [] });
    expect((await director.plan(TWO)).steps.map(({ what }) => what)).toEqual([`add destination 10.0.0.2:80 of ${KEY}`]);
    expect((await director.plan()).steps).toEqual([]);
    expect(await director.putDesired(TWO, { dryRun: true })).toMatchObject({ outcome: 'dry run' });
    expect(daemon.text).toBe(ONE);
    expect(await director.putDesired(TWO, { revision, reason: 'more' })).toMatchObject({ outcome: 'applied' });
    expect(await daemon.servers()).toBe('10.0.0.1 1, 10.0.0.2 1');
    await expect(director.putDesired(ONE, { revision })).rejects.toMatchObject({ code: 'ERR_REMOTE', status: 412 });
    const [newest, oldest] = await director.history();
    expect(newest).toMatchObject({ by: 'api', who: `unix:${userInfo().username}`, reason: 'more' });
    expect(await director.rollback(oldest?.number ?? 0)).toMatchObject({ outcome: 'applied' });
    expect(daemon.text).toBe(ONE);
    await expect(director.rollback(99)).rejects.toMatchObject({ status: 404 });
    const bad = await director.putDesired('services:\n  - service: web\n').catch((error) => error);
    expect(bad).toBeInstanceOf(ConfigError);
    expect(bad.issues[0]).toMatchObject({ path: 'services[0].service', line: 2 });
    await director.close();
  });

  test('readiness, health, doctor, metrics, version', async () => {
    const { director } = await opened();
    expect(await director.ready()).toEqual({ ready: true, reasons: [] });
    expect((await director.health()).servers).toEqual([]);
    expect(await director.state()).toMatchObject({ ready: true, desired: { services: 1, servers: 2 } });
    expect(await director.doctor()).toEqual([]);
    expect(await director.metrics()).toContain('ipvs_destination_weight');
    expect(director.daemon).toMatchObject({
      version: '0.0.0-test',
      visitor: { name: `unix:${userInfo().username}`, role: 'admin', peer: { pid: process.pid } },
    });
    await director.close();
  });

  test('weights and drains', async () => {
    const { daemon, director } = await opened();
    expect(await director.overrideWeight(KEY, SERVER, { weight: 7 })).toMatchObject({ kind: 'weight', weight: 7 });
    expect(await director.overrideWeight(KEY, SERVER, { percent: 50, reason: 'disk' })).toMatchObject({ percent: 50 });
    expect((await director.overrides()).overrides).toMatchObject([{ reason: 'disk' }]);
    expect(await director.endOverride('weight', KEY, SERVER)).toMatchObject({ override: { percent: 50 } });
    traffic(daemon, 1024, 1025);
    expect(await director.drain(KEY, SERVER, { poll: 10 })).toMatchObject({ kind: 'drain' });
    await vi.waitFor(async () => expect(await daemon.servers()).toMatch(/^(10.0.0.1 0, )?10.0.0.2 1$/));
    await director.endOverride('drain', KEY, SERVER);
    await expect(director.drain(KEY, { address: '10.0.0.9' })).rejects.toMatchObject({ status: 404 });
    await expect(director.overrideWeight(KEY, SERVER, { weight: -1 })).rejects.toThrow(InvalidArgumentError);
    await director.close();
  });

  test('events, from now on and from an earlier one', async () => {
    const { director } = await opened(ONE);
    const end = new AbortController();
    const seen: string[] = [];
    let last: string | undefined;
    const reading = (async () => {
      for await (const { type, id, data } of director.events({ signal: end.signal })) {
        seen.push(type);
        last = id ?? last;
        expect(data['time']).toMatch(/^\d{4}-/);
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await director.putDesired(TWO);
    await vi.waitFor(() => expect(seen).toContain('request'));
    end.abort();
    await expect(reading).rejects.toThrow('aborted');
    expect(seen).toContain('applied');
    await director.overrideWeight(KEY, SERVER, { weight: 3 });
    for await (const { type } of director.events({ ...(last !== undefined && { after: last }) })) {
      expect(type).not.toBe('gap');
      break;
    }
    await director.close();
  });
});

describe('what goes wrong', () => {
  test.each([
    ['http://127.0.0.1', {}, 'url'],
    ['unix:relative', {}, 'url'],
    ['https://', { token: 'x' }, 'url'],
    ['https://host/path', { token: 'x' }, 'url'],
    ['https://user:word@host', { token: 'x' }, 'url'],
    ['https://host', {}, 'token'],
    ['https://host', { token: 'a\nb' }, 'token'],
    ['unix:/x', { timeout: 0 }, 'timeout'],
    ['unix:/x', { colour: 1 }, 'colour'],
    ['unix:/x', { ca: 5 }, 'ca'],
    [undefined, {}, 'url'],
    ['unix:/x', null, ''],
  ])('connect(%j, %j)', async (url, options, path) => {
    const error = await connect(url as string, options as object).catch((each) => each);
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error.issues.map((issue: { path: string }) => issue.path)).toContain(path);
  });

  test('nobody is there; it is closed; it was ended', async () => {
    await expect(connect(`unix:${join(context.daemon.root, 'none.sock')}`)).rejects.toThrow(UnavailableError);
    const { director } = await opened();
    const reason = new Error('enough');
    await expect(director.snapshot({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const pending = director.events()[Symbol.asyncIterator]().next();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await director.close();
    await expect(pending).rejects.toThrow(ClosedError);
    await expect(director.snapshot()).rejects.toThrow(ClosedError);
  });

  test('a server that is silent, and one that talks nonsense', async () => {
    const path = join(context.daemon.root, 'odd.sock');
    let answer: string | undefined;
    const server = createServer((_, response) => {
      if (answer !== undefined) response.writeHead(answer === 'no' ? 500 : 200).end(answer);
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      await expect(connect(`unix:${path}`, { timeout: 50 })).rejects.toThrow(TimeoutError);
      for (answer of ['', '[]', '{"program":"other"}'])
        await expect(connect(`unix:${path}`)).rejects.toThrow(ProtocolError);
      answer = 'no';
      await expect(connect(`unix:${path}`)).rejects.toThrow(RemoteError);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  test('the daemon starts again: the client goes on', async () => {
    const { daemon, director } = await opened();
    await director.snapshot();
    await daemon.end();
    await expect(director.snapshot()).rejects.toThrow(UnavailableError);
    daemon.events.length = 0;
    await daemon.start();
    expect((await director.snapshot()).services).toHaveLength(1);
    await director.close();
  });
});

describe.skipIf(!hasOpenssl)('by TCP', () => {
  test('with a token and an authority; by its role', async () => {
    context.daemon.write(TWO);
    const there = await startTcp(context.daemon);
    const url = `https://127.0.0.1:${there.port}`;
    const ca = there.certificate.cert;
    await using director = await connect(url, { ca, token: there.tokens.reader });
    expect(director.daemon.visitor).toEqual({ name: 'rita', role: 'reader' });
    expect(await director.snapshot()).toEqual(await there.daemon.ipvs.snapshot());
    await expect(director.overrideWeight(KEY, SERVER, { weight: 3 })).rejects.toMatchObject({ status: 403 });
    await expect(connect(url, { ca, token: 'wrong' })).rejects.toMatchObject({ code: 'ERR_REMOTE', status: 401 });
    await expect(connect(url, { token: there.tokens.reader })).rejects.toThrow(
      /DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED/,
    );
  });
});
