import { expect, test } from 'vitest';
import { arpAnnouncements, arpOwner, arpRequest } from '../../../src/neighbours/arp.js';

const MAC = '02:00:00:00:00:01';
const hex = (frame: Uint8Array) => Buffer.from(frame).toString('hex');
const HEADER = 'ffffffffffff0200000000010806 0001080006 04'.replaceAll(' ', '');

test('a request asks everyone, from an address or from none', () => {
  expect(hex(arpRequest('10.0.0.100', { mac: MAC, address: '10.0.0.1' }))).toBe(
    `${HEADER}0001${'0200000000010a000001'}${'0000000000000a000064'}`,
  );
  expect(hex(arpRequest('10.0.0.100', { mac: MAC }))).toBe(
    `${HEADER}0001${'02000000000100000000'}${'0000000000000a000064'}`,
  );
});

test('an announcement is a request and a reply of the owner about itself', () => {
  expect(arpAnnouncements('10.0.0.100', MAC).map(hex)).toEqual([
    `${HEADER}0001${'0200000000010a000064'}${'0000000000000a000064'}`,
    `${HEADER}0002${'0200000000010a000064'}${'ffffffffffff0a000064'}`,
  ]);
});

test('an owner is whoever sends from the address, by request or reply', () => {
  const [request = Buffer.alloc(0), reply = Buffer.alloc(0)] = arpAnnouncements('10.0.0.100', MAC);
  expect(arpOwner(request, '10.0.0.100')).toBe(MAC);
  expect(arpOwner(Buffer.concat([reply, Buffer.alloc(18)]), '10.0.0.100')).toBe(MAC);
  expect(arpOwner(reply, '10.0.0.10')).toBeUndefined();
  expect(arpOwner(arpRequest('10.0.0.100', { mac: MAC, address: '10.0.0.1' }), '10.0.0.100')).toBeUndefined();
});

test('whatever is not whole, or not ARP of IPv4 on Ethernet, has no owner', () => {
  const [frame = Buffer.alloc(0)] = arpAnnouncements('10.0.0.100', MAC);
  for (let length = 0; length < frame.length; length++) {
    expect(arpOwner(frame.subarray(0, length), '10.0.0.100')).toBeUndefined();
  }
  for (let offset = 14; offset < 20; offset++) {
    const other = Buffer.from(frame);
    other[offset] = 0x77;
    expect(arpOwner(other, '10.0.0.100')).toBeUndefined();
  }
});
