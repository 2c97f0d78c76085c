import { describe, expect, it } from 'vitest';
import { LocalityTable } from '../../../../src/simulator/schedulers/locality-table.js';
import { pick, picks, server, serviceOf } from './fixture.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe.each(['lblc', 'lblcr'])('%s', (scheduler) => {
  it('keeps an address with its server, as long as that has not more active connections than its weight', () => {
    const service = serviceOf(scheduler, [2, 9]);
    expect(picks(service, 3, { destination: '192.0.2.1' })).toBe('1 1 1');
    // 3 > 2, and the other one has 0, less than half of 9.
    expect(pick(service, { destination: '192.0.2.1' })).toBe('2');
  });

  it('lets it be where nobody has less than half of what it may', () => {
    const service = serviceOf(scheduler, [1, 1]);
    service.server(server(2)).activeConnections = 1;
    expect(picks(service, 4)).toBe('1 1 1 1');
  });

  it('gives a new address to the least loaded', () => {
    const service = serviceOf(scheduler, [9, 9]);
    expect(pick(service, { destination: '192.0.2.1' })).toBe('1');
    expect(pick(service, { destination: '192.0.2.2' })).toBe('2');
    expect(pick(service, { destination: '192.0.2.1' })).toBe('1');
    expect(pick(service, { destination: '192.0.2.2' })).toBe('2');
  });

  it('gives away who is quiesced or gone, and knows again who comes back', () => {
    const service = serviceOf(scheduler, [9, 9, 9]);
    expect(pick(service)).toBe('1');
    service.delete(server(1));
    service.add(server(1), 9);
    expect(pick(service)).toBe('1');
    service.update(server(1), 0);
    expect(pick(service)).toBe('2');
    service.delete(server(2));
    expect(pick(service)).toBe('3');
    service.update(server(3), 0);
    expect(pick(service)).toBe('-');
  });
});

describe('lblc', () => {
  it('stays with an overloaded server', () => {
    const service = serviceOf('lblc', [9, 9]);
    service.update(server(1), 9, { upperThreshold: 1 });
    expect(picks(service, 3)).toBe('1 1 1');
    expect(pick(service, { destination: '192.0.2.2' })).toBe('2');
  });

  it('forgets what was not used for the expiration time, at a full check, every 30 minutes', () => {
    let now = 0;
    const service = serviceOf('lblc', [9, 9], { now: () => now });
    expect(pick(service)).toBe('1');
    now = 23 * HOUR + 59 * MINUTE;
    expect(pick(service)).toBe('1');
    // It has expired, but the next check is at 48:00.
    now += 24 * HOUR;
    expect(pick(service)).toBe('1');
    now += 24 * HOUR + MINUTE;
    expect(pick(service)).toBe('2');
  });
});

describe('lblcr', () => {
  it('leaves an overloaded server', () => {
    const service = serviceOf('lblcr', [9, 9]);
    service.update(server(1), 9, { upperThreshold: 1 });
    expect(picks(service, 3)).toBe('1 2 2');
  });

  it('has an address served by all that were added, the least loaded for its weight first', () => {
    const service = serviceOf('lblcr', [1, 3]);
    // 1: 2 > 1 and 0 · 2 < 3. From then on the set is 2, 1, of which 2 takes all until 1 is less loaded for its weight.
    expect(picks(service, 10)).toBe('1 1 2 2 2 2 2 2 2 1');
  });

  it('removes the most loaded once nothing changed for the expiration time', () => {
    let now = 0;
    const service = serviceOf('lblcr', [2, 9], { now: () => now, expiration: 1000 });
    expect(picks(service, 4)).toBe('1 1 1 2');
    now = 1000;
    expect(pick(service)).toBe('2');
    now = 1001;
    // 1 leaves now, with 3/2.
    expect(pick(service)).toBe('2');
    service.server(server(1)).activeConnections = 0;
    now = 9000;
    expect(pick(service)).toBe('2');
  });
});

describe('what is remembered for an address', () => {
  const address = (number: number) => Uint8Array.of(10, number >> 16, (number >> 8) & 255, number & 255);

  it('goes after six minutes without use when there is too much, until that is put right', () => {
    let now = 0;
    const table = new LocalityTable<number>(
      'ipv4',
      () => now,
      () => 24 * HOUR,
    );
    const remembered = () => {
      // Looking is a use.
      let count = 0;
      for (let number = 0; number < 16384 + 300; number++) if (table.find(address(number)) !== undefined) count++;
      return count;
    };
    for (let number = 0; number < 16384 + 300; number++) table.set(address(number), number);
    now = 5 * MINUTE;
    expect(remembered()).toBe(16384 + 300);
    now = 10 * MINUTE;
    expect(remembered()).toBe(16384 + 300);
    now = 16 * MINUTE;
    const left = remembered();
    // 400 are the goal, and whole buckets of about 16 go.
    expect(left).toBeLessThanOrEqual(16384 + 300 - 400);
    expect(left).toBeGreaterThan(16384 + 300 - 450);
    // What is left is not too much.
    now = 28 * MINUTE;
    expect(remembered()).toBe(left);
  });

  it("is replaced by what is set anew, and does not hang on the caller's bytes", () => {
    const table = new LocalityTable<string>(
      'ipv4',
      () => 0,
      () => HOUR,
    );
    const bytes = address(1);
    table.set(bytes, 'first');
    table.set(bytes, 'second');
    bytes[3] = 2;
    expect(table.find(address(1))).toBe('second');
    expect(table.find(address(2))).toBeUndefined();
  });
});
