import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { InvalidArgumentError } from '../../../src/errors.js';
import { type Check, checkSchema, parseCheck } from '../../../src/model/check.js';
import { issuesOf, pathsOf } from './issues.js';

type Loose = Record<string, unknown>;

/** What every check has in its one form, where nothing is said of it. */
const BASE = { interval: 5000, timeout: 3000, fall: 3, softFall: 3, rise: 2, recheck: 1250 };

function paths(input: Loose): string[] {
  return pathsOf(() => parseCheck(input as unknown as Check));
}

describe.each<[string, Loose, Loose]>([
  ['tcp', { type: 'tcp' }, {}],
  [
    'http',
    { type: 'http' },
    {
      method: 'GET',
      path: '/',
      headers: {},
      status: ['200-299'],
      maxBody: 262_144,
      redirects: 0,
      version: '1.1',
    },
  ],
  ['script', { type: 'script', steps: [{ send: 'x' }, { expectHex: '00ff' }] }, {}],
  ['script', { type: 'script', preset: 'redis' }, {}],
  ['smtp', { type: 'smtp', startTls: true }, { startTls: { verify: true, expiryWarning: 14 } }],
  ['dns', { type: 'dns' }, { name: '.', recordType: 'SOA', transport: 'udp' }],
  ['udp', { type: 'udp', sendHex: '00ff', expectHex: '0xxf' }, {}],
  ['exec', { type: 'exec', command: ['/bin/true'] }, { env: {}, dynamicWeight: false }],
  ['file', { type: 'file', path: '/run/up' }, {}],
  ['agent', { type: 'agent', port: 8081 }, {}],
  ['ping', { type: 'ping' }, {}],
  ['ldap', { type: 'ldap' }, {}],
  ['mysql', { type: 'mysql' }, {}],
  ['postgresql', { type: 'postgresql' }, { user: 'ipvs-ts' }],
  ['radius', { type: 'radius', secret: 'x' }, { user: 'ipvs-ts', password: '' }],
  ['sip', { type: 'sip' }, { status: [200] }],
  ['grpc', { type: 'grpc' }, { service: '' }],
  ['http', { type: 'http', tls: true }, { tls: { verify: true, expiryWarning: 14 } }],
])('%s %o', (_, input, filled) => {
  test('has its defaults in its one form, which is taken again', () => {
    const check = parseCheck(input as unknown as Check);
    expect(check).toMatchObject({ ...input, ...BASE, ...filled });
    expect(parseCheck(check)).toEqual(check);
    expect(JSON.parse(JSON.stringify(check))).toEqual(check);
  });

  test('refuses what it does not know', () => {
    expect(paths({ ...input, nonsense: 1 })).toEqual(['nonsense']);
  });
});

