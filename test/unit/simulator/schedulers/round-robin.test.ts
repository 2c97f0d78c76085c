import { describe, expect, it } from 'vitest';
import { picks, server, serviceOf } from './fixture.js';

describe('rr', () => {
  it('takes one after the other, the newest first, whatever their weights', () => {
    expect(picks(serviceOf('rr', [5, 1, 9]), 7)).toBe('1 2 3 1 2 3 1');
  });

  it('leaves out who is quiesced or overloaded', () => {
    const service = serviceOf('rr', [1, 0, 1, 1]);
    service.update(server(4), 1, { upperThreshold: 1 });
    expect(picks(service, 6)).toBe('1 3 4 1 3 1');
    service.update(server(2), 1);
    service.update(server(1), 0);
    expect(picks(service, 4)).toBe('2 3 2 3');
  });

  it('stays where it is when a server is added in front', () => {
    const service = serviceOf('rr', [1, 1, 1]);
    expect(picks(service, 2)).toBe('1 2');
    service.add(server(4), 1);
    expect(picks(service, 5)).toBe('3 4 1 2 3');
  });

  it('goes on behind the last one when that is deleted', () => {
    const service = serviceOf('rr', [1, 1, 1, 1]);
    expect(picks(service, 3)).toBe('1 2 3');
    service.delete(server(3));
    expect(picks(service, 2)).toBe('4 1');
    service.delete(server(1));
    expect(picks(service, 3)).toBe('2 4 2');
    service.delete(server(4));
    expect(picks(service, 2)).toBe('2 2');
  });

  it('has nobody to name on an empty list, or where all are quiesced', () => {
    expect(picks(serviceOf('rr', []), 2)).toBe('- -');
    const service = serviceOf('rr', [1, 1]);
    expect(picks(service, 1)).toBe('1');
    service.update(server(1), 0);
    service.update(server(2), 0);
    expect(picks(service, 2)).toBe('- -');
    service.update(server(1), 1);
    expect(picks(service, 2)).toBe('1 1');
  });
});

describe('wrr', () => {
  it('has rounds with falling demands', () => {
    const service = serviceOf('wrr', [4, 3, 2]);
    // The demand was 1 with the first server alone, and adding others does not raise it.
    expect(picks(service, 3)).toBe('1 2 3');
    // At least 4, at least 3, at least 2, at least 1.
    expect(picks(service, 18)).toBe('1 1 2 1 2 3 1 2 3 1 1 2 1 2 3 1 2 3');
    // With all servers there already, it starts with the first round.
    service.change('wrr');
    expect(picks(service, 9)).toBe('1 1 2 1 2 3 1 2 3');
  });

  it('falls by the common divisor of the weights', () => {
    expect(picks(serviceOf('wrr', [6, 3]), 6)).toBe('1 2 1 1 2 1');
    expect(picks(serviceOf('wrr', [100, 0, 100]), 4)).toBe('1 3 1 3');
  });

  it('starts at the head with every change, with the demand that it had', () => {
    const service = serviceOf('wrr', [4, 3, 2]);
    expect(picks(service, 5)).toBe('1 2 3 1 1');
    service.update(server(3), 1);
    // The demand is 3; then 2, 1 and 4.
    expect(picks(service, 8)).toBe('1 2 1 2 1 2 3 1');
  });

  it('takes a lower demand when the greatest weight falls below it', () => {
    const service = serviceOf('wrr', [9, 2]);
    expect(picks(service, 3)).toBe('1 2 1');
    service.update(server(1), 3);
    expect(picks(service, 5)).toBe('1 1 2 1 2');
  });

  it('brings the demand in step with a new divisor', () => {
    const service = serviceOf('wrr', [5, 3]);
    expect(picks(service, 4)).toBe('1 2 1 1');
    service.update(server(1), 6);
    // The demand 4 is one of a step of 3, too. Then 1 and 4.
    expect(picks(service, 5)).toBe('1 1 2 1 1');
  });

  it('leaves out who is overloaded, and comes to an end where all are', () => {
    const service = serviceOf('wrr', [3, 2, 1]);
    service.update(server(1), 3, { upperThreshold: 2 });
    expect(picks(service, 6)).toBe('1 2 3 1 2 2');
    // They have room for one connection each.
    service.update(server(2), 2, { upperThreshold: 4 });
    service.update(server(3), 1, { upperThreshold: 2 });
    expect(picks(service, 4)).toBe('2 3 - -');
    service.update(server(1), 3);
    expect(picks(service, 3)).toBe('1 1 1');
  });

  it('is not held up by a weight of billions that takes nothing', () => {
    const service = serviceOf('wrr', [2147483647, 1]);
    service.update(server(1), 2147483647, { upperThreshold: 1 });
    expect(picks(service, 4)).toBe('1 2 2 2');
    service.update(server(2), 1, { upperThreshold: 4 });
    expect(picks(service, 3)).toBe('2 - -');
  });

  it('has nobody to name on an empty list, or where all are quiesced', () => {
    expect(picks(serviceOf('wrr', []), 2)).toBe('- -');
    expect(picks(serviceOf('wrr', [0, 0]), 2)).toBe('- -');
    expect(picks(serviceOf('wrr', [0, 1, 0]), 2)).toBe('2 2');
  });
});
