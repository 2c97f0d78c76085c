import {
  chmodSync,
  existsSync,
  lstatSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { UnavailableError } from '../../../src/errors.js';
import { Daemon, KEY, NAME, useDaemon, yaml } from './fixture.js';

const context = useDaemon();

const ONE = yaml('10.0.0.1');
const TWO = yaml('10.0.0.1', '10.0.0.2');

async function started(text = ONE) {
  const { daemon } = context;
  daemon.write(text);
  await daemon.start();
  return daemon;
}

describe('how it is', () => {
  test('alive and ready, with its version', async () => {
    const daemon = await started();
    expect(await daemon.ask('GET', '/livez')).toMatchObject({ status: 200, json: { alive: true } });
    expect((await daemon.ask('GET', '/readyz')).json).toEqual({ ready: true, reasons: [] });
    const { json } = await daemon.ask('GET', '/v1/version');
    expect(json).toMatchObject({ version: '0.0.0-test', pid: process.pid, ipvs: { version: '1.2.1' } });
  });

  test('not ready before every check ran once, and says why', async () => {
    const { daemon } = context;
    daemon.write(
      `services:\n  - service: ${KEY}\n    checks: [{ type: file, path: /nowhere }]\n    destinations: [10.0.0.1]\n`,
    );
    await daemon.start({}, false);
    await vi.waitFor(() => expect(existsSync(daemon.socket)).toBe(true));
    const { status, json } = await daemon.ask('GET', '/readyz');
    expect(status).toBe(503);
    expect(json.reasons[0]).toBe('the table is not applied yet');
    await vi.waitFor(async () => expect((await daemon.ask('GET', '/readyz')).status).toBe(200), { timeout: 10_000 });
    expect((await daemon.ask('GET', '/v1/health')).json).toMatchObject({ servers: [{ status: 'down' }] });
  });

  test('the doctor is asked', async () => {
    const { daemon } = context;
    daemon.write(ONE);
    await daemon.start({ examine: () => Promise.reject(new UnavailableError('no kernel')) });
    const { status, json } = await daemon.ask('GET', '/v1/doctor');
    expect([status, json.detail]).toEqual([503, 'no kernel']);
  });
});

describe('metrics', () => {
  test('of the table, the file and the keeping loop', async () => {
    const daemon = await started(TWO);
    const { status, headers, text } = await daemon.ask('GET', '/metrics');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    const lines = text.split('\n');
    const server = `service="${KEY}",destination="10.0.0.1:80"`;
    expect(lines).toContain(`ipvs_destination_weight{${server}} 1`);
    expect(lines).toContain(`ipvs_destination_effective_weight{${server}} 1`);
    expect(text).toMatch(/^ipvs_reconcile_applied_total 1$/m);
  });

  test('as OpenMetrics, by the names of node_exporter, of the busiest', async () => {
    const daemon = await started(TWO);
    const accept = { headers: { accept: 'application/openmetrics-text; version=1.0.0' } };
    expect((await daemon.ask('GET', '/metrics', accept)).text).toMatch(/\n# EOF\n$/);
    expect((await daemon.ask('GET', '/metrics?names=node_exporter')).text).toMatch(/^node_ipvs_backend_weight\{/m);
    expect((await daemon.ask('GET', '/metrics?top=0')).text).not.toContain('service="tcp');
    for (const query of ['names=x', 'top=-1', 'top=x']) {
      expect((await daemon.ask('GET', `/metrics?${query}`)).json.errors).toMatchObject([{ path: query.split('=')[0] }]);
    }
  });
});

describe('the table', () => {
  test('whole, by services, by one service', async () => {
    const daemon = await started(TWO);
    const { json: table } = await daemon.ask('GET', '/v1/table');
    expect(table.source).toBe('netlink');
    expect(table.services).toHaveLength(1);
    expect(table.services[0].destinations).toHaveLength(2);
    expect((await daemon.ask('GET', '/v1/services')).json).toMatchObject([{ key: KEY, service: { port: 80 } }]);
    const { json: service } = await daemon.ask('GET', `/v1/services/${NAME}`);
    expect(service).toMatchObject({ key: KEY, service: { scheduler: 'wlc' } });
    expect((await daemon.ask('GET', `/v1/services/${NAME}/destinations`)).json).toEqual(service.destinations);
  });

  test('empty', async () => {
    const daemon = await started('services: []\n');
    expect((await daemon.ask('GET', '/v1/table')).json).toEqual({ source: 'netlink', services: [] });
    expect((await daemon.ask('GET', '/v1/services')).json).toEqual([]);
    expect((await daemon.ask('GET', '/v1/connections')).text).toBe('');
  });

  test.each([
    ['/v1/services/tcp%3A%2F%2F192.0.2.9%3A80', 404],
    ['/v1/services/tcp%3A%2F%2F192.0.2.9%3A80/destinations', 404],
    ['/v1/services/web', 400],
    ['/v1/services/%zz', 400],
    ['/v1/table?colour=red', 400],
    ['/v1/connections?server=x', 400],
    ['/v1/connections?state=', 400],
    ['/v1/connections?state=A&state=B', 400],
    ['/v2', 404],
  ])('%s is %i', async (path, status) => {
    const daemon = await started();
    expect((await daemon.ask('GET', path)).status).toBe(status);
  });

  test('connections as lines, filtered', async () => {
    const daemon = await started(TWO);
    for (const port of [1024, 1025, 1026]) {
      const virtual = { address: '192.0.2.1', port: 80 };
      daemon.kernel.connect({ protocol: 'tcp', virtual, client: { address: '198.51.100.1', port } });
    }
    const lines = (text: string) =>
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));
    const all = await daemon.ask('GET', '/v1/connections');
    expect(all.headers['content-type']).toBe('application/x-ndjson');
    expect(
      lines(all.text)
        .map(({ client }) => client.port)
        .sort(),
    ).toEqual([1024, 1025, 1026]);
    const some = lines((await daemon.ask('GET', `/v1/connections?server=10.0.0.1&service=${NAME}`)).text);
    expect(some.length).toBeGreaterThan(0);
    expect(new Set(some.map(({ destination }) => destination.address))).toEqual(new Set(['10.0.0.1']));
  });
});

describe('the desired state', () => {
  test('is told with its ETag, as JSON and as it was written', async () => {
    const daemon = await started();
    const { headers, json } = await daemon.ask('GET', '/v1/desired');
    expect(json).toEqual({ services: [{ service: KEY, destinations: ['10.0.0.1'] }] });
    expect(headers.etag).toMatch(/^"[0-9a-f]{64}"$/);
    const asked = { headers: { 'if-none-match': String(headers.etag) } };
    expect((await daemon.ask('GET', '/v1/desired', asked)).status).toBe(304);
    const { text } = await daemon.ask('GET', '/v1/desired', { headers: { accept: 'application/yaml' } });
    expect(text).toBe(ONE);
  });

  test('is put: the file and the table are so, and the mode stays', async () => {
    const daemon = await started();
    chmodSync(daemon.file, 0o640);
    const reply = await daemon.put(TWO, { 'if-match': await daemon.etag() });
    expect(reply).toMatchObject({ status: 200, json: { outcome: 'applied', refused: [] } });
    expect(reply.json.plan.steps).toMatchObject([{ what: `add destination 10.0.0.2:80 of ${KEY}` }]);
    expect(reply.headers.etag).toBe(`"${reply.json.revision}"`);
    expect(await daemon.servers()).toBe('10.0.0.1 1, 10.0.0.2 1');
    expect(daemon.text).toBe(TWO);
    expect(statSync(daemon.file).mode & 0o777).toBe(0o640);
    expect(await daemon.etag()).toBe(reply.headers.etag);
  });

  test('is put as JSON, through a symbolic link', async () => {
    const { daemon } = context;
    const real = join(daemon.root, 'real.yaml');
    writeFileSync(real, ONE);
    symlinkSync('real.yaml', daemon.file);
    await daemon.start();
    const body = JSON.stringify({ services: [{ service: KEY, destinations: ['10.0.0.1', '10.0.0.3'] }] });
    const reply = await daemon.put(body, { 'if-match': await daemon.etag(), 'content-type': 'application/json' });
    expect(reply.json.outcome).toBe('applied');
    expect(readlinkSync(daemon.file)).toBe('real.yaml');
    expect(lstatSync(real).isFile()).toBe(true);
    expect(daemon.text).toBe(body);
  });

  test('dry run changes nothing', async () => {
    const daemon = await started();
    const reply = await daemon.put(TWO, { 'if-match': await daemon.etag() }, '?dryRun');
    expect(reply.json).toMatchObject({ outcome: 'dry run', plan: { steps: [{ stage: 'add' }] } });
    expect(daemon.text).toBe(ONE);
    expect(await daemon.servers()).toBe('10.0.0.1 1');
  });

  const bad: [
    what: string,
    body: string | Buffer,
    match: string | undefined,
    headers: Record<string, string>,
    status: number,
    query?: string,
  ][] = [
    ['no If-Match', TWO, undefined, {}, 428],
    ['another ETag', TWO, '"0"', {}, 412],
    ['a bad document', 'services: [{ service: tcp://192.0.2.1:80, destinations: [{ address: x }] }]', 'right', {}, 422],
    ['no YAML', 'a: [', 'right', {}, 422],
    ['no UTF-8', Buffer.from([0xff, 0xfe]), 'right', {}, 422],
    ['half a file', 'services: []', 'right', {}, 422],
    ['no body', '', 'right', {}, 400],
    ['another type', TWO, 'right', { 'content-type': 'text/html' }, 415],
    ['an encoded body', TWO, 'right', { 'content-encoding': 'gzip' }, 415],
    ['a parameter that is none', TWO, 'right', {}, 400, '?dryrun'],
    ['a flag that is none', TWO, 'right', {}, 400, '?dryRun=maybe'],
    ['a long body', 'x'.repeat(16 * 1024 * 1024 + 1), 'right', {}, 413],
  ];
  test.each(bad)(
    '%s: refused, and neither file nor table is changed',
    async (_, body, match, headers, status, query = '') => {
      const daemon = await started();
      const etag = match === 'right' ? await daemon.etag() : match;
      const given = { ...headers, ...(etag !== undefined && { 'if-match': etag }) };
      const reply = await daemon
        .ask('PUT', `/v1/desired${query}`, { body, headers: given })
        .catch((error: unknown) => error);
      // Who writes on while the answer comes may see the connection reset.
      if (status !== 413 || !(reply instanceof Error)) expect(reply).toMatchObject({ status });
      expect(daemon.text).toBe(ONE);
      expect(await daemon.servers()).toBe('10.0.0.1 1');
      expect((await daemon.ask('GET', '/livez')).status).toBe(200);
    },
  );

  test('a mistake is told by its path, line and column', async () => {
    const daemon = await started();
    const body = 'services:\n  - service: tcp://192.0.2.1:80\n    destinations: [{ address: 10.0.0.1, weight: -1 }]\n';
    const { json } = await daemon.put(body, { 'if-match': await daemon.etag() });
    expect(json).toMatchObject({ type: 'urn:ipvs-ts:ERR_CONFIG', title: 'Unprocessable Entity' });
    expect(json.errors).toMatchObject([{ path: 'services[0].destinations[0].weight', line: 3 }]);
  });

  test('a file that was edited by hand meanwhile is not overwritten', async () => {
    const daemon = await started();
    const etag = await daemon.etag();
    const edited = yaml('10.0.0.1', '10.0.0.5');
    daemon.write(edited);
    const reply = await daemon.put(TWO, { 'if-match': etag });
    expect(reply.status).toBe(412);
    expect(reply.headers.etag).toBe(await daemon.etag());
    expect(daemon.text).toBe(edited);
  });

  test('of two that put at once one wins', async () => {
    const daemon = await started();
    const etag = await daemon.etag();
    const bodies = [1, 2, 3, 4].map((last) => yaml('10.0.0.1', `10.0.1.${last}`));
    const replies = await Promise.all(bodies.map((body) => daemon.put(body, { 'if-match': etag })));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412]);
    const winner = bodies[replies.findIndex(({ status }) => status === 200)];
    expect(daemon.text).toBe(winner);
  });

  test('tells what the kernel refused', async () => {
    const daemon = await started();
    const body = yaml('10.0.0.1', '224.0.0.1');
    const reply = await daemon.put(body, { 'if-match': await daemon.etag() });
    expect(reply).toMatchObject({ status: 200, json: { outcome: 'refused' } });
    expect(reply.json.refused).toMatchObject([{ step: `add destination 224.0.0.1:80 of ${KEY}` }]);
    // Again, though keep says it once.
    const again = await daemon.put(`${body}# again\n`, { 'if-match': await daemon.etag() });
    expect(again.json.outcome).toBe('refused');
  });

  test('is checked and planned without being put', async () => {
    const daemon = await started();
    const checked = await daemon.ask('POST', '/v1/desired/validate', { body: TWO });
    expect(checked.json).toMatchObject({ services: 1, servers: 2, warnings: [] });
    expect((await daemon.ask('POST', '/v1/desired/validate', { body: 'services: 1' })).status).toBe(422);
    expect((await daemon.ask('POST', '/v1/plan', { body: TWO })).json.steps).toHaveLength(1);
    expect((await daemon.ask('POST', '/v1/plan')).json).toEqual({ steps: [], unmanaged: [] });
    expect(daemon.text).toBe(ONE);
  });

  test('a bad file by hand is shown, and the last good one stays in force', async () => {
    const daemon = await started();
    daemon.write('services: 1\n');
    await vi.waitFor(async () =>
      expect((await daemon.ask('GET', '/readyz')).json).toMatchObject({ ready: true, badSource: expect.any(String) }),
    );
    expect(await daemon.servers()).toBe('10.0.0.1 1');
    await daemon.put(TWO, { 'if-match': await daemon.etag() });
    expect((await daemon.ask('GET', '/readyz')).json).toEqual({ ready: true, reasons: [] });
  });
});

