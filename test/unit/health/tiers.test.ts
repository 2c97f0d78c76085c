import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, type ServerStatus } from '../../../src/health/tiers.js';
import { type Destination, formatDestinationKey, parseDestination } from '../../../src/model/destination.js';
import { parseHealth, type ServiceHealth } from '../../../src/model/health.js';

const SERVICE = { protocol: 'tcp', address: '192.0.2.1', port: 80 } as const;
const NOW = 100_000;

function decided(
  policy: Partial<ServiceHealth>,
  statuses: Readonly<Record<string, ServerStatus['status']>>,
  {
    weights = {},
    since = NOW,
    hadQuorum = true,
  }: { weights?: Record<string, number>; since?: number; hadQuorum?: boolean } = {},
) {
  const [health] = parseHealth([{ service: SERVICE, checks: [{ type: 'tcp' }], ...policy }]);
  if (health === undefined) throw new Error('no health');
  const servers = ['10.0.0.1', '10.0.0.2'].map((address) =>
    parseDestination(SERVICE, { address, weight: weights[address] ?? 1 }),
  );
  const { tier, hasQuorum, verdicts, cut, standIns, next } = decide({
    health,
    servers,
    statusOf: ({ address }) => ({ status: statuses[address] ?? 'up', since }),
    hadQuorum,
    now: NOW,
  });
  return {
    tier,
    hasQuorum,
    verdicts: Object.fromEntries([...verdicts].map(([name, verdict]) => [name.split(' ')[1], verdict])),
    standIns: standIns.map(formatDestinationKey),
    next,
    cut: cut.map((name) => name.split(' ')[1]),
  };
}

const [BACKUP, SORRY]: Destination[] = [{ address: '10.0.0.8' }, { address: '10.0.0.9' }];
const ONE_DOWN = { '10.0.0.1': 'down' } as const;
const BOTH_DOWN = { '10.0.0.1': 'down', '10.0.0.2': 'down' } as const;

describe('a server that is down', () => {
  test('has weight 0, and is removed after a while', () => {
    expect(decided({}, ONE_DOWN)).toMatchObject({ verdicts: { '10.0.0.1:80': 'quiesce' }, next: NOW + 30_000 });
    expect(decided({}, ONE_DOWN, { since: NOW - 29_999 })).toMatchObject({ next: NOW + 1 });
    const removed = decided({}, ONE_DOWN, { since: NOW - 30_000 });
    expect(removed).toMatchObject({ verdicts: { '10.0.0.1:80': 'remove' }, next: undefined });
  });

  test.each<[ServiceHealth['onFailure'], object]>([
    [{ removeAfter: 0 }, { '10.0.0.1:80': 'remove' }],
    [{ removeAfter: 'never' }, { '10.0.0.1:80': 'quiesce' }],
    [{ quiesce: false }, {}],
  ])('with %o', (onFailure, verdicts) => {
    expect(decided({ onFailure }, ONE_DOWN).verdicts).toEqual(verdicts);
  });

  test.each<[string, ServiceHealth['onFailure'], number, string[]]>([
    ['not while it has weight 0 for a while', {}, NOW, []],
    ['when it is removed', {}, NOW - 30_000, ['10.0.0.1:80']],
    ['at once', { removeAfter: 0 }, NOW, ['10.0.0.1:80']],
    ['when it has weight 0 for good', { removeAfter: 'never' }, NOW, ['10.0.0.1:80']],
    ['not if it keeps its weight', { removeAfter: 'never', quiesce: false }, NOW, []],
    ['not without being asked to', { removeAfter: 0, endConnections: false }, NOW, []],
  ])('has its connections ended: %s', (_, onFailure, since, cut) => {
    const policy = { onFailure: { endConnections: true, ...onFailure } };
    expect(decided(policy, ONE_DOWN, { since }).cut).toEqual(cut);
  });

  test('servers that are up, and leave to the sorry server, keep their connections', () => {
    const policy = {
      onFailure: { endConnections: true, removeAfter: 'never' as const },
      quorum: { up: 2 },
      sorry: { address: '10.0.0.9' },
    };
    expect(decided(policy, ONE_DOWN)).toMatchObject({
      verdicts: { '10.0.0.1:80': 'quiesce', '10.0.0.2:80': 'quiesce' },
      cut: ['10.0.0.1:80'],
    });
  });

  test('that was not checked yet counts as up', () => {
    expect(decided({}, { '10.0.0.1': 'unknown', '10.0.0.2': 'unknown' })).toMatchObject({
      tier: 'primary',
      verdicts: {},
    });
  });
});

