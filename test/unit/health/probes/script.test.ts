import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { ScriptCheck, ScriptStep } from '../../../../src/model/check.js';
import {
  expectAbortToClose,
  failed,
  hasOpenssl,
  LONG,
  makeCertificate,
  nobody,
  run,
  type Served,
  says,
  serve,
  serveTls,
  silent,
  useDirectory,
} from './fixture.js';

const directory = useDirectory();
const PASSED = { result: 'passed', reason: 'answered as it should', warning: undefined };

function script(server: { address: string; port: number }, steps: readonly ScriptStep[], fields: object = {}) {
  return run(server, { type: 'script', steps, ...fields });
}

/** A server that greets, and answers each line by a table; what it heard. */
async function lines(
  greeting: string,
  answers: Readonly<Record<string, string>> = {},
): Promise<{ server: Served; heard: string[] }> {
  const heard: string[] = [];
  const server = await serve((socket) => converse(socket, { greeting, answers, heard }));
  return { server, heard };
}

function converse(
  socket: Socket,
  { greeting, answers, heard }: { greeting: string; answers: Readonly<Record<string, string>>; heard: string[] },
): void {
  if (greeting !== '') socket.write(greeting);
  socket.setEncoding('latin1').on('data', (text) => {
    for (const line of String(text).split('\r\n').slice(0, -1)) {
      heard.push(line);
      const answer = answers[line];
      if (answer === undefined) socket.end();
      else socket.write(answer);
    }
  });
}

