import { describe, expect, it } from 'vitest';
import { pick, picks, server, serviceOf } from './fixture.js';

describe('lc', () => {
  it('takes who has the fewest, an active one counting as 256, of equals the first', () => {
    const service = serviceOf('lc', [1, 9, 1]);
    service.server(server(1)).inactiveConnections = 257;
    service.server(server(2)).activeConnections = 1;
    service.server(server(3)).inactiveConnections = 255;
    expect(picks(service, 4, { protocol: 'udp' })).toBe('3 2 3 1');
  });

  it('leaves out who is quiesced or overloaded', () => {
    const service = serviceOf('lc', [0, 1, 1]);
    service.update(server(2), 1, { upperThreshold: 1 });
    expect(picks(service, 3)).toBe('2 3 3');
    service.update(server(3), 0);
    expect(pick(service)).toBe('-');
  });
});

describe('wlc', () => {
  it('takes who has the fewest for its weight, of equals the first', () => {
    // 0/1 0/2 0/3; 1/1 0/2 0/3; 1/1 1/2 0/3; 1/1 1/2 1/3; 1/1 1/2 2/3; 1/1 2/2 2/3; all alike
    expect(picks(serviceOf('wlc', [1, 2, 3]), 8)).toBe('1 2 3 3 2 3 1 2');
  });

  it('counts inactive connections too', () => {
    const service = serviceOf('wlc', [1, 1]);
    service.server(server(1)).activeConnections = 1;
    service.server(server(2)).inactiveConnections = 255;
    expect(picks(service, 3, { protocol: 'udp' })).toBe('2 1 2');
  });

  it('compares products beyond 53 bits', () => {
    const service = serviceOf('wlc', [2147483647, 2147483646]);
    service.server(server(1)).inactiveConnections = 2147483646;
    service.server(server(2)).inactiveConnections = 2147483645;
    // 2147483646 · 2147483646 is greater than 2147483645 · 2147483647 by one.
    expect(pick(service, { protocol: 'udp' })).toBe('2');
  });

  it('leaves out who is quiesced or overloaded', () => {
    const service = serviceOf('wlc', [0, 8, 1, 0]);
    service.update(server(2), 8, { upperThreshold: 1 });
    expect(picks(service, 3)).toBe('2 3 3');
    service.update(server(3), 0);
    expect(pick(service)).toBe('-');
  });
});

describe('sed', () => {
  it('counts the new connection too, so that the first goes to the greatest weight', () => {
    // 1/1 1/2 1/3 3; 1/1 1/2 2/3 2; 1/1 2/2 2/3 3; all alike 1; 2/1 2/2 3/3 2; 2/1 3/2 3/3 3
    expect(picks(serviceOf('sed', [1, 2, 3]), 6)).toBe('3 2 3 1 2 3');
  });

  it('does not count inactive connections: UDP all goes to one', () => {
    expect(picks(serviceOf('sed', [1, 2, 3]), 4, { protocol: 'udp' })).toBe('3 3 3 3');
  });
});

describe('nq', () => {
  it('takes the first that has nothing to do, else as sed', () => {
    // After the first three: 2/1 2/2 2/3 3; 2/1 2/2 3/3 2
    expect(picks(serviceOf('nq', [1, 2, 3]), 5)).toBe('1 2 3 3 2');
  });

  it('leaves out who is quiesced or overloaded', () => {
    const service = serviceOf('nq', [0, 1, 1]);
    service.update(server(2), 1, { upperThreshold: 1 });
    expect(picks(service, 3)).toBe('2 3 3');
    service.update(server(3), 0);
    expect(pick(service)).toBe('-');
  });
});

describe('fo', () => {
  it('takes the greatest weight, of equals the first, as long as it is not overloaded', () => {
    const service = serviceOf('fo', [1, 5, 5, 0]);
    service.update(server(2), 5, { upperThreshold: 2 });
    expect(picks(service, 4)).toBe('2 2 3 3');
    service.update(server(3), 0);
    expect(pick(service)).toBe('1');
    service.update(server(1), 0);
    expect(pick(service)).toBe('-');
  });
});

describe('ovf', () => {
  it('fills each up to one more than its weight, the greatest first', () => {
    expect(picks(serviceOf('ovf', [1, 2, 0]), 6)).toBe('2 2 2 1 1 -');
  });

  it('leaves out who is overloaded', () => {
    const service = serviceOf('ovf', [1, 5]);
    service.update(server(2), 5, { upperThreshold: 1 });
    expect(picks(service, 2)).toBe('2 1');
  });

  it('never overflows with UDP', () => {
    expect(picks(serviceOf('ovf', [1, 2]), 5, { protocol: 'udp' })).toBe('2 2 2 2 2');
  });
});

describe('twos', () => {
  /** Draws these numbers in turn, of as many as there are. */
  const drawing = (draws: readonly number[], of: number) => {
    let next = 0;
    return () => Math.ceil(((draws[next++ % draws.length] ?? 0) * 2 ** 32) / of);
  };

  it('takes the less loaded of two drawn by weight', () => {
    // 0 to 6: 0 to 1 is the first, 2 to 3 the second, 4 to 6 the third.
    const service = serviceOf('twos', [1, 2, 3], { random: drawing([1, 6, 2, 3, 0, 4], 7) });
    // 1 or 3: alike; 2 or 2; 1 with 1/1 or 3 with 0/3
    expect(picks(service, 3)).toBe('1 2 3');
  });

  it('leaves out who is quiesced or overloaded, and draws nothing where nobody is left', () => {
    let draws = 0;
    const service = serviceOf('twos', [0, 1, 1], {
      random: () => {
        draws++;
        return 0xffffffff;
      },
    });
    service.update(server(3), 1, { upperThreshold: 1 });
    expect(picks(service, 2)).toBe('3 2');
    expect(draws).toBe(4);
    service.update(server(2), 0);
    expect(pick(service)).toBe('-');
    expect(draws).toBe(4);
  });

  it('has every pair as likely as the weights say', () => {
    // All 49 pairs of 0 to 6. With loads that grow from the first to the last, the first wins wherever it is drawn.
    const pairs = Array.from({ length: 49 }, (_, pair) => [Math.floor(pair / 7), pair % 7]);
    const service = serviceOf('twos', [1, 2, 3], { random: drawing(pairs.flat(), 7) });
    const counts = { 1: 0, 2: 0, 3: 0 };
    for (const _ of pairs) {
      service.server(server(1)).activeConnections = 1;
      service.server(server(2)).activeConnections = 4;
      service.server(server(3)).activeConnections = 9;
      const picked = pick(service);
      if (picked === '1' || picked === '2' || picked === '3') counts[picked]++;
    }
    expect(counts).toEqual({ 1: 49 - 25, 2: 25 - 9, 3: 9 });
  });
});
