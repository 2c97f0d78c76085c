import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { frame } from '../../../../src/cli/top/frame.js';
import { plainBlock } from '../../../../src/cli/top/plain.js';
import { TOP_SORTS } from '../../../../src/cli/top/sorts.js';
import { startView, type View } from '../../../../src/cli/top/view.js';
import { PROC_READING, READING } from './readings.js';

function screen(columns: number, rows: number, change: Partial<View> = {}): string {
  const view = { ...startView({ reading: READING, interval: 2, sort: 'cps' }), ...change };
  return `\n${frame(view, { columns, rows })
    .lines.map(({ text }) => `${text.trimEnd()}|`)
    .join('\n')}\n`;
}

describe('a screen', () => {
  test('of 80 columns', () => {
    expect(screen(80, 24)).toMatchInlineSnapshot(`
      "
      ipvs-ts top  03:04:05  every 2 s  sort: cps|
      3 services, 3 real servers, 1.0M active, 123K inactive connections|
      total/s: 1250 conns, in 99999 packets 12.3M bytes, out 100K packets 1.0T bytes|
      SERVICE / SERVER             WEIGHT ACTIVE INACT   CPS INPPS OUTPPS INBPS OUTBPS|
      TCP 192.0.2.1:80 rr           65536   1.0M  123K  1200 45000  44000  9.9M   123M|
        10.0.0.1:8080               65536   1.0M    12  1200 44999  43999  9.9M   123M|
        10.0.0.2:8080                   0      3  123K     0     1      1    52     52|
      UDP [2001:db8:~678]:65535 mh    100      7     0    50    50      0  5000      0|
        [2001:db8::1]:65535           100      7     0    50    50      0  5000      0|
      FWM 5 IPv6 wlc                    0      0     0     0     0      0     0      0|
      q quit  ? help  < > sort  / filter  space pause|
      "
    `);
  });

  test('of 120 columns, sorted by name', () => {
    expect(screen(120, 24, { sort: 'name' })).toMatchInlineSnapshot(`
      "
      ipvs-ts top  03:04:05  every 2 s  sort: name|
      3 services, 3 real servers, 1.0M active, 123K inactive connections|
      total/s: 1250 conns, in 99999 packets 12.3M bytes, out 100K packets 1.0T bytes|
      SERVICE / SERVER                                      WEIGHT ACTIVE INACT   CPS INPPS OUTPPS INBPS OUTBPS|
      TCP 192.0.2.1:80 rr                                    65536   1.0M  123K  1200 45000  44000  9.9M   123M|
        10.0.0.1:8080                                        65536   1.0M    12  1200 44999  43999  9.9M   123M|
        10.0.0.2:8080                                            0      3  123K     0     1      1    52     52|
      UDP [2001:db8:1234:5678:9abc:def0:1234:5678]:65535 mh    100      7     0    50    50      0  5000      0|
        [2001:db8::1]:65535                                    100      7     0    50    50      0  5000      0|
      FWM 5 IPv6 wlc                                             0      0     0     0     0      0     0      0|
      q quit  ? help  < > sort  / filter  space pause|
      "
    `);
  });

  test('of 40 columns and 9 rows, moved down', () => {
    expect(screen(40, 9, { offset: 2 })).toMatchInlineSnapshot(`
      "
      ipvs-ts top  03:04:05  every 2 s  sort:|
      3 services, 3 real servers, 1.0M active,|
      total/s: 1250 conns, in 99999 packets 12|
      SERVICE / SERVER     WEIGHT ACTIVE INACT|
        10.0.0.2:8080           0      3  123K|
      UDP [2001:~:65535 mh    100      7     0|
        [2001:db~:1]:65535    100      7     0|
      FWM 5 IPv6 wlc            0      0     0|
      rows 3 to 6 of 6  q quit  ? help  < > so|
      "
    `);
  });

  test('of 12 columns', () => {
    expect(screen(12, 10)).toMatchInlineSnapshot(`
      "
      ipvs-ts top|
      3 services,|
      total/s: 125|
      SERVIC~ERVER|
      TCP 19~80 rr|
        10.0~:8080|
        10.0~:8080|
      UDP [2~35 mh|
        [200~65535|
      rows 1 to 5|
      "
    `);
  });

  test('with a filter that is being typed, paused, after a reading failed', () => {
    const change = { filter: '0.0.2', typing: true, paused: true, problem: 'list services: no answer\x1b[2J\nin 5 s' };
    expect(screen(100, 24, change)).toMatchInlineSnapshot(`
      "
      ipvs-ts top  03:04:05  every 2 s  sort: cps  filter: 0.0.2  PAUSED|
      3 services, 3 real servers, 1.0M active, 123K inactive connections|
      total/s: 1250 conns, in 99999 packets 12.3M bytes, out 100K packets 1.0T bytes|
      list services: no answer?[2J?in 5 s|
      SERVICE / SERVER    WEIGHT ACTIVE INACT   CPS INPPS OUTPPS INBPS OUTBPS|
      TCP 192.0.2.1:80 rr  65536   1.0M  123K  1200 45000  44000  9.9M   123M|
        10.0.0.2:8080          0      3  123K     0     1      1    52     52|
      /0.0.2_|
      "
    `);
  });

  test('of /proc', () => {
    const change = { reading: PROC_READING, fallback: 'list services: EPERM' };
    expect(screen(100, 24, change)).toMatchInlineSnapshot(`
      "
      ipvs-ts top  03:04:05  every 2 s  sort: cps|
      3 services, 3 real servers, 1.0M active, 123K inactive connections|
      total/s: 1250 conns, in 99999 packets 12.3M bytes, out 100K packets 1.0T bytes|
      read from /proc: rates of services and real servers are not known (list services: EPERM)|
      SERVICE / SERVER                                 WEIGHT ACTIVE INACT   CPS INPPS OUTPPS INBPS OUTBPS|
      TCP 192.0.2.1:80 rr                               65536   1.0M  123K     -     -      -     -      -|
        10.0.0.1:8080                                   65536   1.0M    12     -     -      -     -      -|
        10.0.0.2:8080                                       0      3  123K     -     -      -     -      -|
      UDP [2001:db8:1234:5678:~ef0:1234:5678]:65535 mh    100      7     0     -     -      -     -      -|
        [2001:db8::1]:65535                               100      7     0     -     -      -     -      -|
      FWM 5 IPv6 wlc                                        0      0     0     -     -      -     -      -|
      q quit  ? help  < > sort  / filter  space pause|
      "
    `);
  });

  test('of an empty table', () => {
    const { totals: _, ...rest } = READING;
    expect(screen(80, 24, { reading: { ...rest, services: [] } })).toMatchInlineSnapshot(`
      "
      ipvs-ts top  03:04:05  every 2 s  sort: cps|
      0 services, 0 real servers, 0 active, 0 inactive connections|
      total/s: - conns, in - packets - bytes, out - packets - bytes|
      SERVICE / SERVER WEIGHT ACTIVE INACT   CPS INPPS OUTPPS INBPS OUTBPS|
      q quit  ? help  < > sort  / filter  space pause|
      "
    `);
  });

  test('with the help', () => {
    expect(screen(100, 24, { help: true })).toMatchInlineSnapshot(`
      "
      ipvs-ts top  03:04:05  every 2 s  sort: cps|
      3 services, 3 real servers, 1.0M active, 123K inactive connections|
      total/s: 1250 conns, in 99999 packets 12.3M bytes, out 100K packets 1.0T bytes|
      KEYS|
      < >                sort by another column: name weight active inactive cps inpps outpps inbps outbps|
      n w a i c p P b B  sort by name, weight, active, inactive, cps, inpps, outpps, inbps, outbps|
      /                  show only names that have a text in them; Enter keeps it, Esc clears it|
      space              stop reading, and go on|
      up down            move by a row; also k and j|
      PgUp PgDn          move by a page|
      Home End           to the first and the last row|
      ? h                this help|
      q                  end; also Ctrl-C|
      |
      Rates are averages of a few seconds, which the kernel brings up to date every 2 s.|
      K, M, G: thousands, millions, thousand millions.|
      By health checks: U up, D down, H held down, ? not measured.|
      q quit  ? help  < > sort  / filter  space pause|
      "
    `);
  });
});