describe('who serves', () => {
  const policy = { backups: [BACKUP as Destination], sorry: SORRY as Destination };

  test.each<[string, Partial<ServiceHealth>, Record<string, 'down'>, object]>([
    ['one is enough', policy, ONE_DOWN, { tier: 'primary', standIns: [] }],
    ['none is not', policy, BOTH_DOWN, { tier: 'backups', standIns: ['10.0.0.8:80'] }],
    [
      'the backup is down too',
      policy,
      { ...BOTH_DOWN, '10.0.0.8': 'down' },
      { tier: 'sorry', standIns: ['10.0.0.9:80'] },
    ],
    [
      'the quorum is both',
      { ...policy, quorum: { up: 2 } },
      ONE_DOWN,
      { tier: 'backups', verdicts: { '10.0.0.1:80': 'quiesce' } },
    ],
    ['the quorum is a share', { ...policy, quorum: { up: '51%' } }, ONE_DOWN, { tier: 'backups' }],
    ['a share that is had', { ...policy, quorum: { up: '50%' } }, ONE_DOWN, { tier: 'primary' }],
    [
      'too few leave it to the sorry server, with weight 0',
      { sorry: SORRY as Destination, quorum: { up: 2 } },
      ONE_DOWN,
      { tier: 'sorry', verdicts: { '10.0.0.1:80': 'quiesce', '10.0.0.2:80': 'quiesce' }, standIns: ['10.0.0.9:80'] },
    ],
    [
      'too few, and nobody else',
      { quorum: { up: 2 } },
      ONE_DOWN,
      { tier: 'primary', verdicts: { '10.0.0.1:80': 'quiesce' } },
    ],
    ['nobody', {}, BOTH_DOWN, { tier: 'nobody' }],
    ['failOpen', { failOpen: true }, BOTH_DOWN, { tier: 'fail-open', verdicts: {} }],
    ['failOpen is the last resort', { failOpen: true, sorry: SORRY as Destination }, BOTH_DOWN, { tier: 'sorry' }],
  ])('%s', (_, given, statuses, expected) => {
    expect(decided(given, statuses)).toMatchObject(expected);
  });

  test('hysteresis: lost at less, had again at more', () => {
    const quorum = { quorum: { up: 3, hysteresis: 1 } };
    const at = (weight: number, hadQuorum: boolean) =>
      decided(quorum, ONE_DOWN, { weights: { '10.0.0.2': weight }, hadQuorum }).hasQuorum;
    expect([1, 2, 3, 4].map((weight) => at(weight, true))).toEqual([false, true, true, true]);
    expect([2, 3, 4, 5].map((weight) => at(weight, false))).toEqual([false, false, true, true]);
  });

  test('a quorum that all together do not have is all together', () => {
    const up = (hadQuorum: boolean) => decided({ ...policy, quorum: { up: 7, hysteresis: 1 } }, {}, { hadQuorum });
    expect([up(true), up(false)]).toMatchObject([{ tier: 'primary' }, { tier: 'primary' }]);
    expect(decided({ ...policy, quorum: { up: 7 } }, ONE_DOWN)).toMatchObject({ tier: 'backups' });
  });

  test('a server of weight 0 is no quorum', () => {
    expect(decided(policy, ONE_DOWN, { weights: { '10.0.0.2': 0 } }).tier).toBe('backups');
  });

  test('never: a server that is up is taken out, or a service left to nobody while somebody could serve', () => {
    const status = fc.constantFrom('up' as const, 'down' as const, 'unknown' as const);
    const statuses = fc.record({ '10.0.0.1': status, '10.0.0.2': status, '10.0.0.8': status });
    const policies = fc.record(
      {
        quorum: fc.record({ up: fc.integer({ min: 1, max: 4 }), hysteresis: fc.integer({ min: 0, max: 3 }) }),
        backups: fc.constant([BACKUP as Destination]),
        sorry: fc.constant(SORRY as Destination),
        failOpen: fc.boolean(),
        onFailure: fc.record({ removeAfter: fc.constantFrom(0, 30_000, 'never' as const) }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(policies, statuses, fc.boolean(), (given, known, hadQuorum) => {
        const { tier, verdicts, standIns } = decided(given, known, { hadQuorum });
        const serving = (['10.0.0.1', '10.0.0.2'] as const).filter((each) => verdicts[`${each}:80`] === undefined);
        const up = (['10.0.0.1', '10.0.0.2'] as const).filter((each) => known[each] !== 'down');
        for (const each of up) if (tier !== 'sorry') expect(serving).toContain(each);
        for (const verdict of up.map((each) => verdicts[`${each}:80`])) expect(verdict).not.toBe('remove');
        if (up.length > 0 || given.sorry !== undefined) expect(serving.length + standIns.length).toBeGreaterThan(0);
      }),
    );
  });
});
