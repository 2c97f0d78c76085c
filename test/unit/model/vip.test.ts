import { describe, expect, test } from 'vitest';
import { parse } from '../../../src/model/parse.js';
import { MAX_VIPS, vipsSchema } from '../../../src/model/vip.js';
import { issuesOf } from './issues.js';

const vips = (...texts: string[]) => parse(vipsSchema, 'vips', texts);

test('are addresses with or without a prefix, and ranges of both', () => {
  expect(vips('10.0.0.100')).toEqual([{ address: '10.0.0.100', prefix: 32 }]);
  expect(vips('10.0.0.100/24')).toEqual([{ address: '10.0.0.100', prefix: 24 }]);
  expect(vips('2001:DB8:0::100')).toEqual([{ address: '2001:db8::100', prefix: 128 }]);
  expect(vips('10.0.0.255-10.0.1.1/16')).toEqual([
    { address: '10.0.0.255', prefix: 16 },
    { address: '10.0.1.0', prefix: 16 },
    { address: '10.0.1.1', prefix: 16 },
  ]);
  expect(vips('2001:db8::ffff-2001:db8::1:0/64', '10.0.0.1-10.0.0.1')).toEqual([
    { address: '2001:db8::ffff', prefix: 64 },
    { address: '2001:db8::1:0', prefix: 64 },
    { address: '10.0.0.1', prefix: 32 },
  ]);
});

describe('of which there may be', () => {
  test(`${MAX_VIPS} in all`, () => {
    expect(vips('10.0.0.0-10.0.3.255')).toHaveLength(MAX_VIPS);
    expect(issuesOf(() => vips('10.0.0.0-10.0.4.0'))).toMatchObject([
      { message: expect.stringContaining('at most 1024') },
    ]);
    expect(issuesOf(() => vips('10.0.0.0-10.0.3.255', '10.1.0.0'))).toMatchObject([
      { message: 'must not come to more than 1024 addresses' },
    ]);
  });

  test('at least one', () => expect(issuesOf(() => vips())).toHaveLength(1));
});

test.each([
  ['', 'is none of the forms'],
  ['10.0.0', 'is none of the forms'],
  ['010.0.0.1', 'is none of the forms'],
  ['10.0.0.1/', 'is none of the forms'],
  ['10.0.0.1/33', 'the prefix must be from 1 to 32'],
  ['10.0.0.1/0', 'the prefix must be from 1 to 32'],
  ['2001:db8::1/129', 'the prefix must be from 1 to 128'],
  ['10.0.0.2-10.0.0.1', 'the range ends before it begins'],
  ['10.0.0.1-2001:db8::1', 'is none of the forms'],
  ['10.0.0.1-10.0.0.2-10.0.0.3', 'is none of the forms'],
  ['::-ffff::', 'a range has at most 1024 addresses'],
])('"%s" is none', (text, message) => {
  expect(issuesOf(() => vips('192.0.2.1', text))).toEqual([{ path: '[1]', message: expect.stringContaining(message) }]);
});

test('none is named twice', () => {
  expect(issuesOf(() => vips('10.0.0.1-10.0.0.3', '10.0.0.2/24'))).toEqual([
    { path: '', message: '10.0.0.2 is named twice' },
  ]);
});