describe('the history', () => {
  test('has who and why, outlives the program, and leads back', async () => {
    const daemon = await started();
    await daemon.put(TWO, { 'if-match': await daemon.etag(), 'x-reason': 'more load' });
    const { json } = await daemon.ask('GET', '/v1/history');
    expect(json).toMatchObject([
      { number: 2, by: 'api', reason: 'more load' },
      { number: 1, by: 'file' },
    ]);
    await daemon.end();
    daemon.events.length = 0;
    await daemon.start();
    expect((await daemon.ask('GET', '/v1/history')).json).toEqual(json);
    const headers = { 'if-match': await daemon.etag() };
    expect((await daemon.ask('POST', '/v1/history/1/rollback')).status).toBe(428);
    expect((await daemon.ask('POST', '/v1/history/7/rollback', { headers })).status).toBe(404);
    expect((await daemon.ask('POST', '/v1/history/..%2F1/rollback', { headers })).status).toBe(404);
    expect((await daemon.ask('POST', '/v1/history/1/rollback', { headers })).json.outcome).toBe('applied');
    expect(daemon.text).toBe(ONE);
    expect(await daemon.servers()).toBe('10.0.0.1 1');
    expect((await daemon.ask('GET', '/v1/history')).json[0]).toMatchObject({ number: 3, by: 'api' });
  });
});

