/** Every check by TCP, at peers that speak no protocol at all. */
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { run, serve } from './fixture.js';
import { PROTOCOLS } from './protocols.js';

/** Milliseconds; a peer that never ends is left then. */
const TIMEOUT = 500;

/** Bytes that differ from each other, the same in every run. */
function noise(length: number): Buffer {
  let seed = 1;
  return Buffer.from(
    Array.from({ length }, () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed & 0xff;
    }),
  );
}

/** Sends the same again and again, as long as it is taken. */
function flood(block: Uint8Array): (socket: Socket) => void {
  return (socket) => {
    const more = () => void (socket.destroyed || socket.write(block, more));
    more();
  };
}

/** Sends a byte every few milliseconds. */
function drip(bytes: Uint8Array): (socket: Socket) => void {
  return (socket) => {
    let at = 0;
    const timer = setInterval(() => socket.write(bytes.subarray(at, ++at)), 5);
    socket.once('close', () => clearInterval(timer));
  };
}

const PEERS: Readonly<Record<string, (socket: Socket) => void>> = {
  'says nothing': (socket) => socket.resume(),
  'does not even read': () => {},
  'closes at once': (socket) => socket.end(),
  'resets at once': (socket) => socket.resetAndDestroy(),
  'resets when it is spoken to': (socket) => socket.once('data', () => socket.resetAndDestroy()),
  'says back what it hears': (socket) => socket.pipe(socket),
  'says one line': (socket) => socket.end('hello\r\n'),
  'says noise without an end': flood(noise(65_536)),
  'says zeros without an end': flood(Buffer.alloc(65_536)),
  'says empty lines without an end': flood(Buffer.alloc(65_536, '\r\n')),
  'says one line without an end': flood(Buffer.alloc(65_536, '1')),
  'drips noise': drip(noise(1000)),
};

describe.each(Object.keys(PEERS))('a peer that %s', (name) => {
  const peer = PEERS[name];

  test('fails every check, and none is not measured', async () => {
    const { address, port } = await serve((socket) => peer?.(socket));
    const outcomes = await Promise.all(
      Object.entries(PROTOCOLS).map(async ([protocol, check]) => {
        return [protocol, await run({ address, port }, { ...check, port, timeout: TIMEOUT })] as const;
      }),
    );
    const failed = { result: 'failed', kind: expect.stringMatching(/^(?:hard|soft)$/), reason: expect.any(String) };
    expect(Object.fromEntries(outcomes)).toEqual(
      Object.fromEntries(Object.keys(PROTOCOLS).map((protocol) => [protocol, failed])),
    );
  });
});
