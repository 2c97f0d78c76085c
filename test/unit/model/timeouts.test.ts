import { expect, test } from 'vitest';
import { parseTimeouts, type Timeouts } from '../../../src/model/timeouts.js';
import { issuesOf, pathsOf } from './issues.js';

const DAYS_31 = 2678400;

test.each<[Partial<Timeouts>]>([
  [{ tcp: 1, tcpFin: 1, udp: 1 }],
  [{ tcp: DAYS_31, tcpFin: DAYS_31, udp: DAYS_31 }],
  [{ tcpFin: 120 }],
])('takes %j as it is', (timeouts) => {
  expect(parseTimeouts(timeouts)).toStrictEqual(timeouts);
});

test('does not tell undefined from absent', () => {
  expect(parseTimeouts({ tcp: 900, udp: undefined })).toStrictEqual({ tcp: 900 });
});

test.each<[object, string]>([
  [{ tcp: 0 }, 'tcp'],
  [{ tcp: DAYS_31 + 1 }, 'tcp'],
  [{ tcpFin: -1 }, 'tcpFin'],
  [{ tcpFin: DAYS_31 + 1 }, 'tcpFin'],
  [{ udp: 1.5 }, 'udp'],
  [{ udp: DAYS_31 + 1 }, 'udp'],
  [{ udp: '300' }, 'udp'],
  [{ tcp: 900, tcpfin: 120 }, 'tcpfin'],
  [{}, ''],
  [{ tcp: undefined }, ''],
])('refuses %j', (timeouts, path) => {
  expect(pathsOf(() => parseTimeouts(timeouts))).toEqual([path]);
});

test('says what is allowed', () => {
  expect(issuesOf(() => parseTimeouts({ tcp: 0 }))).toEqual([
    { path: 'tcp', message: 'must be a whole number from 1 to 2678400 seconds' },
  ]);
  expect(issuesOf(() => parseTimeouts({}))).toEqual([{ path: '', message: 'give at least one of tcp, tcpFin, udp' }]);
});
