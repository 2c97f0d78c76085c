import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Agenda } from '../../../src/health/agenda.js';
import type { CheckOutcome } from '../../../src/health/check-outcome.js';
import type { Job } from '../../../src/health/jobs.js';
import { Runner } from '../../../src/health/runner.js';
import { parseCheck } from '../../../src/model/check.js';
import { FakeClock } from './fake-clock.js';

const PASSED: CheckOutcome = { result: 'passed', reason: 'connected' };
const FAILED: CheckOutcome = { result: 'failed', kind: 'hard', reason: 'connection refused' };

test('the agenda gives what is due, the earliest first', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(50), fc.constant(-1)), { maxLength: 300 }), (steps) => {
      const agenda = new Agenda();
      const expected: number[] = [];
      for (const [job, time] of steps.entries()) {
        if (time >= 0) {
          agenda.add(time, job);
          expected.push(time);
        } else if (expected.length > 0) {
          expected.sort((a, b) => a - b);
          expect(agenda.earliest).toBe(expected.shift());
          expect(steps[agenda.take()]).toBeDefined();
        }
        expect(agenda.size).toBe(expected.length);
        expect(agenda.earliest).toBe(Math.min(...expected));
      }
    }),
  );
});

/** Runs under way, which a test ends as it likes. */
class Desk {
  readonly clock = new FakeClock();
  readonly started: { key: string; at: number }[] = [];
  readonly told: { key: string; result: string; at: number }[] = [];
  readonly late: number[] = [];
  /** Milliseconds of this program's time that the start of a run takes. */
  cost = 0;
  readonly pending: { key: string; finish: (outcome: CheckOutcome) => void; isEnded: boolean }[] = [];
  /** Answers at once, or leaves it pending. */
  answer: CheckOutcome | undefined = PASSED;
  readonly runner: Runner;

  constructor(limit?: number) {
    this.runner = new Runner({
      clock: this.clock,
      limit,
      start: ({ address }, _, done) => {
        this.started.push({ key: address, at: this.clock.now() });
        this.clock.spend(this.cost);
        const run = {
          key: address,
          isEnded: false,
          finish: (outcome: CheckOutcome) => done(outcome, run),
          end: () => {
            run.isEnded = true;
          },
        };
        if (this.answer === undefined) this.pending.push(run);
        else void Promise.resolve(this.answer).then(run.finish);
        return run;
      },
      onOutcome: ({ target, check }, { result }) => {
        this.told.push({ key: target.address, result, at: this.clock.now() });
        return result === 'failed' ? check.recheck : check.interval;
      },
      onLate: (late) => this.late.push(late),
    });
  }

  set(...addresses: string[]): void {
    this.runner.set(new Map(addresses.map((address) => [address, job(address)])));
  }
}

function job(address: string): Job {
  const check = parseCheck({ type: 'tcp', interval: 2000, timeout: 1000 });
  return { key: address, target: { address, port: 80 }, check };
}

