import { describe, expect, test } from 'vitest';
import { rowsOf } from '../../../../src/cli/top/rows.js';
import { TOP_SORTS, type TopSort } from '../../../../src/cli/top/sorts.js';
import { keysIn, press, startView, type View } from '../../../../src/cli/top/view.js';
import { makeDestination } from '../../../../src/model/destination.js';
import { PROC_READING, READING } from './readings.js';

const start = startView({ reading: READING, interval: 2, sort: 'cps' });
const MOVES = { page: 10, last: 25 };

/** The view after some keys; undefined where it ended. */
function after(keys: string, view: View = start): View | undefined {
  return keysIn(keys).reduce<View | undefined>((before, key) => before && press(before, key, MOVES), view);
}

test.each(['q', '\x03', '?xq', '/abc\x03', ' q'])('%j ends it', (keys) => {
  expect(after(keys)).toBeUndefined();
});

describe('keys', () => {
  test.each<[string, Partial<View>]>([
    ['', {}],
    ['x', {}],
    ['\x1b[15~', {}],
    ['n', { sort: 'name' }],
    ['w', { sort: 'weight' }],
    ['P', { sort: 'outpps' }],
    ['B', { sort: 'outbps' }],
    ['>', { sort: 'inpps' }],
    ['<', { sort: 'inactive' }],
    ['B>', { sort: 'name' }],
    ['n<', { sort: 'outbps' }],
    ['>'.repeat(TOP_SORTS.length), { sort: 'cps' }],
    [' ', { paused: true }],
    ['  ', { paused: false }],
    ['?', { help: true }],
    ['??', { help: false }],

    ['/10.0', { filter: '10.0', typing: true }],
    ['/10.0\r', { filter: '10.0' }],
    ['/10.0\r/.1\r', { filter: '10.0.1' }],
    ['/q\x7f\x7fw\r', { filter: 'w' }],
    ['/\x1b[Aé\tx\r', { filter: 'x' }],
    ['/10\x1b', { filter: '' }],
    ['/10\r\x1b', { filter: '' }],
    ['\x1b[B', { offset: 1 }],
    ['jjk', { offset: 1 }],
    ['\x1bOA', { offset: 0 }],
    ['\x1b[6~', { offset: 10 }],
    ['\x1b[6~\x1b[6~\x1b[6~', { offset: 25 }],
    ['\x1b[6~\x1b[6~\x1b[5~', { offset: 10 }],
    ['\x1b[F', { offset: 25 }],
    ['\x1b[F\x1b[H', { offset: 0 }],
    ['\x1b[Fw', { offset: 0, sort: 'weight' }],
    ['\x1b[F/', { offset: 25, typing: true }],
    ['\x1b[F/a', { offset: 0, typing: true, filter: 'a' }],
  ])('%j', (keys, change) => {
    expect(after(keys)).toEqual({ ...start, ...change });
  });
});

test('keys are told apart', () => {
  expect(keysIn('a\x1b[A\x1bOB\x1b[15~\x1bé\u{1F600}\n')).toEqual([
    ...['a', '\x1b[A', '\x1bOB', '\x1b[15~', '\x1b', 'é', '\u{1F600}', '\n'],
  ]);
});

describe('rows', () => {
  const names = (sort: TopSort, filter = '', reading = READING) =>
    rowsOf(reading, { sort, filter }).map(({ name }) => name);
  const TCP = 'TCP 192.0.2.1:80 rr';
  const UDP = 'UDP [2001:db8:1234:5678:9abc:def0:1234:5678]:65535 mh';
  const FWM = 'FWM 5 IPv6 wlc';
  const [ONE, TWO, SIX] = ['10.0.0.1:8080', '10.0.0.2:8080', '[2001:db8::1]:65535'];

  test.each<[TopSort, string[]]>([
    ['name', [TCP, ONE, TWO, UDP, SIX, FWM]],
    ['weight', [TCP, ONE, TWO, UDP, SIX, FWM]],
    ['active', [TCP, ONE, TWO, UDP, SIX, FWM]],
    ['inactive', [TCP, TWO, ONE, UDP, SIX, FWM]],
    ['inbps', [TCP, ONE, TWO, UDP, SIX, FWM]],
  ])('sorted by %s', (sort, expected) => {
    expect(names(sort)).toEqual(expected);
  });

  test('what is not known is equal', () => {
    expect(names('outbps', '', PROC_READING)).toEqual([TCP, ONE, TWO, UDP, SIX, FWM]);
  });

  test('the busiest service is the first', () => {
    const [fwm, ...others] = READING.services;
    if (fwm === undefined) throw new Error('there is none');
    const destinations = [
      {
        destination: makeDestination({ address: '10.9.9.9', port: 0, weight: 100_000, forward: 'dr' }),
        activeConnections: 0,
        inactiveConnections: 0,
      },
    ];
    expect(names('weight', '', { ...READING, services: [...others, { ...fwm, destinations }] })[0]).toBe(FWM);
  });

  test.each<[string, string[]]>([
    ['10.0.0.2', [TCP, TWO]],
    ['fwm', [FWM]],
    ['RR', [TCP, ONE, TWO]],
    ['2001:DB8', [UDP, SIX]],
    ['8080', [TCP, ONE, TWO]],
    ['nothing', []],
  ])('with %j in them', (filter, expected) => {
    expect(names('name', filter)).toEqual(expected);
  });
});
