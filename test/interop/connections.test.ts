/** `ipvs-ts connections` on a real connection table. */
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { runVerb } from '../../src/cli/run-verb.js';
import { Ipvs } from '../../src/index.js';
import { connectionsJsonSchema } from '../../src/json/table.js';
import { Lan } from '../lab/network.js';

const MAIN = fileURLToPath(new URL('../../dist/bin/ipvs-ts.cjs', import.meta.url));

/** What the verb writes. */
async function written(netns: string, ...words: string[]): Promise<string> {
  const [stdout, stderr, stdin] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const [output] = await Promise.all([
    text(stdout),
    runVerb('connections', ['--netns', netns, ...words], { stdin, stdout, stderr }).finally(() => stdout.end()),
  ]);
  return output;
}

it('shows, chooses, counts and sorts what ipvsadm lists', { timeout: 180_000 }, async () => {
  await using lan = await Lan.create();
  const director = await lan.host(
    'director',
    '10.7.0.3/24',
    '10.7.0.100/32',
    '2001:db8:7::3/64',
    '2001:db8:7::100/128',
  );
  const server = await lan.host('rs1', '10.7.0.11/24', '2001:db8:7::11/64');
  const client = await lan.host('client', '10.7.0.2/24', '2001:db8:7::2/64');
  await server.acceptVirtualAddress('10.7.0.100');
  await server.acceptVirtualAddress('2001:db8:7::100');
  await server.serveHttp();
  await server.serveHttp(8080);
  const netns = director.namespacePath;
  await using ipvs = await Ipvs.open({ netns });
  await ipvs.restore(
    [
      ...['-A -t 10.7.0.100:80 -s rr -p 60', '-a -t 10.7.0.100:80 -r 10.7.0.11:80'],
      ...['-A -t 10.7.0.100:8080 -s rr', '-a -t 10.7.0.100:8080 -r 10.7.0.11:8080'],
      ...['-A -t [2001:db8:7::100]:80 -s rr', '-a -t [2001:db8:7::100]:80 -r [2001:db8:7::11]:80'],
    ].join('\n'),
  );
  await client.httpGet('http://10.7.0.100/', 4);
  await client.httpGet('http://10.7.0.100:8080/', 3);
  await client.httpGet('http://[2001:db8:7::100]/', 2);

  const rows = (listing: string) => listing.split('\n').slice(2, -1);
  /** Timers run meanwhile. */
  const withoutTimers = (listing: string) => listing.replaceAll(/\d\d:\d\d /g, '--:-- ');
  const listing = withoutTimers(await written(netns));
  expect(listing).toBe(withoutTimers(await director.run('ipvsadm', '-Lnc')));
  expect(rows(listing).length).toBe(4 + 3 + 2 + 1);

  const counts: [number, ...string[]][] = [
    [10],
    [5, '--service', 'tcp://10.7.0.100:80'],
    [3, '--service', 'tcp://10.7.0.100:8080'],
    [8, '--service', 'tcp://10.7.0.100:0'],
    [2, '--service', 'tcp://[2001:db8:7::100]:80'],
    [8, '--server', '10.7.0.11'],
    [3, '--server', '10.7.0.11:8080'],
    [2, '--server', '2001:db8:7::11'],
    [8, '--client', '10.7.0.0/24'],
    [2, '--client', '2001:db8::/32'],
    [0, '--client', '10.7.1.0/24'],
    [0, '--state', 'NOTHING'],
    [3, '--client', '10.7.0.2', '--server', '10.7.0.11:8080', '--service', 'tcp://10.7.0.100:8080'],
  ];
  for (const [count, ...words] of counts) {
    expect([count, words, await written(netns, '--count', ...words)]).toEqual([count, words, `${count}\n`]);
    expect(rows(await written(netns, ...words)).length).toBe(count);
  }

  const states = rows(listing).map((row) => row.split(/\s+/)[2] ?? '');
  for (const state of new Set(states)) {
    const count = states.filter((other) => other === state).length;
    expect(await written(netns, '--count', '--state', state.toLowerCase())).toBe(`${count}\n`);
  }

  const json = await written(netns, '--json', '--sort', 'client');
  const table = connectionsJsonSchema.parse(JSON.parse(json));
  const ports = table.map(({ client: { address, port } }) => ({ address, port }));
  const sorted = ports.toSorted((left, right) => left.address.length - right.address.length || left.port - right.port);
  expect(ports).toEqual(sorted);
  expect(ports.length).toBe(10);
  expect(await written(netns, '--json', '--state', 'NOTHING')).toBe('[]\n');

  const services = rows(await written(netns, '--sort', 'service')).map((row) => row.split(/\s+/)[4]);
  expect(services).toEqual([
    ...Array<string>(5).fill('10.7.0.100:80'),
    ...Array<string>(3).fill('10.7.0.100:8080'),
    ...Array<string>(2).fill('[2001:db8:7::100]:80'),
  ]);
  const expires = rows(await written(netns, '--sort', 'expires')).map((row) => row.split(/\s+/)[1]);
  expect(expires).toEqual(expires.toSorted());
  for (const field of ['server', 'state']) {
    expect(rows(await written(netns, '--sort', field)).length).toBe(10);
  }
  const { code, stderr } = await director.exec(process.execPath, MAIN, 'connections', '--client', 'nobody');
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('client: "nobody" is none of') });

  // Without rights, and to a reader that takes one line.
  const words = ['setpriv', '--bounding-set=-net_admin', process.execPath, MAIN, 'connections'].join(' ');
  const first = await director.run('sh', '-c', `{ ${words}; echo code $?; } | sed -n '3p;/code/p'`);
  expect(first).toMatch(/^TCP +\d\d:\d\d .*\ncode 0\n$/);
});