describe('the runner', () => {
  test('tells how late it is, but not for want of room', async () => {
    const desk = new Desk(1);
    desk.answer = undefined;
    desk.set('10.0.0.1', '10.0.0.2');
    await desk.clock.advance(60_000);
    expect(desk.started).toHaveLength(1);
    expect(desk.runner.behind).toBe(0);
    desk.answer = PASSED;
    desk.pending[0]?.finish(PASSED);
    await desk.clock.advance(10_000);
    expect(desk.runner.behind).toBe(0);
    // Timers that do not fire.
    desk.clock.spend(60_000);
    expect(desk.runner.behind).toBeGreaterThan(57_000);
    await desk.clock.advance(3000);
    expect(desk.runner.behind).toBe(0);
  });

  test('runs every check within a second, and once an interval from then on', async () => {
    const desk = new Desk();
    const names = Array.from({ length: 100 }, (_, index) => `10.0.0.${index}`);
    desk.set(...names);
    await desk.clock.advance(1000);
    expect(new Set(desk.started.map(({ key }) => key)).size).toBe(100);
    await desk.clock.advance(60_000);
    for (const name of names) {
      const times = desk.started.filter(({ key }) => key === name).map(({ at }) => at);
      const pauses = times.slice(2).map((time, index) => time - (times[index + 1] ?? 0));
      expect(new Set(pauses)).toEqual(new Set([2000]));
      const first = (times[1] ?? 0) - (times[0] ?? 0);
      expect(first).toBeGreaterThanOrEqual(1000);
      expect(first).toBeLessThan(3000);
    }
  });

  test('spreads them over the interval', async () => {
    const desk = new Desk();
    desk.set(...Array.from({ length: 1000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`));
    await desk.clock.advance(20_000);
    const slots = new Array<number>(20).fill(0);
    for (const { at } of desk.started.filter(({ at }) => at > desk.clock.now() - 2000)) {
      const slot = Math.floor((at % 2000) / 100);
      slots[slot] = (slots[slot] ?? 0) + 1;
    }
    expect(Math.max(...slots)).toBeLessThan(100);
    expect(Math.min(...slots)).toBeGreaterThan(20);
  });

  test('looks soon again when it is told to', async () => {
    const desk = new Desk();
    desk.answer = FAILED;
    desk.set('10.0.0.1');
    await desk.clock.advance(3000);
    expect(desk.started.length).toBeGreaterThanOrEqual(4);
    const [first, second] = desk.started;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBe(500);
  });

  test('has no more under way than its limit; the others wait', async () => {
    const desk = new Desk(3);
    desk.answer = undefined;
    desk.set(...Array.from({ length: 10 }, (_, index) => `10.0.0.${index}`));
    await desk.clock.advance(1500);
    expect(desk.runner.load).toEqual({ running: 3, waiting: 7 });
    desk.pending[0]?.finish(PASSED);
    await desk.clock.advance(1);
    expect(desk.pending.length).toBe(4);
    expect(desk.runner.load).toEqual({ running: 3, waiting: 6 });
  });

  test('is not late, however much starts at once: it takes turns', async () => {
    const desk = new Desk();
    desk.answer = FAILED;
    desk.cost = 1;
    desk.set(...Array.from({ length: 2000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`));
    await desk.clock.advance(6000);
    expect(new Set(desk.told.map(({ key }) => key)).size).toBe(2000);
    expect(desk.late).toEqual([]);
    expect(desk.told.filter(({ result }) => result !== 'failed')).toEqual([]);
  });

  test('breaks off what nobody wants any more, and tells no outcome of it', async () => {
    const desk = new Desk();
    desk.answer = undefined;
    desk.set('10.0.0.1', '10.0.0.2');
    await desk.clock.advance(1000);
    desk.set('10.0.0.2');
    const gone = desk.pending.find(({ key }) => key === '10.0.0.1');
    expect(gone?.isEnded).toBe(true);
    gone?.finish(FAILED);
    await desk.clock.advance(0);
    expect(desk.told).toEqual([]);
    expect(desk.runner.load.running).toBe(1);
    desk.set('10.0.0.2', '10.0.0.1');
    await desk.clock.advance(1000);
    expect(desk.pending.filter(({ key }) => key === '10.0.0.1').length).toBe(2);
  });

  test('after its end has no timer left', async () => {
    const desk = new Desk();
    desk.answer = undefined;
    desk.set('10.0.0.1', '10.0.0.2');
    await desk.clock.advance(1000);
    desk.runner[Symbol.dispose]();
    expect(desk.clock.timers).toBe(0);
    expect(desk.pending.every(({ isEnded }) => isEnded)).toBe(true);
  });
});

describe('a stall of this program', () => {
  test('is no verdict: what is under way is not measured, and runs again', async () => {
    const desk = new Desk();
    desk.answer = undefined;
    desk.set('10.0.0.1', '10.0.0.2');
    await desk.clock.advance(1000);
    await desk.clock.stall(10_000);
    expect(desk.told.map(({ result }) => result)).toEqual(['not measured', 'not measured']);
    expect(desk.late.length).toBe(1);
    expect(desk.late[0]).toBeGreaterThan(9000);
    desk.answer = PASSED;
    await desk.clock.advance(4000);
    const again = desk.told.slice(2, 4);
    expect(again.map(({ result }) => result)).toEqual(['passed', 'passed']);
    // Not at once, and not all at one time.
    expect(new Set(again.map(({ at }) => at)).size).toBe(2);
  });

  test('also where the event of a socket is heard before the late timer', async () => {
    const desk = new Desk();
    desk.answer = undefined;
    desk.set('10.0.0.1');
    await desk.clock.advance(1000);
    const late = desk.clock.stall(10_000);
    // The clock has gone on, and no timer has run yet.
    desk.pending[0]?.finish(FAILED);
    await late;
    expect(desk.told.map(({ result }) => result)).toEqual(['not measured']);
  });

  test('a pass is one all the same', async () => {
    const desk = new Desk();
    desk.answer = undefined;
    desk.set('10.0.0.1');
    await desk.clock.advance(1000);
    const late = desk.clock.stall(10_000);
    desk.pending[0]?.finish(PASSED);
    await late;
    expect(desk.told.map(({ result }) => result)).toEqual(['passed']);
  });
});
