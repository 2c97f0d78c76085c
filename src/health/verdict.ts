/**
 * From the outcomes of one check to a verdict: how many failures in a row make a server down, how many passes make it up again,
 * and how a server that flaps is held down. Pure; times come in.
 * @module
 */
import type { NormalCheck } from '../model/check.js';
import type { CheckOutcome } from './check-outcome.js';

/** What is known of one check. Plain JSON. Times are milliseconds since 1970. */
export interface CheckState {
  /** `unknown`: not measured yet. */
  readonly status: 'unknown' | 'up' | 'down';
  /** When it became so. */
  readonly since: number;
  /** Passes in a row, counted while it is down. */
  readonly passes: number;
  /** Failures in a row, counted while it is up. */
  readonly failures: number;
  /** What the last run that was measured found. Absent before the first. */
  readonly reason?: string;
  /** When that was. */
  readonly measured?: number;
  /** When it passed last; absent: it never did. */
  readonly passed?: number;
  /** When it fell last; absent: it never did. */
  readonly fell?: number;
  /** What flapping had come to then: it grows with each fall, and halves with time. */
  readonly penalty: number;
  /** It flaps: until then it stays down even if it passes. */
  readonly heldUntil?: number;
}

/** As BGP damps routes (RFC 2439): a fall counts so much. */
export const FALL_PENALTY = 1000;
/** Milliseconds in which a penalty halves. */
export const HALF_LIFE = 60_000;
/** A fall that brings the penalty there holds the server down, */
export const HOLD_AT = 3000;
/** until it has halved down to this, */
export const FREE_AT = 1000;
/** but at most so many milliseconds. */
export const LONGEST_HOLD = 600_000;

/** How many outcomes in a row make a verdict. */
export type VerdictRules = Pick<NormalCheck, 'fall' | 'softFall' | 'rise'>;

/** Before the first run. */
export function unknownSince(now: number): CheckState {
  return { status: 'unknown', since: now, passes: 0, failures: 0, penalty: 0 };
}

/**
 * What is known after one more run. The first outcome decides at once; later ones as the rules say. What was not measured
 * changes nothing.
 */
export function judge(state: CheckState, outcome: CheckOutcome, rules: VerdictRules, now: number): CheckState {
  if (outcome.result === 'not measured') return state;
  const seen = { ...state, reason: outcome.reason, measured: now };
  return outcome.result === 'passed'
    ? afterPass({ ...seen, passed: now }, rules, now)
    : afterFailure(seen, outcome.kind, rules, now);
}

/** Milliseconds to the next run of a check: soon, while a failure is not yet a verdict. */
export function pauseAfter(
  state: CheckState,
  { interval, recheck }: Pick<NormalCheck, 'interval' | 'recheck'>,
): number {
  return state.status === 'up' && state.failures > 0 ? recheck : interval;
}

function afterPass(state: CheckState, { rise }: VerdictRules, now: number): CheckState {
  if (state.status === 'up') return state.failures === 0 ? state : { ...state, failures: 0 };
  const passes = state.passes + 1;
  const isHeld = state.heldUntil !== undefined && now < state.heldUntil;
  if (state.status === 'down' && (passes < rise || isHeld)) return { ...state, passes };
  const { heldUntil: _, ...free } = state;
  return { ...free, status: 'up', since: now, passes: 0, failures: 0 };
}

function afterFailure(
  state: CheckState,
  kind: 'hard' | 'soft',
  { fall, softFall }: VerdictRules,
  now: number,
): CheckState {
  if (state.status === 'down') return state.passes === 0 ? state : { ...state, passes: 0 };
  const failures = state.failures + 1;
  if (state.status === 'up' && failures < (kind === 'hard' ? fall : softFall)) return { ...state, failures };
  return fallen(state, now);
}

/** A server that was never up does not flap. */
function fallen(state: CheckState, now: number): CheckState {
  const down = { ...state, status: 'down', since: now, passes: 0, failures: 0 } as const;
  if (state.status === 'unknown') return down;
  const penalty = FALL_PENALTY + state.penalty * 2 ** (((state.fell ?? now) - now) / HALF_LIFE);
  if (penalty < HOLD_AT) return { ...down, fell: now, penalty };
  const hold = Math.min(HALF_LIFE * Math.log2(penalty / FREE_AT), LONGEST_HOLD);
  return { ...down, fell: now, penalty, heldUntil: now + Math.round(hold) };
}