test.each<[string, Loose, string[]]>([
  ['no type', {}, ['type']],
  ['another type', { type: 'telepathy' }, ['type']],
  ['times of the future', { type: 'tcp', interval: 1, timeout: 1e9 }, ['interval', 'timeout']],
  ['an address by name', { type: 'tcp', address: 'www', source: 'eth0' }, ['address', 'source']],
  ['a header in two lines', { type: 'http', headers: { A: 'x\r\nB: y' } }, ['headers.A']],
  ['a path with a blank', { type: 'http', path: '/a b' }, ['path']],
  ['a path in two lines', { type: 'http', path: '/a\r\nb' }, ['path']],
  ['a method in two words', { type: 'http', method: 'GET /' }, ['method']],
  ['a host in two lines', { type: 'http', host: 'a\nb' }, ['host']],
  ['statuses', { type: 'http', status: [99, '300-200', '2xx', 200] }, ['status[0]', 'status[1]', 'status[2]']],
  ['no status', { type: 'http', status: [] }, ['status']],
  ['a header of HTTP/1', { type: 'http', version: '2', headers: { Upgrade: 'x', 'X-A': 'y' } }, ['headers.Upgrade']],
  ['a regular expression', { type: 'http', body: { matches: '(' } }, ['body.matches']],
  ['a body of nothing', { type: 'http', body: {} }, ['body']],
  ['a body of HEAD', { type: 'http', method: 'HEAD', body: { contains: 'x' } }, ['body']],
  ['a device by path', { type: 'tcp', device: 'a/b' }, ['device']],
  ['a long device', { type: 'tcp', device: 'a234567890123456' }, ['device']],
  ['no mark', { type: 'tcp', fwmark: 0 }, ['fwmark']],
  ['a mark of a file', { type: 'file', path: '/x', fwmark: 1, device: 'lo' }, ['device', 'fwmark']],
  ['an MD5', { type: 'http', body: { md5: '0'.repeat(64) } }, ['body.md5']],
  ['kept with HTTP/2', { type: 'http', version: '2', connection: 'kept' }, ['connection']],
  ['a sum', { type: 'http', body: { sha256: 'abc' } }, ['body.sha256']],
  ['TLS by word', { type: 'http', tls: 'yes' }, ['tls']],
  ['a certificate without its key', { type: 'http', tls: { cert: 'x' } }, ['tls.key']],
  ['a key without its certificate', { type: 'http', tls: { key: 'x' } }, ['tls.cert']],
  ['a script of nothing', { type: 'script' }, ['']],
  ['a script of two kinds', { type: 'script', preset: 'pop', steps: [{ send: 'x' }] }, ['']],
  ['an empty script', { type: 'script', steps: [] }, ['steps']],
  ['an unknown preset', { type: 'script', preset: 'gopher' }, ['preset']],
  ['a step of two things', { type: 'script', steps: [{ send: 'x', expect: 'y' }] }, ['steps[0]']],
  ['a step of nothing', { type: 'script', steps: [{}] }, ['steps[0]']],
  ['half a byte', { type: 'script', steps: [{ sendHex: '0d0' }] }, ['steps[0].sendHex']],
  ['a reply of words', { type: 'script', steps: [{ reply: 'OK' }] }, ['steps[0].reply']],
  ['an expression in a step', { type: 'script', steps: [{ matches: '[' }] }, ['steps[0].matches']],
  ['a name in two lines', { type: 'smtp', helo: 'a\r\nb' }, ['helo']],
  ['TLS twice', { type: 'smtp', tls: true, startTls: true }, ['startTls']],
  ['a name of nothing', { type: 'dns', name: 'a..b' }, ['name']],
  ['a long label', { type: 'dns', name: `${'a'.repeat(64)}.example` }, ['name']],
  ['a record of the past', { type: 'dns', recordType: 'WKS', transport: 'smoke' }, ['recordType', 'transport']],
  ['two datagrams', { type: 'udp', send: 'x', sendHex: '00' }, ['sendHex']],
  ['a datagram of two', { type: 'udp', send: 'ä'.repeat(617) }, ['send']],
  ['half a byte by UDP', { type: 'udp', expectHex: '0' }, ['expectHex']],
  ['a command of a shell', { type: 'exec', command: 'true' }, ['command']],
  ['a command of nothing', { type: 'exec', command: [] }, ['command']],
  ['a program without a name', { type: 'exec', command: ['', 'x'] }, ['command[0]']],
  ['a variable with a sign', { type: 'exec', command: ['x'], env: { 'A=B': 'x' } }, ['env.A=B']],
  ['a file from here', { type: 'file', path: 'up' }, ['path']],
  ['an agent without a port', { type: 'agent' }, ['port']],
  ['RADIUS without a secret', { type: 'radius' }, ['secret']],
  ['a long password', { type: 'radius', secret: 'x', password: 'x'.repeat(129) }, ['password']],
  ['SIP to two', { type: 'sip', uri: 'a\r\nb' }, ['uri']],
  ['a user in two parts', { type: 'postgresql', user: 'a\0b' }, ['user']],
  ['unknown TLS', { type: 'http', tls: { sni: 'x' } }, ['tls.sni']],
])('refuses %s', (_, input, expected) => {
  expect(paths(input)).toEqual(expected);
});

test('says what is wrong with a regular expression', () => {
  const check = { type: 'http', body: { matches: '(' } } as const;
  const [issue] = issuesOf(() => parseCheck(check));
  expect(issue?.message).toContain('Invalid regular expression');
});

test('says which types there are, and what TLS may be', () => {
  expect(issuesOf(() => parseCheck({ type: 'telepathy' } as unknown as Check))).toEqual([
    { path: 'type', message: expect.stringMatching(/^must be tcp, http, script, .*, sip$/) },
  ]);
  expect(issuesOf(() => parseCheck({ type: 'http', tls: 'yes' } as unknown as Check))).toEqual([
    { path: 'tls', message: 'must be true or an object' },
  ]);
});

test('has a JSON Schema, which takes TLS by word and by object', () => {
  const schema = z.toJSONSchema(checkSchema(), { io: 'input' });
  const tls = schema.oneOf?.map(({ properties }) => properties?.['tls']).filter((one) => one !== undefined) ?? [];
  expect(tls).toHaveLength(5);
  for (const one of tls) expect(one).toMatchObject({ type: ['boolean', 'object'], additionalProperties: false });
});

test('whatever JSON comes in is taken or refused with an error that names a field', () => {
  const types = ['tcp', 'http', 'script', 'smtp', 'dns', 'udp', 'exec', 'file', 'agent', 'grpc', 'radius', 'sip'];
  const fields = [
    'status',
    'body',
    'headers',
    'tls',
    'steps',
    'preset',
    'name',
    'answer',
    'command',
    'env',
    'path',
    'uri',
  ];
  const check = fc
    .tuple(fc.constantFrom(...types), fc.dictionary(fc.constantFrom(...fields, 'timeout', 'port'), fc.jsonValue()))
    .map(([type, rest]) => ({ ...rest, type }));
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), check), (input) => {
      try {
        parseCheck(input as unknown as Check);
      } catch (error) {
        expect(error).toBeInstanceOf(InvalidArgumentError);
      }
    }),
    { numRuns: 500 },
  );
});
