import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadlines, type Limited } from '../../../src/health/deadlines.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

class Limit implements Limited {
  ended = false;
  expired: number | undefined;

  expire(): void {
    this.ended = true;
    this.expired = performance.now();
  }
}

test('each expires at its time, within ten milliseconds, and one that ended does not', () => {
  const deadlines = new Deadlines();
  const start = performance.now();
  const times = [500, 15, 3000, 15, 16, 1, 60_000, 499];
  const limits = times.map((time) => {
    const limit = new Limit();
    deadlines.add(limit, time);
    return { limit, time };
  });
  const ended = new Limit();
  deadlines.add(ended, 100);
  ended.ended = true;
  deadlines.ended();
  vi.advanceTimersByTime(70_000);
  for (const { limit, time } of limits) {
    const late = (limit.expired ?? 0) - start - time;
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThanOrEqual(11);
  }
  expect(ended.expired).toBeUndefined();
});

test('has no timer left when all have ended', () => {
  const deadlines = new Deadlines();
  deadlines.add(new Limit(), 100);
  deadlines.add(new Limit(), 50);
  deadlines.ended();
  expect(vi.getTimerCount()).toBe(1);
  deadlines.ended();
  expect(vi.getTimerCount()).toBe(0);
  const late = new Limit();
  deadlines.add(late, 20);
  vi.advanceTimersByTime(40);
  expect(late.expired).toBeDefined();
});
