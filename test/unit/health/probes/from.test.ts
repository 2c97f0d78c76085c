import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import type { Check } from '../../../../src/model/check.js';
import { afterThis, run, serve } from './fixture.js';

/** Answers whatever asks by TCP, on all addresses of this host. */
const listening = () => serve((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\n')));

/** Needs rights that whoever runs the tests may not have. */
const PASSED_OR_REFUSED = expect.objectContaining({ result: expect.stringMatching(/^(passed|not measured)$/) });
const isRoot = process.getuid?.() === 0;

test.each<Check>([{ type: 'tcp' }, { type: 'http' }])('$type goes by a device, and with a mark', async (check) => {
  const server = await listening();
  const outcome = await run(server, { ...check, device: 'lo', fwmark: 0xfffffff0, source: '127.0.0.8' });
  expect(outcome).toEqual(isRoot ? expect.objectContaining({ result: 'passed' }) : PASSED_OR_REFUSED);
});

test.each<Check>([{ type: 'tcp' }, { type: 'http' }, { type: 'udp' }, { type: 'ping' }])(
  '$type is not measured by a device that is not there',
  async (check) => {
    const outcome = await run({ address: '127.0.0.1', port: 9 }, { ...check, device: 'nosuch0' });
    expect(outcome).toMatchObject({ result: 'not measured' });
    expect(outcome.reason).toMatch(/no such device: ENODEV|ICMP|EPERM/);
  },
);

test('a refusal is one by a device too', async () => {
  const outcome = await run({ address: '127.0.0.1', port: 1 }, { type: 'http', device: 'lo' });
  expect(outcome).toEqual({ result: 'failed', kind: 'hard', reason: 'connection refused' });
});

test('datagrams go by a device, and are answered', async () => {
  const server = createSocket('udp4');
  afterThis(() => void server.close());
  server.on('message', (message, { port, address }) => server.send(`${message}!`, port, address));
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const target = { address: '127.0.0.1', port: server.address().port };
  const outcome = await run(target, { type: 'udp', device: 'lo', source: '127.0.0.7', send: 'ping', expect: 'ping!' });
  expect(outcome).toMatchObject({ result: 'passed' });
});