describe('steps', () => {
  test('send, and wait for text anywhere in what comes', async () => {
    const { server, heard } = await lines('', { HELLO: 'well, hello there\n', MORE: 'and more' });
    const steps = [{ send: 'HELLO\r\n' }, { expect: 'hello' }, { send: 'MORE\r\n' }, { expect: 'more' }];
    expect(await script(server, steps)).toEqual(PASSED);
    expect(heard).toEqual(['HELLO', 'MORE']);
  });

  test('look at what the step before has left', async () => {
    const server = await says('one two two');
    expect(await script(server, [{ expect: 'two' }, { expect: 'two' }])).toEqual(PASSED);
    expect(await script(server, [{ expect: 'two' }, { expect: 'one' }])).toEqual(
      failed('soft', 'answer "two", wanted "one"'),
    );
  });

  test('take text that comes in pieces', async () => {
    const server = await serve((socket) => {
      socket.write('he');
      setTimeout(() => socket.write('llo'), 20);
    });
    expect(await script(server, [{ expect: 'hello' }])).toEqual(PASSED);
    expect(await script(server, [{ matches: '^h.*o$' }])).toEqual(PASSED);
    expect(await script(server, [{ expectHex: '68 65 6C6c6f' }])).toEqual(PASSED);
  });

  test('send bytes', async () => {
    const heard: string[] = [];
    const server = await serve((socket) =>
      socket.on('data', (data) => heard.push(data.toString('hex')) && socket.end('!')),
    );
    expect(await script(server, [{ sendHex: '00 ff 80' }, { expect: '!' }])).toEqual(PASSED);
    expect(heard).toEqual(['00ff80']);
  });

  test.each<[string, ScriptStep, string, string]>([
    ['text', { expect: 'yes' }, 'no', 'answer "no", wanted "yes"'],
    ['bytes', { expectHex: '00' }, 'no', 'answer "no", wanted the bytes 00'],
    ['a match', { matches: '^yes' }, 'no', 'answer "no", wanted what matches "^yes"'],
    ['a line', { line: '+OK' }, '-ERR no\r\n', 'answer "-ERR no", wanted "+OK"'],
    ['a reply', { reply: '2' }, '421-a\r\n421 busy\r\n', 'answer "421 busy", wanted 2'],
    ['a reply of numbers', { reply: '2' }, 'hello\r\n', 'not a reply with a number: "hello"'],
  ])('fail softly without %s', async (_, step, answer, reason) => {
    expect(await script(await says(answer), [step])).toEqual(failed('soft', reason));
  });

  test('fail softly at once with another line, and else when time is over', async () => {
    const server = await serve((socket) => socket.write('-ERR\r\n'));
    expect(await script(server, [{ line: '+OK' }])).toEqual(failed('soft', 'answer "-ERR", wanted "+OK"'));
    expect(await script(server, [{ expect: '+OK' }], { timeout: 50 })).toEqual(
      failed('soft', 'answer "-ERR", wanted "+OK", within 50 ms'),
    );
  });

  test('take a line in any characters', async () => {
    expect(await script(await says('+ÖK\n'), [{ line: '+Ö' }])).toEqual(PASSED);
  });

  test('end with a goodbye, whose answer makes no difference', async () => {
    const { server, heard } = await lines('hi\r\n', { BYE: '-ERR no goodbyes' });
    expect(await script(server, [{ line: 'hi' }, { send: 'BYE\r\n' }])).toEqual(PASSED);
    const rude = await serve((socket) => socket.write('hi\r\n') && socket.once('data', () => socket.resetAndDestroy()));
    expect(await script(rude, [{ line: 'hi' }, { send: 'BYE\r\n' }])).toEqual(PASSED);
    const mute = await serve((socket) => socket.resume().write('hi\r\n'));
    expect(await script(mute, [{ line: 'hi' }, { send: 'BYE\r\n' }], { timeout: 50 })).toEqual(PASSED);
    expect(heard).toEqual(['BYE']);
  });

  test('do not keep what has no end', async () => {
    const server = await serve((socket) => {
      const more = () => void (socket.destroyed || socket.write('x'.repeat(10_000), more));
      more();
    });
    expect(await script(server, [{ expect: 'y' }])).toEqual(failed('soft', 'more than 65536 bytes without "y"'));
    expect(await script(server, [{ line: 'x' }])).toEqual(failed('soft', /^a line of more than 8192 bytes: "x+/));
  });
});

describe('no answer fails hard', () => {
  const steps = [{ expect: 'x' }];

  test('where nobody listens', async () => {
    expect(await script(await nobody(), steps)).toEqual(failed('hard', 'connection refused'));
  });

  test.each<[string, ScriptStep]>([
    ['text', { expect: 'x' }],
    ['a line', { line: 'x' }],
    ['a reply', { reply: '2' }],
  ])('from a server that is silent, for %s', async (_, step) => {
    expect(await script(await silent(), [step], { timeout: 50 })).toEqual(failed('hard', 'no answer within 50 ms'));
  });

  test('from a server that closes or resets', async () => {
    expect(await script(await serve((socket) => socket.end()), steps)).toEqual(
      failed('hard', 'connection closed by the server before its answer'),
    );
    const reset = await serve((socket) => socket.once('data', () => socket.resetAndDestroy()));
    expect(await script(reset, [{ send: 'x' }, ...steps])).toEqual(failed('hard', 'connection reset by the server'));
  });

  test('and nothing is left when it is ended', async () => {
    await expectAbortToClose(await silent(), { type: 'script', steps });
  });
});

describe('presets', () => {
  test.each<[NonNullable<ScriptCheck['preset']>, string, Record<string, string>, string[]]>([
    ['ftp', '220-Welcome\r\n to this server\r\n220 ready\r\n', { QUIT: '221 Bye\r\n' }, ['QUIT']],
    ['imap', '* OK IMAP4rev1 ready\r\n', { 'a1 LOGOUT': '* BYE\r\na1 OK\r\n' }, ['a1 LOGOUT']],
    ['nntp', '201 no posting\r\n', { QUIT: '205 bye\r\n' }, ['QUIT']],
    ['pop', '+OK ready\r\n', { QUIT: '+OK\r\n' }, ['QUIT']],
    ['redis', '', { PING: '+PONG\r\n', QUIT: '+OK\r\n' }, ['PING', 'QUIT']],
    ['smtp', '220 mail ESMTP\r\n', { QUIT: '221 bye\r\n' }, ['QUIT']],
  ])('%s', async (preset, greeting, answers, said) => {
    const { server, heard } = await lines(greeting, answers);
    expect(await run(server, { type: 'script', preset })).toEqual(PASSED);
    expect(heard).toEqual(said);
    expect(await run(await says('-NO\r\n'), { type: 'script', preset })).toMatchObject({ kind: 'soft' });
  });

  test.skipIf(!hasOpenssl)('with TLS', async () => {
    const server = await serveTls(makeCertificate(directory.path, 'DNS:imap.example', 5), (socket) => {
      converse(socket, { greeting: '* OK\r\n', answers: {}, heard: [] });
    });
    expect(await run(server, { type: 'script', preset: 'imap', tls: { verify: false } })).toEqual({
      ...PASSED,
      warning: 'the certificate ends in 4 days',
    });
  });
});

describe('smtp', () => {
  const hello = { 'EHLO probe.example': '250-mail\r\n250-SIZE 1000\r\n250 STARTTLS\r\n', QUIT: '221 bye\r\n' };
  const check = { type: 'smtp', helo: 'probe.example' } as const;

  test('passes after EHLO, and says goodbye', async () => {
    const { server, heard } = await lines('220 mail ESMTP\r\n', hello);
    expect(await run(server, check)).toEqual({ result: 'passed', reason: 'SMTP reply 250', warning: undefined });
    expect(heard).toEqual(['EHLO probe.example', 'QUIT']);
  });

  test('says this host’s name, if it is told no other', async () => {
    const { server, heard } = await lines('220 mail ESMTP\r\n');
    await run(server, { type: 'smtp' });
    const { hostname } = await import('node:os');
    expect(heard[0]).toBe(`EHLO ${hostname()}`);
  });

  test.each([
    ['a greeting', '554 go away\r\n', {}, 'answer "554 go away", wanted 220'],
    ['EHLO', '220 hi\r\n', { 'EHLO probe.example': '502 what?\r\n' }, 'answer "502 what?", wanted 250'],
  ])('fails softly by another answer to %s', async (_, greeting, answers, reason) => {
    const { server } = await lines(greeting, answers as unknown as Record<string, string>);
    expect(await run(server, check)).toEqual(failed('soft', reason));
  });

  test('fails softly without the STARTTLS that is wanted', async () => {
    const { server } = await lines('220 hi\r\n', { 'EHLO probe.example': '250 mail\r\n' });
    expect(await run(server, { ...check, startTls: true })).toEqual(failed('soft', 'the server has no STARTTLS'));
  });

  test('fails softly where more than TLS comes', async () => {
    const { server } = await lines('220 hi\r\n', { ...hello, STARTTLS: '220 go\r\n250 injected\r\n' });
    expect(await run(server, { ...check, startTls: true })).toEqual(
      failed('soft', 'more than was asked for before TLS: "250 injected"'),
    );
  });

  test('fails hard where the server says nothing, and leaves nothing', async () => {
    const server = await silent();
    expect(await run(server, { ...check, timeout: 50 })).toEqual(failed('hard', 'no answer within 50 ms'));
    await expect.poll(() => server.open.size, { timeout: LONG }).toBe(0);
  });

  test.skipIf(!hasOpenssl)('goes on with TLS', async () => {
    const { TLSSocket } = await import('node:tls');
    const certificate = makeCertificate(directory.path, 'DNS:mail.example');
    const heard: string[] = [];
    const server = await serve((socket) => {
      socket.write('220 mail ESMTP\r\n');
      socket.on('data', (data) => {
        const line = data.toString();
        heard.push(line);
        if (line !== 'STARTTLS\r\n') return void socket.write(hello['EHLO probe.example']);
        socket.removeAllListeners('data');
        socket.write('220 go ahead\r\n');
        const secured = new TLSSocket(socket, { isServer: true, ...certificate });
        secured.on('error', () => {});
        converse(secured, { greeting: '', answers: hello, heard });
      });
    });
    const startTls = { ca: certificate.certFile, serverName: 'mail.example' };
    expect(await run(server, { ...check, startTls })).toMatchObject({ result: 'passed' });
    expect(heard).toEqual(['EHLO probe.example\r\n', 'STARTTLS\r\n', 'EHLO probe.example', 'QUIT']);
  });
});
