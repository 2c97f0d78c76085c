import { expect, test } from 'vitest';
import { echoRequest, isEchoReply } from '../../../src/linux/echo-socket.js';

const DATA = Buffer.from('abcde');

test('a request is what ping sends', () => {
  // By hand: 0800 + 1234 + 0001 + 6162 + 6364 + 6500 = 143fb, so 43fc, of which bc03 is the complement.
  expect(echoRequest('ipv4', 0x1234, DATA).toString('hex')).toBe('0800bc0312340001' + '6162636465');
  expect(echoRequest('ipv6', 0x1234, DATA).toString('hex')).toBe('8000000012340001' + '6162636465');
});

test('a reply has the data of its request', () => {
  const reply = Buffer.concat([Buffer.from('0000000012340001', 'hex'), DATA]);
  expect(isEchoReply(reply, 'ipv4', DATA)).toBe(true);
  expect(isEchoReply(reply, 'ipv4', Buffer.from('abcdf'))).toBe(false);
  expect(isEchoReply(reply.subarray(0, -1), 'ipv4', DATA)).toBe(false);
  expect(isEchoReply(reply, 'ipv6', DATA)).toBe(false);
  expect(isEchoReply(new Uint8Array(), 'ipv4', DATA)).toBe(false);
});

test('a reply may come in its packet, and a request is none', () => {
  const header = Buffer.alloc(24, 0);
  header[0] = 0x46;
  const reply = Buffer.concat([header, Buffer.from('0000000012340001', 'hex'), DATA]);
  expect(isEchoReply(reply, 'ipv4', DATA)).toBe(true);
  expect(isEchoReply(Buffer.concat([header, echoRequest('ipv4', 1, DATA)]), 'ipv4', DATA)).toBe(false);
  expect(isEchoReply(Buffer.concat([Buffer.from('8100000012340001', 'hex'), DATA]), 'ipv6', DATA)).toBe(true);
});
