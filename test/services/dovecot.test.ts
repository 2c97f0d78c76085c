/** Debian's Dovecot: IMAP and POP3, with TLS and without. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ScriptCheck, ScriptStep } from '../../src/model/check.js';
import { type Certificate, failed, makeCertificate, run, useDirectory } from '../unit/health/probes/fixture.js';
import { expectFaults } from './faults.js';
import { freePort, HOST, Server } from './server.js';
import { expectStrangersToFail } from './strangers.js';

const directory = useDirectory();
const PASSED = { result: 'passed', reason: 'answered as it should', warning: undefined };
const ports = { imap: 0, imaps: 0, pop: 0, pops: 0 };
let certificate: Certificate;

async function start(greeting = 'Dovecot is here'): Promise<Server> {
  for (const name of Object.keys(ports) as (keyof typeof ports)[]) ports[name] = await freePort();
  const { path } = directory;
  const listener = (name: string, port: number, ssl: string) =>
    `inet_listener ${name} { address = ${HOST} \n port = ${port} \n ssl = ${ssl} }`;
  const configuration = `
base_dir = ${path}/run
state_dir = ${path}/state
protocols = imap pop3
log_path = /dev/stderr
login_greeting = ${greeting}
default_internal_user = server
default_internal_group = server
default_login_user = server
mail_location = mbox:${path}/mail
first_valid_uid = 1000
ssl = yes
ssl_cert = <${certificate.certFile}
ssl_key = <${certificate.keyFile}
disable_plaintext_auth = no
auth_failure_delay = 0
passdb {
  driver = static
  args = password=word
}
userdb {
  driver = static
  args = uid=1000 gid=1000 home=${path}/home
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
service imap-login {
  chroot =
  ${listener('imap', ports.imap, 'no')}
  ${listener('imaps', ports.imaps, 'yes')}
}
service pop3-login {
  chroot =
  ${listener('pop3', ports.pop, 'no')}
  ${listener('pop3s', ports.pops, 'yes')}
}
`.replace(/\{ address = (\S+) \n port = (\d+) \n ssl = (\w+) \}/g, '{\n address = $1\n port = $2\n ssl = $3\n }');
  writeFileSync(join(path, 'dovecot.conf'), configuration);
  return Server.start({
    package: 'dovecot-imapd',
    command: ['/usr/sbin/dovecot', '-F', '-c', join(path, 'dovecot.conf')],
    directory: path,
    port: ports.imap,
    ready: { type: 'script', steps: [{ expect: '* OK' }, { send: 'a LOGOUT\r\n' }] },
  });
}

let server: Server;
beforeAll(async () => {
  certificate = makeCertificate(directory.path, 'DNS:mail.example');
  server = await start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

const script = (way: keyof typeof ports, fields: Omit<ScriptCheck, 'type'>) =>
  run({ address: HOST, port: ports[way] }, { type: 'script', ...fields });

describe.each([
  ['imap', 'imaps', 'pop'],
  ['pop', 'pops', 'imap'],
] as const)('%s', (preset, secured, other) => {
  test('passes', async () => {
    expect(await script(preset, { preset })).toEqual(PASSED);
  });

  test('passes with TLS, and knows its name', async () => {
    const ca = certificate.certFile;
    expect(await script(secured, { preset, tls: { ca, serverName: 'mail.example' } })).toEqual(PASSED);
    expect(await script(secured, { preset, tls: { ca } })).toEqual(
      failed('soft', 'certificate is for mail.example, not 127.0.0.1'),
    );
    expect(await script(preset, { preset, tls: { ca } })).toEqual(failed('soft', /^no TLS handshake: /));
    expect(await script(secured, { preset, timeout: 300 })).toEqual(failed('hard', 'no answer within 300 ms'));
  });

  test('fails softly by the greeting of the other protocol', async () => {
    expect(await script(other, { preset })).toEqual(failed('soft', /^answer ".*Dove.*", wanted ".*"$/));
  });
});

describe('a login in steps', () => {
  const login = (password: string): ScriptStep[] => [
    { line: '* OK' },
    { send: `a1 LOGIN probe ${password}\r\n` },
    { line: 'a1 OK' },
    { send: 'a2 LOGOUT\r\n' },
  ];

  test('passes with the password', async () => {
    const steps = login('word').map((step) => (step.line === 'a1 OK' ? { expect: 'a1 OK' } : step));
    expect(await script('imap', { steps })).toEqual(PASSED);
  });

  test('fails softly with another', async () => {
    expect(await script('imap', { steps: login('other') })).toEqual(
      failed('soft', 'answer "a1 NO [AUTHENTICATIONFAILED] Authentication failed.", wanted "a1 OK"'),
    );
  });
});

test('passes for no other protocol', async () => {
  await expectStrangersToFail(ports.imap, ['imap']);
  await expectStrangersToFail(ports.pop, ['pop']);
});

test('stands still, dies, is gone', async () => {
  await expectFaults(server, { type: 'script', preset: 'imap' });
});

test.each([
  ['pop', 'pop', {}],
  ['imap', 'imaps', { tls: { verify: false } }],
] as const)('stands still, dies, is gone: %s at %s', async (preset, way, fields) => {
  await using again = await start();
  await expectFaults(again, { type: 'script', preset, ...fields }, ports[way]);
});

test('a greeting without measure fails softly', async () => {
  await using _ = await start('x'.repeat(9000));
  for (const preset of ['imap', 'pop'] as const) {
    expect(await script(preset, { preset })).toEqual(failed('soft', /^a line of more than 8192 bytes: "/));
  }
});