describe('overrides', () => {
  const PATH = `/v1/overrides/${NAME}/10.0.0.1:80`;
  const create = { 'if-none-match': '*' };

  test('a weight is set, changed, and taken back', async () => {
    const daemon = await started(TWO);
    const path = `${PATH}/weight`;
    expect((await daemon.ask('GET', path)).status).toBe(404);
    expect((await daemon.ask('PUT', path, { body: '{"weight":5}' })).status).toBe(428);
    const headers = { ...create, 'x-reason': 'new disk' };
    const set = await daemon.ask('PUT', path, { body: '{"weight":5}', headers });
    expect(set).toMatchObject({ status: 200, json: { kind: 'weight', weight: 5, reason: 'new disk' } });
    await vi.waitFor(async () => expect(await daemon.servers()).toBe('10.0.0.1 5, 10.0.0.2 1'));
    expect((await daemon.ask('GET', '/v1/overrides')).json).toMatchObject({
      keepers: [{ program: 'ipvs-ts serve test' }],
      overrides: [{ weight: 5 }],
    });
    expect((await daemon.ask('PUT', path, { body: '{"weight":6}', headers: create })).status).toBe(412);
    const match = { 'if-match': String(set.headers.etag) };
    const changed = await daemon.ask('PUT', path, { body: '{"percent":300}', headers: match });
    expect(changed.json.percent).toBe(300);
    await vi.waitFor(async () => expect(await daemon.servers()).toBe('10.0.0.1 3, 10.0.0.2 1'));
    expect((await daemon.ask('DELETE', path, { headers: match })).status).toBe(412);
    const ended = await daemon.ask('DELETE', path, { headers: { 'if-match': String(changed.headers.etag) } });
    expect(ended.json).toMatchObject({ outcome: 'keeper', override: { percent: 300 } });
    await vi.waitFor(async () => expect(await daemon.servers()).toBe('10.0.0.1 1, 10.0.0.2 1'));
    expect((await daemon.ask('GET', path)).status).toBe(404);
  });

  test.each([
    ['weight', '{}', 422],
    ['weight', '{"weight":-1}', 422],
    ['weight', '{"weight":"5"}', 422],
    ['weight', '{"weight":5,"colour":1}', 422],
    ['weight', '[', 400],
    ['drain', '{"until":"never"}', 422],
    ['drain', '{"poll":0}', 422],
    ['weight', ' '.repeat(65_537), 413],
  ])('%s %s is refused', async (kind, body, status) => {
    const daemon = await started();
    const reply = await daemon.ask('PUT', `${PATH}/${kind}`, { body, headers: create });
    expect(reply.status).toBe(status);
    expect((await daemon.ask('GET', '/v1/overrides')).json.overrides).toEqual([]);
    expect(await daemon.servers()).toBe('10.0.0.1 1');
  });

  test('a server that is not there has none', async () => {
    const daemon = await started();
    for (const kind of ['weight', 'drain']) {
      const path = `/v1/overrides/${NAME}/10.0.0.9/${kind}`;
      const body = kind === 'weight' ? '{"weight":1}' : '{}';
      expect((await daemon.ask('PUT', path, { body, headers: create })).status).toBe(404);
      expect((await daemon.ask('DELETE', path, { headers: { 'if-match': '*' } })).status).toBe(404);
      expect((await daemon.ask('GET', path.replace('10.0.0.9', 'x'))).status).toBe(400);
    }
  });

  test('a drain waits for connections, outlives the program, and removes', async () => {
    const daemon = await started(TWO);
    for (const port of [1024, 1025, 1026, 1027]) {
      const virtual = { address: '192.0.2.1', port: 80 };
      daemon.kernel.connect({ protocol: 'tcp', virtual, client: { address: '198.51.100.1', port } });
    }
    const body = '{"poll":20,"until":"all","deadline":3600000}';
    const set = await daemon.ask('PUT', `${PATH}/drain`, { body, headers: create });
    expect(set.json).toMatchObject({ kind: 'drain', state: 'quiesced' });
    expect(await daemon.servers()).toBe('10.0.0.1 0, 10.0.0.2 1');
    const again = { body, headers: { 'if-match': String(set.headers.etag) } };
    expect((await daemon.ask('PUT', `${PATH}/drain`, again)).status).toBe(409);
    await daemon.end();
    expect(await daemon.servers()).toBe('10.0.0.1 0, 10.0.0.2 1');
    daemon.events.length = 0;
    await daemon.start();
    await daemon.ipvs.endConnections({});
    await vi.waitFor(async () => expect(await daemon.servers()).toBe('10.0.0.2 1'), { timeout: 10_000 });
    expect((await daemon.ask('GET', `${PATH}/drain`)).json).toMatchObject({ state: 'removed' });
    expect(daemon.troubles).toEqual([]);
  });
});