test('kinds of lines, which colours go by', () => {
  const { lines } = frame(startView({ reading: READING, interval: 2, sort: 'name' }), { columns: 80, rows: 24 });
  expect(lines.map(({ kind }) => kind)).toEqual([
    ...['summary', 'summary', 'summary', 'title'],
    ...['service', 'server', 'quiesced', 'service', 'server', 'service', 'hint'],
  ]);
});

test('fits any screen, in ASCII', () => {
  fc.assert(
    fc.property(
      fc.record({
        columns: fc.integer({ min: 1, max: 200 }),
        rows: fc.integer({ min: 1, max: 40 }),
      }),
      fc.record(
        {
          reading: fc.constantFrom(READING, PROC_READING),
          sort: fc.constantFrom(...TOP_SORTS),
          filter: fc.constantFrom('', '10.0.0.2', 'fwm', 'nothing at all', 'x'.repeat(300)),
          typing: fc.boolean(),
          paused: fc.boolean(),
          help: fc.boolean(),
          offset: fc.nat(20),
          problem: fc.string({ unit: 'binary' }),
          fallback: fc.string({ unit: 'binary' }),
        },
        { requiredKeys: [] },
      ),
      (size, change) => {
        const view = { ...startView({ reading: READING, interval: 2, sort: 'cps' }), ...change };
        const { lines, moves } = frame(view, size);
        expect(lines.length).toBeLessThanOrEqual(size.rows);
        for (const { text } of lines) {
          expect(text.length).toBeLessThanOrEqual(size.columns);
          expect(text).toMatch(/^[\x20-\x7e]*$/);
        }
        expect(moves.page).toBeGreaterThanOrEqual(0);
        expect(moves.last).toBeGreaterThanOrEqual(0);
      },
    ),
    { numRuns: 1000 },
  );
});

