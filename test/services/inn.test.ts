/** Debian's INN: the reader's side of NNTP. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Certificate, failed, makeCertificate, run, useDirectory } from '../unit/health/probes/fixture.js';
import { expectFaults } from './faults.js';
import { freePort, HOST, Server } from './server.js';
import { expectStrangersToFail } from './strangers.js';

const directory = useDirectory();
const check = { type: 'script', preset: 'nntp' } as const;
const PASSED = { result: 'passed', reason: 'answered as it should', warning: undefined };
const PROGRAMS = '/usr/lib/news/bin';
let certificate: Certificate;

/** `hosts` may read, and `access` says what else they may; the overview is what articles are found by. */
async function start(
  name: string,
  { hosts = '*', access = 'RP', hasOverview = true, options = [] as readonly string[] } = {},
): Promise<Server> {
  const port = await freePort();
  const home = join(directory.path, name);
  for (const path of ['db', 'etc', 'spool/overview']) mkdirSync(join(home, path), { recursive: true });
  writeFileSync(
    join(home, 'etc/inn.conf'),
    `
mta: "/bin/true %s"
ovmethod: tradindexed
hismethod: hisv6
pathhost: news.example
domain: example
pathnews: /usr/lib/news
pathdb: ${home}/db
pathetc: ${home}/etc
pathrun: ${home}
pathlog: ${home}
pathspool: ${home}/spool
pathtmp: ${home}
tlscertfile: ${certificate.certFile}
tlskeyfile: ${certificate.keyFile}
`,
  );
  const groups = `auth "all" {\nhosts: "${hosts}"\ndefault: "<anyone>"\n}\naccess "all" {\nusers: "*"\nnewsgroups: "*"\naccess: "${access}"\n}\n`;
  writeFileSync(join(home, 'etc/readers.conf'), groups);
  writeFileSync(join(home, 'db/active'), 'control 0000000000 0000000001 n\njunk 0000000000 0000000001 n\n');
  for (const file of ['newsgroups', 'history', 'active.times']) writeFileSync(join(home, 'db', file), '');
  const env = { INNCONF: join(home, 'etc/inn.conf') };
  if (existsSync('/etc/news/storage.conf')) {
    copyFileSync('/etc/news/storage.conf', join(home, 'etc/storage.conf'));
    const make = (program: string, ...words: string[]) =>
      spawnSync(join(PROGRAMS, program), words, { env: { ...process.env, ...env } });
    make('makedbz', '-i', '-f', join(home, 'db/history'));
    if (hasOverview) make('overchan');
  }
  return Server.start({
    package: 'inn2',
    command: [join(PROGRAMS, 'nnrpd'), '-D', '-f', '-b', HOST, '-p', String(port), ...options],
    directory: home,
    port,
    ready: { type: 'tcp' },
    env,
  });
}

let server: Server;
beforeAll(async () => {
  certificate = makeCertificate(directory.path, 'DNS:news.example');
  server = await start('all');
});
afterAll(() => server?.[Symbol.asyncDispose]());

test('passes where it may post, and where it may only read', async () => {
  expect(await run(server, check)).toEqual(PASSED);
  expect(await run(server, { type: 'script', steps: [{ reply: '200' }, { send: 'QUIT\r\n' }] })).toEqual(PASSED);
  await using quiet = await start('quiet', { access: 'R' });
  expect(await run(quiet, check)).toEqual(PASSED);
  expect(await run(quiet, { type: 'script', steps: [{ reply: '201' }] })).toEqual(PASSED);
});

test('fails softly where it may not talk, and where the server has lost its files', async () => {
  await using closed = await start('closed', { hosts: '192.0.2.1' });
  expect(await run(closed, check)).toEqual(failed('soft', /^answer "502 .*", wanted 20$/));
  await using broken = await start('broken', { hasOverview: false });
  expect(await run(broken, check)).toEqual(failed('soft', /^answer "400 NNTP server unavailable.*", wanted 20$/));
});

test('fails softly by another answer', async () => {
  const steps = [{ reply: '20' }, { send: 'GROUP none\r\n' }, { reply: '211' }];
  expect(await run(server, { type: 'script', steps })).toEqual(failed('soft', /^answer "411 .*", wanted 211$/));
});

test('speaks TLS, and knows its name', async () => {
  await using secured = await start('secured', { options: ['-S'] });
  const ca = certificate.certFile;
  expect(await run(secured, { ...check, tls: { ca, serverName: 'news.example' } })).toEqual(PASSED);
  expect(await run(secured, { ...check, tls: { ca } })).toEqual(
    failed('soft', 'certificate is for news.example, not 127.0.0.1'),
  );
  await expectFaults(secured, { ...check, tls: { verify: false } });
});

test('passes for no other protocol', () => expectStrangersToFail(server.port, ['nntp']));

test('stands still, dies, is gone', () => expectFaults(server, check));
