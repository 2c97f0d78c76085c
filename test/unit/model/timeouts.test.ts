import { expect, test } from 'vitest';
import { parseTimeouts, type Timeouts } from '../../../src/model/timeouts.js';
import { issuesOf, pathsOf } from './issues.js';

const MOST = 2 ** 31 - 1;

test.each<[Partial<Timeouts>]>([
  [{ tcp: 1, tcpFin: 1, udp: 1 }],
  [{ tcp: MOST, tcpFin: MOST, udp: MOST }],
  [{ tcpFin: 120 }],
])('takes %j as it is', (timeouts) => {
  expect(parseTimeouts(timeouts)).toStrictEqual(timeouts);
});

test('takes 0 as absent: it stays', () => {
  expect(parseTimeouts({ tcp: 0, udp: 300 })).toStrictEqual({ udp: 300 });
  expect(parseTimeouts({ tcp: 0 })).toStrictEqual({});
});

test('does not tell undefined from absent', () => {
  expect(parseTimeouts({ tcp: 900, udp: undefined })).toStrictEqual({ tcp: 900 });
});

test.each<[object, string]>([
  [{ tcp: -1 }, 'tcp'],
  [{ tcp: MOST + 1 }, 'tcp'],
  [{ tcpFin: -1 }, 'tcpFin'],
  [{ tcpFin: MOST + 1 }, 'tcpFin'],
  [{ udp: 1.5 }, 'udp'],
  [{ udp: MOST + 1 }, 'udp'],
  [{ udp: '300' }, 'udp'],
  [{ tcp: 900, tcpfin: 120 }, 'tcpfin'],
])('refuses %j', (timeouts, path) => {
  expect(pathsOf(() => parseTimeouts(timeouts))).toEqual([path]);
});

test('says what is allowed', () => {
  expect(issuesOf(() => parseTimeouts({ tcp: -1 }))).toEqual([
    { path: 'tcp', message: 'must be a whole number from 0 to 2147483647 seconds' },
  ]);
});

test.each([{}, { tcp: undefined }, { tcp: 0, tcpFin: 0, udp: 0 }])('%j leaves all as they are', (timeouts) => {
  expect(parseTimeouts(timeouts)).toEqual({});
});
