import { expect, test } from 'vitest';
import { arpAnnouncements, arpRequest, readArp } from '../../../src/neighbours/arp.js';

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
  const claim = { address: '10.0.0.100', mac: MAC };
  expect(readArp(request)).toEqual(claim);
  expect(readArp(Buffer.concat([reply, Buffer.alloc(18)]))).toEqual(claim);
  expect(readArp(arpRequest('10.0.0.100', { mac: MAC, address: '10.0.0.1' }))?.address).toBe('10.0.0.1');
});

test('whatever is not whole, or not ARP of IPv4 on Ethernet, has no owner', () => {
  const [frame = Buffer.alloc(0)] = arpAnnouncements('10.0.0.100', MAC);
  for (let length = 0; length < frame.length; length++) {
    expect(readArp(frame.subarray(0, length))).toBeUndefined();
  }
  for (let offset = 14; offset < 20; offset++) {
    const other = Buffer.from(frame);
    other[offset] = 0x77;
    expect(readArp(other)).toBeUndefined();
  }
});
