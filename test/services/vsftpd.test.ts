/** Debian's vsftpd: FTP. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failed, makeCertificate, run, useDirectory } from '../unit/health/probes/fixture.js';
import { expectFaults } from './faults.js';
import { freePort, HOST, Server } from './server.js';
import { expectStrangersToFail } from './strangers.js';

const directory = useDirectory();
const check = { type: 'script', preset: 'ftp' } as const;
const PASSED = { result: 'passed', reason: 'answered as it should', warning: undefined };

async function start(settings: Readonly<Record<string, string | number>> = {}, ready: object = {}): Promise<Server> {
  const port = await freePort();
  const { path } = directory;
  mkdirSync(join(path, 'empty'), { recursive: true });
  const all = {
    ...{ listen: 'YES', listen_address: HOST, listen_port: port, background: 'NO', run_as_launching_user: 'YES' },
    ...{ anonymous_enable: 'YES', anon_root: path, secure_chroot_dir: `${path}/empty`, seccomp_sandbox: 'NO' },
    ...{ xferlog_enable: 'NO', ftp_username: 'server', nopriv_user: 'server' },
    ...settings,
  };
  const file = join(path, `vsftpd-${port}.conf`);
  writeFileSync(
    file,
    Object.entries(all)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  return Server.start({
    package: 'vsftpd',
    command: ['/usr/sbin/vsftpd', file],
    directory: path,
    port,
    ready: { ...check, ...ready },
  });
}

let server: Server;
beforeAll(async () => {
  server = await start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

test('passes', async () => {
  expect(await run(server, check)).toEqual(PASSED);
  const steps = [
    ...[{ reply: '220' }, { send: 'USER anonymous\r\n' }, { reply: '331' }, { send: 'PASS x\r\n' }, { reply: '230' }],
    { send: 'QUIT\r\n' },
  ];
  expect(await run(server, { type: 'script', steps })).toEqual(PASSED);
});

test('fails softly by another answer', async () => {
  const steps = [{ reply: '220' }, { send: 'USER root\r\n' }, { reply: '331' }];
  expect(await run(server, { type: 'script', steps })).toEqual(
    failed('soft', 'answer "530 This FTP server is anonymous only.", wanted 331'),
  );
  expect(await run(server, { type: 'script', preset: 'nntp' })).toEqual(
    failed('soft', 'answer "220 (vsFTPd 3.0.3)", wanted 20'),
  );
});

test('passes for no other protocol', () => expectStrangersToFail(server.port, ['ftp']));

test('fails softly where there is room for no more', async () => {
  await using full = await start({ max_clients: 1 });
  const other = connect(full.port, HOST).on('error', () => {});
  try {
    await new Promise((resolve) => other.once('data', resolve));
    expect(await run(full, check)).toEqual(
      failed('soft', 'answer "421 There are too many connected users, please try later.", wanted 220'),
    );
  } finally {
    other.destroy();
  }
});

test('takes a greeting of many lines, and not one without measure', async () => {
  const banner = join(directory.path, 'banner');
  writeFileSync(banner, 'welcome\n'.repeat(900));
  await using other = await start({ banner_file: banner });
  expect(await run(other, check)).toEqual(PASSED);
  writeFileSync(banner, 'welcome\n'.repeat(100_000));
  expect(await run(other, check)).toEqual(failed('soft', 'a reply of more than 1000 lines'));
});

test('speaks TLS from the start, and knows its name', async () => {
  const { certFile, keyFile } = makeCertificate(directory.path, 'DNS:ftp.example');
  const tls = { ca: certFile, serverName: 'ftp.example' };
  const settings = { ssl_enable: 'YES', implicit_ssl: 'YES', rsa_cert_file: certFile, rsa_private_key_file: keyFile };
  await using secured = await start({ ...settings, allow_anon_ssl: 'YES', ssl_tlsv1: 'YES' }, { tls });
  expect(await run(secured, { ...check, tls })).toEqual(PASSED);
  expect(await run(secured, { ...check, tls: { ca: certFile } })).toEqual(
    failed('soft', 'certificate is for ftp.example, not 127.0.0.1'),
  );
  expect(await run(server, { ...check, tls })).toEqual(failed('soft', /^no TLS handshake: /));
  await expectFaults(secured, { ...check, tls });
});

test('stands still, dies, is gone', () => expectFaults(server, check));
