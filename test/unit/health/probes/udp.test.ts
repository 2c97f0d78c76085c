import { createSocket, type RemoteInfo, Socket } from 'node:dgram';
import { describe, expect, test, vi } from 'vitest';
import type { DnsCheck, UdpCheck } from '../../../../src/model/check.js';
import { afterThis, failed, LONG, nobody, run, serve, silent } from './fixture.js';

type Answer = (socket: Socket, question: Buffer, from: RemoteInfo) => void;

/** A server of datagrams on a free port. */
async function datagrams(answer: Answer, address = '127.0.0.1') {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (question, from) => answer(socket, question, from));
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  afterThis(() => void socket.close());
  return { address, port: socket.address().port };
}

/** It answers every datagram with some bytes. */
function answering(bytes: string | Uint8Array) {
  return datagrams((socket, _, { port, address }) => socket.send(bytes, port, address));
}

describe('udp', () => {
  const udp = (server: { address: string; port: number }, fields: Partial<UdpCheck> = {}) =>
    run(server, { type: 'udp', ...fields });

  test('sends what it is told, and passes with any answer', async () => {
    const heard: string[] = [];
    const server = await datagrams((socket, question, { port, address }) => {
      heard.push(question.toString('latin1'));
      socket.send('x', port, address);
    });
    for (const fields of [{}, { send: 'hi\r\n' }, { sendHex: '00 ff' }]) {
      expect(await udp(server, fields)).toEqual({ result: 'passed', reason: 'answered' });
    }
    expect(heard).toEqual(['', 'hi\r\n', '\x00\xff']);
  });

  test.each<[Partial<UdpCheck>]>([
    [{ expect: 'ell' }],
    [{ expectHex: '68 xx 6c' }],
    [{ matches: '^h.*o$' }],
    [{ expect: 'h', matches: 'o' }],
  ])('passes with %o', async (fields) => {
    expect(await udp(await answering('hello'), fields)).toMatchObject({ result: 'passed' });
  });

  test.each<[Partial<UdpCheck>, string]>([
    [{ expect: 'x' }, '"x"'],
    [{ expectHex: '65' }, 'the bytes 65'],
    [{ expectHex: '68656c6c6f xx' }, 'the bytes 68656c6c6fxx'],
    [{ matches: '^e' }, 'what matches "^e"'],
  ])('fails softly with %o', async (fields, wanted) => {
    expect(await udp(await answering('hello'), fields)).toEqual(failed('soft', `answer "hello", wanted ${wanted}`));
  });

  test('passes in silence where nothing is expected', async () => {
    const server = await datagrams(() => {});
    expect(await udp(server, { timeout: 50 })).toEqual({ result: 'passed', reason: 'not refused within 50 ms' });
    expect(await udp(server, { timeout: 50, expect: 'x' })).toEqual(failed('hard', 'no answer within 50 ms'));
  });

  test('hears a refusal that came while this program stood still', async () => {
    const target = await nobody();
    const send = vi.spyOn(Socket.prototype, 'send').mockImplementationOnce(function (this: Socket, ...args: unknown[]) {
      send.mockRestore();
      Reflect.apply(this.send, this, args);
      const end = performance.now() + 150;
      while (performance.now() < end);
    });
    expect(await udp(target, { timeout: 100 })).toEqual(failed('hard', 'connection refused'));
  });

  test('fails hard where nobody listens', async () => {
    expect(await udp(await nobody())).toEqual(failed('hard', 'connection refused'));
  });

  test('takes IPv6', async () => {
    const server = await datagrams((socket, _, { port, address }) => socket.send('x', port, address), '::1');
    expect(await udp(server)).toMatchObject({ result: 'passed' });
  });

  test('calls from the address it is told', async () => {
    const from: string[] = [];
    const server = await datagrams((socket, _, { port, address }) => {
      from.push(address);
      socket.send('x', port, address);
    });
    expect(await udp(server, { source: '127.0.0.9' })).toMatchObject({ result: 'passed' });
    expect(from).toEqual(['127.0.0.9']);
    expect(await udp(server, { source: '192.0.2.9' })).toMatchObject({ result: 'not measured' });
  });

  test('leaves nothing behind when it is ended', async () => {
    const heard = vi.fn();
    const server = await datagrams(heard);
    const controller = new AbortController();
    const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'UDPWrap').length;
    // Those of the tests before may be closing.
    await vi.waitFor(() => expect(sockets()).toBe(1), LONG);
    const outcome = run(server, { type: 'udp' }, controller.signal);
    await vi.waitFor(() => expect(heard).toHaveBeenCalled(), LONG);
    expect(sockets()).toBe(2);
    controller.abort();
    expect(await outcome).toMatchObject({ result: 'not measured' });
    await vi.waitFor(() => expect(sockets()).toBe(1), LONG);
  });
});

