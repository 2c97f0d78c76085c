/** Debian's Exim: SMTP, STARTTLS, TLS from the start. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SmtpCheck } from '../../src/model/check.js';
import { type Certificate, failed, makeCertificate, run, useDirectory } from '../unit/health/probes/fixture.js';
import { expectFaults } from './faults.js';
import { freePort, HOST, Server } from './server.js';
import { expectStrangersToFail } from './strangers.js';

const directory = useDirectory();
const PASSED = { result: 'passed', reason: 'SMTP reply 250', warning: undefined };
let certificate: Certificate;
let smtps = 0;

/** `more` is of the main part, `acls` is the part of the ACLs. */
async function start(more = '', acls = ''): Promise<Server> {
  const port = await freePort();
  smtps = await freePort();
  const { path } = directory;
  const file = join(path, `exim-${port}.conf`);
  mkdirSync(join(path, 'spool'), { recursive: true });
  writeFileSync(
    file,
    `
primary_hostname = mail.example
spool_directory = ${path}/spool
log_file_path = ${path}/exim-%s.log
pid_file_path = ${path}/exim-${port}.pid
keep_environment =
deliver_drop_privilege = true
daemon_smtp_ports = ${port} : ${smtps}
tls_on_connect_ports = ${smtps}
local_interfaces = ${HOST}
tls_certificate = ${certificate.certFile}
tls_privatekey = ${certificate.keyFile}
host_lookup =
rfc1413_query_timeout = 0s
${more}
begin acl
${acls}
`,
  );
  return Server.start({
    package: 'exim4-daemon-light',
    command: ['/usr/sbin/exim4', '-bdf', '-C', file],
    directory: path,
    port,
    ready: { type: 'tcp' },
  });
}

let server: Server;
beforeAll(async () => {
  certificate = makeCertificate(directory.path, 'DNS:mail.example');
  server = await start('tls_advertise_hosts = *');
});
afterAll(() => server?.[Symbol.asyncDispose]());

const smtp = (target: Server, fields: Partial<SmtpCheck> = {}) => run(target, { type: 'smtp', ...fields });

// It answers to clients that speak before they are spoken to with 554.
test('passes', async () => {
  expect(await smtp(server)).toEqual(PASSED);
  expect(await smtp(server, { helo: 'director.example' })).toEqual(PASSED);
  expect(await smtp(server, { helo: '[127.0.0.1]' })).toEqual(PASSED);
  expect(await run(server, { type: 'script', preset: 'smtp' })).toMatchObject({ result: 'passed' });
});

test('passes with STARTTLS, and knows its name', async () => {
  const ca = certificate.certFile;
  expect(await smtp(server, { startTls: { ca, serverName: 'mail.example' } })).toEqual(PASSED);
  expect(await smtp(server, { startTls: { ca } })).toEqual(
    failed('soft', 'certificate is for mail.example, not 127.0.0.1'),
  );
  expect(await smtp(server, { startTls: true })).toEqual(
    failed('soft', 'certificate is signed by itself, and is not among the trusted ones'),
  );
});

test('passes with TLS from the start, and knows its name', async () => {
  const ca = certificate.certFile;
  const target = { address: HOST, port: smtps };
  expect(await run(target, { type: 'smtp', tls: { ca, serverName: 'mail.example' } })).toEqual(PASSED);
  expect(await run(target, { type: 'smtp', tls: { ca, serverName: 'other.example' } })).toEqual(
    failed('soft', 'certificate is for mail.example, not other.example'),
  );
  expect(await smtp(server, { tls: { verify: false } })).toEqual(failed('soft', /^no TLS handshake: /));
});

describe('fails softly', () => {
  test.each<[string, string, string, Partial<SmtpCheck>, string]>([
    ['without STARTTLS', 'tls_advertise_hosts =', '', { startTls: true }, 'the server has no STARTTLS'],
    [
      'where it is turned away',
      'acl_smtp_connect = no',
      'no:\n  deny message = go away',
      {},
      'answer "550 go away", wanted 220',
    ],
    [
      'where nobody may say who calls',
      'acl_smtp_helo = no',
      'no:\n  deny',
      {},
      'answer "550 Administrative prohibition", wanted 250',
    ],
    [
      'where there is room for no more',
      'smtp_accept_max_per_host = 0\nhelo_accept_junk_hosts =\nacl_smtp_connect = full',
      'full:\n  defer message = too many connections',
      {},
      'answer "451 too many connections", wanted 220',
    ],
  ])('%s', async (_, more, acls, fields, reason) => {
    await using other = await start(more, acls);
    expect(await smtp(other, fields)).toEqual(failed('soft', reason));
  });

  test('by a name that is none', async () => {
    expect(await smtp(server, { helo: 'under_score' })).toEqual(
      failed('soft', /^answer "501 Syntactically invalid EHLO argument\(s\)", wanted 250$/),
    );
  });
});

test('passes with a greeting of many lines', async () => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`).join('\\n');
  await using other = await start(`smtp_banner = "${lines}"`);
  expect(await smtp(other)).toEqual(PASSED);
});

test('passes for no other protocol', () => expectStrangersToFail(server.port, ['smtp', 'starttls', 'ftp']));

test('stands still, dies, is gone', async () => {
  await expectFaults(server, { type: 'smtp' });
  await using again = await start();
  await expectFaults(again, { type: 'smtp', tls: { verify: false } }, smtps);
});