describe('the socket', () => {
  test('is for its owner alone, and goes with the program', async () => {
    const daemon = await started();
    expect(statSync(daemon.socket).mode & 0o777).toBe(0o600);
    await daemon.end();
    expect(existsSync(daemon.socket)).toBe(false);
  });

  test('may be for a group', async () => {
    const { daemon } = context;
    daemon.write(ONE);
    await daemon.start({ group: String(process.getgid?.()) });
    expect(statSync(daemon.socket).mode & 0o777).toBe(0o660);
  });

  test('a group that is none, and a path that is none, are told', async () => {
    const { daemon } = context;
    daemon.write(ONE);
    await daemon.start({ group: 'nobody-has-this' }, false);
    await expect(daemon.ended).rejects.toThrow('"nobody-has-this" is no group');
    await daemon.start({ socket: `/${'x'.repeat(107)}` }, false);
    await expect(daemon.ended).rejects.toThrow('must be a path of 1 to 107 bytes');
  });

  test('of a program that died is taken over', async () => {
    const { daemon } = context;
    // Node removes the socket when it closes it: a copy under another name stays, as a kill -9 leaves it.
    const dead = createServer().listen(`${daemon.socket}.dead`);
    await new Promise((resolve) => dead.once('listening', resolve));
    renameSync(`${daemon.socket}.dead`, daemon.socket);
    await new Promise((resolve) => dead.close(resolve));
    expect(existsSync(daemon.socket)).toBe(true);
    daemon.write(ONE);
    await daemon.start();
    expect((await daemon.ask('GET', '/livez')).status).toBe(200);
  });

  test('of a program of another kind is left to it', async () => {
    const { daemon } = context;
    const other = createServer().listen(daemon.socket);
    await new Promise((resolve) => other.once('listening', resolve));
    daemon.write(ONE);
    await daemon.start({}, false);
    await expect(daemon.ended).rejects.toThrow('is the socket of another program that runs');
    await new Promise((resolve) => other.close(resolve));
  });

  test('is no file that somebody needs', async () => {
    const { daemon } = context;
    writeFileSync(daemon.socket, 'precious');
    daemon.write(ONE);
    await daemon.start({}, false);
    await expect(daemon.ended).rejects.toThrow('is there, and is no socket');
    expect(statSync(daemon.socket).size).toBe(8);
  });

  test('a second program is refused, and told who has it', async () => {
    const daemon = await started();
    const second = new Daemon();
    second.write(ONE);
    await second.start({ socket: daemon.socket }, false);
    await expect(second.ended).rejects.toThrow(
      `the socket ${daemon.socket} is locked by ipvs-ts serve test (pid ${process.pid}) since `,
    );
    await second.close();
    expect((await daemon.ask('GET', '/livez')).status).toBe(200);
  });
});