/** A record of an answer, whose name points to the question's. */
function record(type: number, data: string | Uint8Array): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data.replace(/\s/g, ''), 'hex') : Buffer.from(data);
  const head = Buffer.from('c00c00000001000000780000', 'hex');
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(bytes.length, 10);
  return Buffer.concat([head, bytes]);
}

/** The answer to a question of no additional sections. */
function reply(question: Buffer, records: readonly Buffer[], flags = 0x8180): Buffer {
  const head = Buffer.from(question);
  head.writeUInt16BE(flags, 2);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, ...records]);
}

function nameServer(records: readonly Buffer[], flags?: number) {
  return datagrams((socket, question, { port, address }) =>
    socket.send(reply(question, records, flags), port, address),
  );
}

describe('dns', () => {
  const dns = (server: { address: string; port: number }, fields: Partial<DnsCheck> = {}) =>
    run(server, { type: 'dns', name: 'www.example', ...fields });
  const A = record(1, 'c0000201');

  test('asks as RFC 1035 says', async () => {
    const asked: Buffer[] = [];
    const server = await datagrams((socket, question, { port, address }) => {
      asked.push(question);
      socket.send(reply(question, [A]), port, address);
    });
    expect(await dns(server, { recordType: 'A' })).toEqual({ result: 'passed', reason: 'DNS answer "192.0.2.1"' });
    await dns(server, { name: '.', recordType: 'SRV' });
    await dns(server, { name: 'example.' });
    expect(asked.map((bytes) => bytes.subarray(2).toString('latin1'))).toEqual([
      '\x01\0\0\x01\0\0\0\0\0\0\x03www\x07example\0\0\x01\0\x01',
      '\x01\0\0\x01\0\0\0\0\0\0\0\0\x21\0\x01',
      '\x01\0\0\x01\0\0\0\0\0\0\x07example\0\0\x06\0\x01',
    ]);
    expect(new Set(asked.map((bytes) => bytes.readUInt16BE(0))).size).toBeGreaterThan(1);
  });

  test.each<[NonNullable<DnsCheck['recordType']>, number, string, string]>([
    ['A', 1, 'c0000201', '192.0.2.1'],
    ['AAAA', 28, '20010db8000000000000000000000001', '2001:db8::1'],
    ['NS', 2, '026e73 c00c', 'ns.www.example.'],
    ['CNAME', 5, '0161 c010', 'a.example.'],
    ['PTR', 12, '0161 00', 'a.'],
    ['MX', 15, '000a 046d61696c c010', '10 mail.example.'],
    ['SRV', 33, '0001 0002 0050 0161 00', '1 2 80 a.'],
    ['TXT', 16, '02 6162 01 63', 'abc'],
    ['SOA', 6, '0161 00 0162 00 00000001 00000002 00000003 00000004 00000005', 'a. b. 1 2 3 4 5'],
  ])('reads %s', async (recordType, type, data, text) => {
    // A record of another type, as the alias before an address is, is passed over.
    const server = await nameServer([record(46, '00'), record(type, data)]);
    expect(await dns(server, { recordType, answer: text })).toEqual({
      result: 'passed',
      reason: `DNS answer "${text}"`,
    });
  });

  test('takes one of several records', async () => {
    const server = await nameServer([A, record(1, 'c0000202')]);
    expect(await dns(server, { recordType: 'A', answer: '192.0.2.2' })).toEqual({
      result: 'passed',
      reason: 'DNS answer of 2 records',
    });
    expect(await dns(server, { recordType: 'A', answer: '192.0.2.3' })).toEqual(
      failed('soft', 'DNS answer "192.0.2.1, 192.0.2.2" for A of www.example, wanted "192.0.2.3"'),
    );
  });

  test.each([
    [0x8183, 'DNS answer NXDOMAIN for A of www.example'],
    [0x8182, 'DNS answer SERVFAIL for A of www.example'],
    [0x8185, 'DNS answer REFUSED for A of www.example'],
    [0x8189, 'DNS answer code 9 for A of www.example'],
    [0x8180, 'no DNS record: A of www.example'],
    [0x8380, 'the DNS answer for A of www.example is cut off: ask by TCP'],
  ])('fails softly with the flags %i', async (flags, reason) => {
    expect(await dns(await nameServer([], flags), { recordType: 'A' })).toEqual(failed('soft', reason));
  });

  test('does not hear answers to other questions', async () => {
    const server = await datagrams((socket, question, { port, address }) => {
      const other = reply(question, [A]);
      other.writeUInt16BE(question.readUInt16BE(0) ^ 1, 0);
      socket.send(other, port, address);
      socket.send('x', port, address);
      setTimeout(() => socket.send(reply(question, [record(1, 'c0000209')]), port, address), 20);
    });
    expect(await dns(server, { recordType: 'A' })).toMatchObject({ reason: 'DNS answer "192.0.2.9"' });
  });

  test.each<[string, (question: Buffer) => Buffer]>([
    ['the question itself', (question) => question],
    ['an id alone', (question) => question.subarray(0, 2)],
    ['half a header', (question) => reply(question, []).subarray(0, 7)],
    ['a record that is cut off', (question) => reply(question, [A]).subarray(0, -1)],
    ['a record without its head', (question) => Buffer.concat([reply(question, [A]).subarray(0, question.length + 3)])],
    ['a short address', (question) => reply(question, [record(1, 'c00002')])],
    ['a name in a circle', (question) => reply(question, [Buffer.from('c01d', 'hex')])],
    ['a text that is cut off', (question) => reply(question, [record(16, '05 61')])],
  ])('fails softly with %s', async (_, answer) => {
    const server = await datagrams((socket, question, { port, address }) =>
      socket.send(answer(question), port, address),
    );
    const recordType = _.includes('text') ? 'TXT' : 'A';
    expect(await dns(server, { recordType })).toEqual(failed('soft', /^the answer is no DNS message: "/));
  });

  test('never takes random bytes for anything but a soft failure or no answer', async () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed;
    };
    const server = await datagrams((socket, question, { port, address }) => {
      const noise = Buffer.from(Array.from({ length: random() % 60 }, () => random() % 256));
      socket.send(Buffer.concat([question.subarray(0, 2), Uint8Array.of(0x80, 0), noise]), port, address);
    });
    for (let round = 0; round < 200; round++) expect(await dns(server)).toMatchObject({ kind: 'soft' });
  });

  test('fails hard where nobody listens, or is silent', async () => {
    expect(await dns(await nobody())).toEqual(failed('hard', 'connection refused'));
    expect(await dns(await datagrams(() => {}), { timeout: 50 })).toEqual(failed('hard', 'no answer within 50 ms'));
  });

  test('asks by TCP', async () => {
    const server = await serve((socket) => {
      socket.once('data', (data) => {
        const answer = reply(data.subarray(2), [A]);
        const framed = Buffer.concat([Uint8Array.of(0, answer.length), answer]);
        socket.write(framed.subarray(0, 5));
        setTimeout(() => socket.write(framed.subarray(5)), 10);
      });
    });
    const check = { recordType: 'A', transport: 'tcp' } as const;
    expect(await dns(server, check)).toMatchObject({ reason: 'DNS answer "192.0.2.1"' });
    expect(await dns(await nobody(), check)).toEqual(failed('hard', 'connection refused'));
    expect(await dns(await silent(), { ...check, timeout: 50 })).toEqual(failed('hard', 'no answer within 50 ms'));
    expect(await dns(await serve((socket) => socket.end(Uint8Array.of(0))), check)).toMatchObject({ kind: 'soft' });
  });
});
