import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  formatEndpoint,
  parseAddressPort,
  parseEndpoint,
  parsePort,
  splitHostPort,
} from '../../../src/address/endpoint.js';
import { formatIP } from '../../../src/address/ip.js';

const address = fc
  .constantFrom(4, 16)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }))
  .map(formatIP);

test.each([
  ['10.0.0.1:80', '10.0.0.1', 80],
  ['0.0.0.0:0', '0.0.0.0', 0],
  ['[2001:db8::1]:65535', '2001:db8::1', 65535],
  ['[::ffff:10.0.0.1]:53', '::ffff:10.0.0.1', 53],
])('%s is %s and %d', (text, host, port) => {
  expect(parseEndpoint(text)).toEqual({ address: host, port });
  expect(formatEndpoint(host, port)).toBe(text);
});

test('the address comes out in its one form', () => {
  expect(parseEndpoint('[2001:DB8:0::0:1]:80')).toEqual({ address: '2001:db8::1', port: 80 });
});

test.each([
  '',
  '10.0.0.1',
  '10.0.0.1:',
  ':80',
  '10.0.0.1:http',
  '10.0.0.1:080',
  '10.0.0.1:65536',
  '10.0.0.1:-1',
  '10.0.0.1:80 ',
  '10.0.0.1:80:80',
  '010.0.0.1:80',
  '2001:db8::1:80',
  '[2001:db8::1]',
  '[2001:db8::1]80',
  '[fe80::1%eth0]:80',
  '[10.0.0.1]:80',
  '[]:80',
  'localhost:80',
])('refuses %j', (text) => {
  expect(parseEndpoint(text)).toBeUndefined();
});

test('text and back', () => {
  fc.assert(
    fc.property(address, fc.nat(65535), (host, port) => {
      expect(parseEndpoint(formatEndpoint(host, port))).toEqual({ address: host, port });
    }),
  );
});

test('ports are plain decimal numbers', () => {
  expect(['0', '1', '80', '65535'].map(parsePort)).toEqual([0, 1, 80, 65535]);
  const bad = ['', '00', '01', '+1', '-1', '1.0', '1e3', '0x50', '65536', '99999', '100000', ' 80', '80\n'];
  expect(bad.filter((text) => parsePort(text) !== undefined)).toEqual([]);
});

test.each([
  ['10.0.0.1', { address: '10.0.0.1' }],
  ['10.0.0.1:80', { address: '10.0.0.1', port: 80 }],
  ['2001:DB8::1', { address: '2001:db8::1' }],
  ['[2001:db8::1]', { address: '2001:db8::1' }],
  ['[2001:db8::1]:80', { address: '2001:db8::1', port: 80 }],
  ['2001:db8::1:80', { address: '2001:db8::1:80' }],
  ['10.0.0.1:', undefined],
  ['10.0.0.1:http', undefined],
  ['[10.0.0.1]:80', undefined],
  ['', undefined],
])('an address with or without its port: %j', (text, expected) => {
  expect(parseAddressPort(text)).toEqual(expected);
});

test.each([
  ['www:http', { host: 'www', port: 'http' }],
  ['www', { host: 'www' }],
  ['10.0.0.1-10.0.0.9:80,443', { host: '10.0.0.1-10.0.0.9', port: '80,443' }],
  ['[2001:db8::1]:80', { host: '2001:db8::1', port: '80' }],
  ['2001:db8::1', { host: '2001:db8::1' }],
  ['[www]:80', undefined],
  [':80', undefined],
])('splits %j before the port', (text, expected) => {
  expect(splitHostPort(text)).toEqual(expected);
});
