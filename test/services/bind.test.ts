/** Debian's BIND: questions by UDP and TCP. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DnsCheck } from '../../src/model/check.js';
import { failed, run, useDirectory } from '../unit/health/probes/fixture.js';
import { expectFaults, expectFaultsByUdp } from './faults.js';
import { freePort, HOST, Server } from './server.js';
import { expectStrangersToFail } from './strangers.js';

const directory = useDirectory();

/** Records of one name: too many for a datagram, and for 64 KB. */
const MANY = 200;
const TEXTS = 250;

const ZONE = `
$TTL 60
@     SOA ns.example. admin.example. 7 3600 600 86400 60
@     NS ns
ns    A 192.0.2.53
www   A 192.0.2.1
www   A 192.0.2.2
www   AAAA 2001:db8::1
alias CNAME www
mail  MX 10 www
txt   TXT "all is" " well"
_sip._udp SRV 1 2 5060 www
*.wild A 192.0.2.9
${Array.from({ length: MANY }, (_, index) => `many A 198.51.100.${index}`).join('\n')}
${Array.from({ length: TEXTS }, (_, index) => `texts TXT "${String(index).padStart(240, 'x')}"`).join('\n')}
`;

let port = 0;

function start(): Promise<Server> {
  return Server.start({
    package: 'bind9',
    command: ['/usr/sbin/named', '-g', '-c', join(directory.path, 'named.conf'), '-n', '1'],
    directory: directory.path,
    port,
    ready: { type: 'dns', name: 'example', recordType: 'SOA' },
  });
}

let server: Server;
beforeAll(async () => {
  port = await freePort();
  writeFileSync(join(directory.path, 'example.zone'), ZONE);
  writeFileSync(
    join(directory.path, 'named.conf'),
    `options {
      directory "${directory.path}"; pid-file none; session-keyfile none; listen-on-v6 { none; };
      listen-on port ${port} { ${HOST}; }; recursion no; dnssec-validation no; querylog no; max-records-per-type 0;
    };
    controls { };
    zone "example" { type primary; file "example.zone"; };
    zone "2.0.192.in-addr.arpa" { type primary; file "reverse.zone"; };
    zone "broken" { type primary; file "missing.zone"; };`,
  );
  const soa = '@ SOA ns.example. admin.example. 1 1 1 1 1\n@ NS ns.example.\n';
  writeFileSync(join(directory.path, 'reverse.zone'), `$TTL 60\n${soa}1 PTR www.example.\n`);
  server = await start();
});
afterAll(() => server?.[Symbol.asyncDispose]());

describe.each(['udp', 'tcp'] as const)('by %s', (transport) => {
  const dns = (name: string, fields: Partial<DnsCheck> = {}) =>
    run(server, { type: 'dns', transport, recordType: 'A', name, ...fields });

  test.each<[NonNullable<DnsCheck['recordType']>, string, string]>([
    ['A', 'www.example', '192.0.2.2'],
    ['AAAA', 'www.example.', '2001:db8::1'],
    ['NS', 'example', 'ns.example.'],
    ['CNAME', 'alias.example', 'www.example.'],
    ['PTR', '1.2.0.192.in-addr.arpa', 'www.example.'],
    ['MX', 'mail.example', '10 www.example.'],
    ['SRV', '_sip._udp.example', '1 2 5060 www.example.'],
    ['TXT', 'txt.example', 'all is well'],
    ['SOA', 'example', 'ns.example. admin.example. 7 3600 600 86400 60'],
    ['A', 'alias.example', '192.0.2.1'],
    ['A', 'any.WILD.example', '192.0.2.9'],
  ])('reads %s of %s', async (recordType, name, answer) => {
    expect(await dns(name, { recordType, answer })).toMatchObject({ result: 'passed' });
  });

  test.each<[string, Partial<DnsCheck>, string | RegExp]>([
    [
      'www.example',
      { answer: '192.0.2.3' },
      /^DNS answer "192\.0\.2\.[12], 192\.0\.2\.[12]" for A of www.example, wanted "192\.0\.2\.3"$/,
    ],
    ['none.example', {}, 'DNS answer NXDOMAIN for A of none.example'],
    ['ns.example', { recordType: 'AAAA' }, 'no DNS record: AAAA of ns.example'],
    ['www.elsewhere', {}, 'DNS answer REFUSED for A of www.elsewhere'],
    ['www.broken', {}, 'DNS answer SERVFAIL for A of www.broken'],
  ])('fails softly with %s %o', async (name, fields, reason) => {
    expect(await dns(name, fields)).toEqual(failed('soft', reason));
  });
});

test('by UDP a huge answer is cut off, by TCP it is read', async () => {
  const many = { type: 'dns', name: 'many.example', recordType: 'A', answer: '198.51.100.199' } as const;
  expect(await run(server, { ...many, answer: '203.0.113.1' })).toEqual(
    failed('soft', 'the DNS answer for A of many.example is cut off: ask by TCP'),
  );
  const passed = { result: 'passed', reason: `DNS answer of ${MANY} records` };
  expect(await run(server, { ...many, transport: 'tcp' })).toEqual(passed);
  const texts = { type: 'dns', name: 'texts.example', recordType: 'TXT', transport: 'tcp' } as const;
  expect(await run(server, texts)).toEqual({ result: 'passed', reason: `DNS answer of ${TEXTS} records` });
});

test('answers to datagrams of one’s own', async () => {
  // Which server it is: version.bind, in the class CHAOS.
  const sendHex = '0007 0100 0001 0000 0000 0000 07 76657273696f6e 04 62696e64 00 0010 0003';
  expect(await run(server, { type: 'udp', sendHex, expectHex: '0007 8xxx', matches: 'Debian' })).toMatchObject({
    result: 'passed',
  });
  expect(await run(server, { type: 'udp', sendHex, expectHex: '0008' })).toMatchObject({ kind: 'soft' });
  // What is no question is not answered.
  expect(await run(server, { type: 'udp', send: 'x', expect: 'x', timeout: 300 })).toEqual(
    failed('hard', 'no answer within 300 ms'),
  );
});

test('passes for no other protocol', () => expectStrangersToFail(port, ['dns']));

describe('stands still, is gone', () => {
  const check = { type: 'dns', name: 'www.example', recordType: 'A' } as const;

  test('by UDP', async () => {
    await expectFaultsByUdp(server, check);
    expect(await run(server, { type: 'udp' })).toEqual(failed('hard', 'connection refused'));
  });

  test('by TCP', async () => {
    await using again = await start();
    await expectFaults(again, { ...check, transport: 'tcp' });
  });
});
