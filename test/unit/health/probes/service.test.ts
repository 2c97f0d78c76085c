import { createHash, createHmac } from 'node:crypto';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { describe, expect, test } from 'vitest';
import type { Check } from '../../../../src/model/check.js';
import {
  afterThis,
  expectAbortToClose,
  failed,
  hasOpenssl,
  makeCertificate,
  nobody,
  run,
  says,
  serve,
  serveTls,
  silent,
  useDirectory,
} from './fixture.js';

const directory = useDirectory();

/** A server that answers the first bytes it hears with others, in hexadecimal; what it heard. */
async function answering(answer: string) {
  const heard: string[] = [];
  const bytes = Buffer.from(answer.replace(/\s/g, ''), 'hex');
  const server = await serve((socket) => {
    socket.on('data', (data) => {
      heard.push(data.toString('hex'));
      if (heard.length === 1) socket.write(bytes);
      else socket.end();
    });
  });
  return { ...server, heard };
}

/** One that answers datagrams. */
async function datagrams(answer: (question: Buffer, from: RemoteInfo) => readonly (Uint8Array | string)[]) {
  const socket = createSocket('udp4');
  socket.on('message', (question, from) => {
    for (const bytes of answer(question, from)) socket.send(bytes, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  afterThis(() => void socket.close());
  return { address: '127.0.0.1', port: socket.address().port };
}

const TCP_CHECKS: readonly Check[] = [{ type: 'ldap' }, { type: 'mysql' }, { type: 'postgresql' }];
const UDP_CHECKS: readonly Check[] = [{ type: 'radius', secret: 'x' }, { type: 'sip' }];

describe.each([...TCP_CHECKS, ...UDP_CHECKS])('$type', (check) => {
  test('fails hard where nobody listens', async () => {
    expect(await run(await nobody(), check)).toEqual(failed('hard', 'connection refused'));
  });
});

describe.each(TCP_CHECKS)('$type', (check) => {
  test('fails hard without an answer, and leaves nothing', async () => {
    expect(await run(await silent(), { ...check, timeout: 50 })).toEqual(failed('hard', 'no answer within 50 ms'));
    expect(await run(await says(''), check)).toMatchObject({ kind: 'hard' });
    await expectAbortToClose(await silent(), check);
  });

  test.each(['x', 'SSH-2.0-OpenSSH_9.2\r\n', '\xff'.repeat(100_000), '0\xff\xff\xff\xff\xff\xff\xff'])(
    'fails softly by something else (%#)',
    async (garbage) => {
      expect(await run(await says(Buffer.from(garbage, 'latin1')), check)).toMatchObject({ kind: 'soft' });
    },
  );
});

describe.each(UDP_CHECKS)('$type', (check) => {
  test('fails hard without an answer', async () => {
    const server = await datagrams(() => []);
    expect(await run(server, { ...check, timeout: 50 })).toEqual(failed('hard', 'no answer within 50 ms'));
  });
});

describe('ldap', () => {
  const ldap = { type: 'ldap' } as const;

  test.each([
    ['with a short length', '300c 020101 6107 0a0100 0400 0400'],
    ['as Active Directory does', '3084 00000010 020101 6184 00000007 0a0100 0400 0400'],
  ])('binds, and unbinds (%s)', async (_, answer) => {
    const server = await answering(answer);
    expect(await run(server, ldap)).toEqual({ result: 'passed', reason: 'LDAP bind', warning: undefined });
    expect(server.heard).toEqual(['300c020101600702010304008000', '30050201024200']);
  });

  test.each([
    ['300c 020101 6107 0a0135 0400 0400', 'LDAP result 53 unwillingToPerform'],
    ['300c 020101 6107 0a0150 0400 0400', 'LDAP result 80'],
    ['300c 020101 6507 0a0100 0400 0400', /^not an LDAP bind response: /],
    ['3000', /^not an LDAP bind response: /],
    ['3085 ffffffffff', 'not LDAP: a length of too many bytes'],
    ['3084 ffffffff', 'the answer is longer than 65536 bytes'],
  ])('fails softly with %s', async (answer, reason) => {
    expect(await run(await answering(answer), ldap)).toEqual(failed('soft', reason));
  });

  test.skipIf(!hasOpenssl)('speaks TLS', async () => {
    const certificate = makeCertificate(directory.path, 'DNS:ldap.example');
    const answer = Buffer.from('300c02010161070a010004000400', 'hex');
    const server = await serveTls(certificate, (socket) => socket.once('data', () => socket.end(answer)));
    const tls = { ca: certificate.certFile, serverName: 'ldap.example' };
    expect(await run(server, { ...ldap, tls })).toMatchObject({ result: 'passed' });
  });
});

describe('mysql', () => {
  const packet = (content: Uint8Array, number = 0) =>
    Buffer.concat([Uint8Array.of(content.length, 0, 0, number), content]);
  const greeting = Buffer.from('\x0a8.0.36-debian\0\x01\0\0\0salt', 'latin1');

  test('passes with the greeting', async () => {
    expect(await run(await says(packet(greeting)), { type: 'mysql' })).toEqual({
      result: 'passed',
      reason: 'MySQL "8.0.36-debian"',
    });
  });

  test('says what the server says', async () => {
    const blocked = Buffer.from("\xff\x69\x04Host 'x' is blocked", 'latin1');
    expect(await run(await says(packet(blocked)), { type: 'mysql' })).toEqual(
      failed('soft', `MySQL error 1129: "Host 'x' is blocked"`),
    );
  });

  test.each([
    ['another protocol', packet(Buffer.from('\x095.0\0'))],
    ['a version without an end', packet(Buffer.from('\x0a5.0'))],
    ['a second packet', packet(greeting, 2)],
  ])('fails softly with %s', async (_, answer) => {
    expect(await run(await says(answer), { type: 'mysql' })).toMatchObject({ kind: 'soft' });
  });
});

describe('postgresql', () => {
  const message = (type: string, content: string) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(4 + content.length);
    return Buffer.concat([Buffer.from(type), length, Buffer.from(content, 'latin1')]).toString('hex');
  };
  const error = (state: string, words: string) => message('E', `SFATAL\0C${state}\0M${words}\0\0`);

  test('passes with the question for a password', async () => {
    const server = await answering(message('R', '\0\0\0\x05salt'));
    expect(await run(server, { type: 'postgresql', user: 'check', database: 'shop' })).toEqual({
      result: 'passed',
      reason: 'PostgreSQL takes calls',
    });
    const said = Buffer.from(server.heard[0] ?? '', 'hex');
    expect(said.readUInt32BE(0)).toBe(said.length);
    expect(said.subarray(4).toString('latin1')).toBe(
      '\0\x03\0\0user\0check\0database\0shop\0application_name\0ipvs-ts\0\0',
    );
  });

  test('passes where the user is not known', async () => {
    const server = await answering(error('28000', 'role "ipvs-ts" does not exist'));
    expect(await run(server, { type: 'postgresql' })).toEqual({
      result: 'passed',
      reason: 'PostgreSQL takes calls (28000: "role "ipvs-ts" does not exist")',
    });
  });

  test.each([
    ['57P03', 'the database system is starting up'],
    ['53300', 'sorry, too many clients already'],
  ])('fails softly by %s', async (state, words) => {
    const server = await answering(error(state, words));
    expect(await run(server, { type: 'postgresql' })).toEqual(failed('soft', `PostgreSQL error ${state}: "${words}"`));
  });
});

describe('radius', () => {
  const check = { type: 'radius', secret: 'shared', user: 'probe', password: 'a password of 22 bytes' } as const;

  /** An answer as RFC 2865 signs it. */
  function answer(request: Buffer, code: number, secret: string, length = 20): Buffer {
    const head = Buffer.from([code, request[1] ?? 0, 0, length]);
    const signature = createHash('md5')
      .update(Buffer.concat([head, request.subarray(4, 20), Buffer.from(secret)]))
      .digest();
    return Buffer.concat([head, signature]);
  }

  test.each([
    [2, 'Access-Accept by RADIUS'],
    [3, 'Access-Reject by RADIUS'],
    [11, 'Access-Challenge by RADIUS'],
  ])('passes with code %i', async (code, reason) => {
    const server = await datagrams((request) => [answer(request, code, 'shared')]);
    expect(await run(server, check)).toEqual({ result: 'passed', reason });
  });

  test('sends what a server can read', async () => {
    const requests: Buffer[] = [];
    const server = await datagrams((request) => {
      requests.push(request);
      return [answer(request, 2, 'shared')];
    });
    await run(server, check);
    const [request = Buffer.alloc(0)] = requests;
    expect(request.readUInt16BE(2)).toBe(request.length);
    const attributes = attributesOf(request);
    expect(attributes.get(1)?.toString()).toBe('probe');
    expect(attributes.get(32)?.toString()).toBe('ipvs-ts');
    const unsigned = Buffer.from(request);
    unsigned.fill(0, 22, 38);
    expect(attributes.get(80)).toEqual(createHmac('md5', 'shared').update(unsigned).digest());
    expect(shown(attributes.get(2) ?? Buffer.alloc(0), request.subarray(4, 20))).toBe(check.password);
  });

  function attributesOf(request: Buffer): Map<number, Buffer> {
    const attributes = new Map<number, Buffer>();
    for (let at = 20; at < request.length; at += request[at + 1] ?? request.length) {
      attributes.set(request[at] ?? 0, request.subarray(at + 2, at + (request[at + 1] ?? 0)));
    }
    return attributes;
  }

  /** What User-Password hides. */
  function shown(value: Buffer, authenticator: Buffer): string {
    const blocks = [
      authenticator,
      ...Array.from({ length: value.length / 16 }, (_, i) => value.subarray(16 * i, 16 * i + 16)),
    ];
    const clear = blocks.slice(1).map((block, index) => {
      const key = createHash('md5')
        .update('shared')
        .update(blocks[index] ?? block)
        .digest();
      return block.map((byte, at) => byte ^ (key[at] ?? 0));
    });
    return Buffer.concat(clear).toString().replace(/\0+$/, '');
  }

  test('fails softly where the secret is another', async () => {
    const server = await datagrams((request) => [answer(request, 2, 'other')]);
    expect(await run(server, check)).toEqual(failed('soft', 'Access-Accept by RADIUS, signed with another secret'));
    const short = await datagrams((request) => [answer(request, 2, 'shared', 19)]);
    expect(await run(short, check)).toMatchObject({ kind: 'soft' });
  });

  test('fails softly by another code, and does not hear other answers', async () => {
    const server = await datagrams((request) => {
      const other = answer(request, 2, 'shared');
      other[1] = (request[1] ?? 0) ^ 1;
      return ['x', other, answer(request, 5, 'shared')];
    });
    expect(await run(server, check)).toEqual(failed('soft', 'RADIUS code 5, wanted an answer to an Access-Request'));
  });
});

describe('sip', () => {
  const sip = { type: 'sip' } as const;
  const callOf = (request: Buffer) => /^Call-ID: (.*)\r$/m.exec(request.toString())?.[1];
  const answer = (request: Buffer, status: string) => `SIP/2.0 ${status}\r\nCall-ID: ${callOf(request)}\r\n\r\n`;

  test('passes with 200, after answers that say it takes a while', async () => {
    const requests: string[] = [];
    const server = await datagrams((request, from) => {
      requests.push(request.toString(), `${from.address}:${from.port}`);
      return [answer(request, '100 Trying'), 'SIP/2.0 500 Oops\r\nCall-ID: another\r\n\r\n', answer(request, '200 OK')];
    });
    expect(await run(server, { ...sip, uri: 'sip:echo@example.com' })).toEqual({
      result: 'passed',
      reason: 'SIP status 200',
    });
    const [request = '', from = ''] = requests;
    expect(request).toMatch(/^OPTIONS sip:echo@example\.com SIP\/2\.0\r\n/);
    expect(request).toContain(`\r\nVia: SIP/2.0/UDP ${from};branch=z9hG4bK`);
    expect(request).toMatch(/\r\nContent-Length: 0\r\n\r\n$/);
  });

  test('fails softly with another status, or what is no SIP', async () => {
    const server = await datagrams((request) => [answer(request, '404 Not Found')]);
    expect(await run(server, sip)).toEqual(failed('soft', 'SIP status 404, wanted 200'));
    expect(await run(server, { ...sip, status: ['400-499'] })).toMatchObject({ result: 'passed' });
    expect(await run(await datagrams(() => ['HTTP/1.1 200 OK']), sip)).toEqual(
      failed('soft', 'not SIP: "HTTP/1.1 200 OK"'),
    );
  });
});
