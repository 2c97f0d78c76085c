import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CheckOutcome } from '../../../src/health/check-outcome.js';
import {
  type CheckState,
  FREE_AT,
  HALF_LIFE,
  HOLD_AT,
  judge,
  LONGEST_HOLD,
  pauseAfter,
  unknownSince,
  type VerdictRules,
} from '../../../src/health/verdict.js';

const RULES: VerdictRules = { fall: 2, softFall: 4, rise: 3 };
const passed: CheckOutcome = { result: 'passed', reason: 'connected' };
const hard: CheckOutcome = { result: 'failed', kind: 'hard', reason: 'connection refused' };
const soft: CheckOutcome = { result: 'failed', kind: 'soft', reason: 'HTTP status 503' };
const nothing: CheckOutcome = { result: 'not measured', reason: 'no descriptors' };

/** The statuses after each outcome, one a second. */
function statuses(outcomes: readonly CheckOutcome[], rules = RULES, start = unknownSince(0)): string[] {
  let state = start;
  return outcomes.map((outcome, second) => {
    state = judge(state, outcome, rules, second * 1000);
    return state.status;
  });
}

describe('a verdict', () => {
  test.each<[string, CheckOutcome[], string[]]>([
    ['the first outcome decides', [passed], ['up']],
    ['the first outcome decides, also a failure', [soft], ['down']],
    ['not measured is no outcome', [nothing, nothing, hard], ['unknown', 'unknown', 'down']],
    ['fall hard failures in a row', [passed, hard, hard], ['up', 'up', 'down']],
    ['a pass between begins anew', [passed, hard, passed, hard, hard], ['up', 'up', 'up', 'up', 'down']],
    ['wrong answers have a count of their own', [passed, soft, soft, soft, soft], ['up', 'up', 'up', 'up', 'down']],
    ['a hard one ends a row of wrong answers', [passed, soft, hard], ['up', 'up', 'down']],
    ['not measured between changes nothing', [passed, hard, nothing, hard], ['up', 'up', 'up', 'down']],
    ['rise passes in a row', [hard, passed, passed, passed], ['down', 'down', 'down', 'up']],
    [
      'a failure between begins anew',
      [hard, passed, passed, hard, passed, passed, passed],
      ['down', 'down', 'down', 'down', 'down', 'down', 'up'],
    ],
  ])('%s', (_, outcomes, expected) => {
    expect(statuses(outcomes)).toEqual(expected);
  });

  test('says what was found last, and since when', () => {
    const up = judge(unknownSince(0), passed, RULES, 1000);
    expect(up).toMatchObject({ status: 'up', since: 1000, measured: 1000, reason: 'connected' });
    expect(judge(up, hard, RULES, 2000)).toMatchObject({ status: 'up', since: 1000, measured: 2000, failures: 1 });
  });

  test('a failure that is not yet a verdict is looked at again soon', () => {
    const times = { interval: 5000, recheck: 1250 };
    const up = judge(unknownSince(0), passed, RULES, 0);
    expect(pauseAfter(up, times)).toBe(5000);
    expect(pauseAfter(judge(up, soft, RULES, 0), times)).toBe(1250);
    expect(pauseAfter(judge(unknownSince(0), hard, RULES, 0), times)).toBe(5000);
  });
});

describe('a server that flaps', () => {
  const eager: VerdictRules = { fall: 1, softFall: 1, rise: 1 };

  /** Falls and returns, each after so many milliseconds. */
  function flap(times: number, every: number): CheckState {
    let state = judge(unknownSince(0), passed, eager, 0);
    for (let fall = 1; fall <= times; fall++) {
      state = judge(state, hard, eager, fall * every);
      if (fall < times) state = judge(state, passed, eager, fall * every + 1);
    }
    return state;
  }

  test('is held down at the third fall within a minute or so', () => {
    expect(flap(2, 1000).heldUntil).toBeUndefined();
    const held = flap(4, 1000);
    expect(held.heldUntil).toBeGreaterThan(4000);
    const until = held.heldUntil ?? 0;
    expect(judge(held, passed, eager, until - 1).status).toBe('down');
    expect(judge(held, passed, eager, until)).toMatchObject({ status: 'up', since: until });
    expect(judge(held, passed, eager, until).heldUntil).toBeUndefined();
  });

  test('is not held if its falls are far between', () => {
    expect(flap(50, 2 * HALF_LIFE).heldUntil).toBeUndefined();
  });

  test('never, whatever comes, is up while it is held, and is held for ten minutes at most', () => {
    const outcome = fc.constantFrom(passed, hard, soft, nothing);
    const steps = fc.array(fc.tuple(outcome, fc.integer({ min: 1, max: 60_000 })), { maxLength: 200 });
    const rules = fc.record({
      fall: fc.integer({ min: 1, max: 3 }),
      softFall: fc.integer({ min: 1, max: 3 }),
      rise: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(steps, rules, (all, each) => {
        let [state, now] = [unknownSince(0), 0];
        for (const [found, pause] of all) {
          now += pause;
          const before = state;
          state = judge(before, found, each, now);
          if (before.heldUntil !== undefined && now < before.heldUntil) expect(state.status).toBe('down');
          if (state.heldUntil !== undefined) {
            expect(state.heldUntil - state.since).toBeLessThanOrEqual(LONGEST_HOLD);
            expect(state.heldUntil - state.since).toBeGreaterThanOrEqual(HALF_LIFE * Math.log2(HOLD_AT / FREE_AT) - 1);
          }
          expect(state.since).toBeLessThanOrEqual(now);
        }
      }),
    );
  });
});
