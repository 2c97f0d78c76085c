/** Debian's OpenLDAP. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LdapCheck } from '../../src/model/check.js';
import { type Certificate, failed, makeCertificate, run, useDirectory } from '../unit/health/probes/fixture.js';
import { expectFaults } from './faults.js';
import { freePort, HOST, Server } from './server.js';
import { expectStrangersToFail } from './strangers.js';

const directory = useDirectory();
const check = { type: 'ldap' } as const;
const PASSED = { result: 'passed', reason: 'LDAP bind', warning: undefined };
let certificate: Certificate;
let ldaps = 0;

async function start(settings = ''): Promise<Server> {
  const port = await freePort();
  ldaps = await freePort();
  const { path } = directory;
  const file = join(path, `slapd-${port}.conf`);
  writeFileSync(
    file,
    `
include /etc/ldap/schema/core.schema
pidfile ${path}/slapd-${port}.pid
argsfile ${path}/slapd-${port}.args
TLSCertificateFile ${certificate.certFile}
TLSCertificateKeyFile ${certificate.keyFile}
${settings}
`,
  );
  const urls = `ldap://${HOST}:${port}/ ldaps://${HOST}:${ldaps}/`;
  return Server.start({
    package: 'slapd',
    command: ['/usr/sbin/slapd', '-d', 'none', '-f', file, '-h', urls],
    directory: path,
    port,
    ready: { type: 'tcp' },
  });
}

let server: Server;
beforeAll(async () => {
  certificate = makeCertificate(directory.path, 'DNS:ldap.example');
  server = await start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

const byTls = (tls: LdapCheck['tls'], port = ldaps) => run({ address: HOST, port }, { ...check, tls });

test('passes', async () => {
  expect(await run(server, check)).toEqual(PASSED);
});

test('passes with TLS, and knows its name', async () => {
  const ca = certificate.certFile;
  expect(await byTls({ ca, serverName: 'ldap.example' })).toEqual(PASSED);
  expect(await byTls({ ca })).toEqual(failed('soft', 'certificate is for ldap.example, not 127.0.0.1'));
  expect(await byTls({ ca }, server.port)).toMatchObject({ result: 'failed' });
  expect(await run({ address: HOST, port: ldaps }, check)).toMatchObject({ result: 'failed' });
});

test.each([
  ['disallow bind_anon', 'LDAP result 48 inappropriateAuthentication (no anonymous bind)'],

  ['disallow bind_anon bind_simple', 'LDAP result 48 inappropriateAuthentication (no anonymous bind)'],
  ['restrict bind', 'LDAP result 53 unwillingToPerform'],
])('fails softly with "%s"', async (settings, reason) => {
  await using other = await start(settings);
  expect(await run(other, check)).toEqual(failed('soft', reason));
});

test('passes for no other protocol', () => expectStrangersToFail(server.port, ['ldap']));

test('stands still, dies, is gone', async () => {
  await expectFaults(server, check);
  await using again = await start();
  await expectFaults(again, { ...check, tls: { verify: false } }, ldaps);
});