describe('without a terminal', () => {
  const at = new Date('2026-01-02T03:04:05.678Z');

  test('every number as it is', () => {
    expect(`\n${plainBlock({ ...READING, at }, 'name')}`).toMatchInlineSnapshot(`
      "
      ipvs-ts top  2026-01-02T03:04:05.678Z
      3 services, 3 real servers, 1000010 active, 123468 inactive connections
      total/s: 1250 conns, in 99999 packets 12345678 bytes, out 100000 packets 1000000000000 bytes
      SERVICE / SERVER                                      WEIGHT  ACTIVE  INACT   CPS INPPS OUTPPS   INBPS    OUTBPS
      TCP 192.0.2.1:80 rr                                    65536 1000003 123468  1200 45000  44000 9999999 123456789
        10.0.0.1:8080                                        65536 1000000     12  1200 44999  43999 9999947 123456737
        10.0.0.2:8080                                            0       3 123456     0     1      1      52        52
      UDP [2001:db8:1234:5678:9abc:def0:1234:5678]:65535 mh    100       7      0    50    50      0    5000         0
        [2001:db8::1]:65535                                    100       7      0    50    50      0    5000         0
      FWM 5 IPv6 wlc                                             0       0      0     0     0      0       0         0
      "
    `);
  });

  test('of /proc', () => {
    expect(`\n${plainBlock({ ...PROC_READING, at }, 'cps', 'list services: EPERM')}`).toMatchInlineSnapshot(`
      "
      ipvs-ts top  2026-01-02T03:04:05.678Z
      3 services, 3 real servers, 1000010 active, 123468 inactive connections
      total/s: 1250 conns, in 99999 packets 12345678 bytes, out 100000 packets 1000000000000 bytes
      read from /proc: rates of services and real servers are not known (list services: EPERM)
      SERVICE / SERVER                                      WEIGHT  ACTIVE  INACT   CPS INPPS OUTPPS INBPS OUTBPS
      TCP 192.0.2.1:80 rr                                    65536 1000003 123468     -     -      -     -      -
        10.0.0.1:8080                                        65536 1000000     12     -     -      -     -      -
        10.0.0.2:8080                                            0       3 123456     -     -      -     -      -
      UDP [2001:db8:1234:5678:9abc:def0:1234:5678]:65535 mh    100       7      0     -     -      -     -      -
        [2001:db8::1]:65535                                    100       7      0     -     -      -     -      -
      FWM 5 IPv6 wlc                                             0       0      0     -     -      -     -      -
      "
    `);
  });
});

describe('what health checks found', () => {
  const check = { check: 'tcp', target: '', status: 'down', since: 0, passes: 0, failures: 1, penalty: 0 } as const;
  const server = (name: string, status: 'up' | 'down' | 'unknown' | 'unchecked', heldUntil?: number) => ({
    service: 'tcp://192.0.2.1:80',
    server: name,
    role: 'server' as const,
    status,
    action: status === 'down' ? ('remove' as const) : ('none' as const),
    checks: [heldUntil === undefined ? check : { ...check, heldUntil }],
  });
  const held = READING.at.getTime() + 1000;
  const reading = {
    ...READING,
    health: {
      services: [{ service: 'tcp://192.0.2.1:80', tier: 'sorry' as const, hasQuorum: false, standIns: [] }],
      servers: [
        server('10.0.0.1:8080', 'up'),
        server('10.0.0.2:8080', 'down', held),
        server('10.0.0.3:8080', 'down', held - 2000),
        {
          ...server('[2001:db8::1]:65535', 'unknown'),
          service: 'udp://[2001:db8:1234:5678:9abc:def0:1234:5678]:65535',
        },
        { ...server('10.9.9.9:80', 'down'), service: 'tcp://192.0.2.9:80' },
      ],
    },
  };
  const view = startView({ reading, interval: 2, sort: 'name' });

  test('stands before each server, those that are out of the table too', () => {
    const lines = frame(view, { columns: 80, rows: 24 }).lines.slice(4, -1);
    expect(lines.map(({ kind, text }) => `${kind}: ${text.replace(/ +/g, ' ')}`)).toEqual([
      'service: TCP 192.0.2.1:80 rr (sorry) 65536 1.0M 123K 1200 45000 44000 9.9M 123M',
      'up: U 10.0.0.1:8080 65536 1.0M 12 1200 44999 43999 9.9M 123M',
      'down: H 10.0.0.2:8080 0 3 123K 0 1 1 52 52',
      'down: D 10.0.0.3:8080 - - - - - - - -',
      'service: UDP [2001:db8:~678]:65535 mh 100 7 0 50 50 0 5000 0',
      'quiesced: ? [2001:db8::1]:65535 100 7 0 50 50 0 5000 0',
      'service: FWM 5 IPv6 wlc 0 0 0 0 0 0 0 0',
    ]);
  });

  test('and in plain lines', () => {
    expect(plainBlock(reading, 'weight')).toMatch(/^D 10\.0\.0\.3:8080 .* -$/m);
  });
});
