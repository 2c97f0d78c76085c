import { expect, test } from 'vitest';
import {
  neighbourSolicitation,
  readAdvertisement,
  unsolicitedAdvertisement,
} from '../../../src/neighbours/neighbour-discovery.js';

const MAC = '02:00:00:00:00:01';
const TARGET = '2001:db8::12:3456';
const hex = (frame: Uint8Array) => Buffer.from(frame).toString('hex');

// The checksums are those of a program of its own in Python.
test("a solicitation goes to the group of the address, with the asker's own", () => {
  expect(hex(neighbourSolicitation(TARGET, { mac: MAC, address: 'fe80::1' }))).toBe(
    '3333ff12345602000000000186dd6000000000203afffe800000000000000000000000000001ff0200000000000000000001ff12345687' +
      '00e2920000000020010db80000000000000000001234560101020000000001',
  );
});

test('from no address it has none of the asker', () => {
  expect(hex(neighbourSolicitation(TARGET, { mac: MAC }))).toBe(
    '3333ff12345602000000000186dd6000000000183aff00000000000000000000000000000000ff0200000000000000000001ff12345687' +
      '00e41e0000000020010db8000000000000000000123456',
  );
});

test("an advertisement goes to all, overrides, and may be a router's", () => {
  const frame = unsolicitedAdvertisement(TARGET, MAC, true);
  expect(hex(frame)).toBe(
    '33330000000102000000000186dd6000000000203aff20010db8000000000000000000123456ff02000000000000000000000000000188' +
      '00105ca000000020010db80000000000000000001234560201020000000001',
  );
  expect(unsolicitedAdvertisement(TARGET, MAC, false)[58]).toBe(0x20);
});

test('an owner is whom the advertisement names, else who sends it', () => {
  const frame = unsolicitedAdvertisement(TARGET, MAC, false);
  frame[5 + 6] = 0x99;
  expect(readAdvertisement(frame)).toEqual({ address: TARGET, mac: MAC });
  expect(readAdvertisement(frame.subarray(0, -8))).toEqual({ address: TARGET, mac: '02:00:00:00:00:99' });
});

test('what came through a router, is cut short or something else has no owner', () => {
  const frame = unsolicitedAdvertisement(TARGET, MAC, false);
  const changed = (offset: number, value: number) => {
    const other = Buffer.from(frame);
    other[offset] = value;
    return readAdvertisement(other);
  };
  expect(changed(14 + 7, 254)).toBeUndefined();
  expect(changed(14 + 6, 17)).toBeUndefined();
  expect(changed(14 + 40, 135)).toBeUndefined();
  for (let length = 0; length < frame.length - 8; length++) {
    expect(readAdvertisement(frame.subarray(0, length))).toBeUndefined();
  }
  // An option of no length would be read for ever.
  expect(readAdvertisement(Buffer.concat([frame.subarray(0, -8), Buffer.alloc(16)]))?.mac).toBe(MAC);
});
