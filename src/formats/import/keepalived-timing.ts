/**
 * When keepalived checks, and how often it fails (2.2.7, check_api.c, check_parser.c, `validate_check_config`): the same keywords stand
 * in a virtual server, a real server and a checker, and the nearest holds.
 * @module
 */
import { MISSING_VALUE } from './keepalived-group.js';
import { unsigned } from './keepalived-values.js';
import type { Place, Report } from './report.js';
import { within } from './service-health.js';
import type { Handler, Statement } from './statement.js';

/** A number, and where it stands. */
interface Told {
  readonly value: number;
  readonly place: Place;
}

/** What one level says; times are milliseconds. */
export interface Timing {
  delayLoop?: Told;
  connectTimeout?: Told;
  delayBeforeRetry?: Told;
  retry?: Told;
}

/** What a checker has where no level says it. */
export interface TimingDefaults {
  readonly retry: number;
  /** Milliseconds; `interval`: as long as the interval. */
  readonly delayBeforeRetry: number | 'interval';
  /** `interval`: what MISC_CHECK has without `misc_timeout`. */
  readonly timeout: number | 'interval';
}

/** The defaults of most checkers. */
export const USUAL_TIMING: TimingDefaults = { retry: 1, delayBeforeRetry: 1000, timeout: 5000 };

/** Milliseconds: `delay_loop` where nobody says it. */
const DEFAULT_DELAY_LOOP = 60_000;

interface Timed {
  readonly report: Report;
  readonly timing: Timing;
}

/** `delay_loop 6`, `connect_timeout 0.5`: seconds with decimals. Undefined where keepalived ignores it. */
function milliseconds(text: string, isZeroAllowed: boolean, place: Place, report: Report): number | undefined {
  const seconds = /^\d*\.?\d*$/.test(text) && /\d/.test(text) ? Number(text) : Number.NaN;
  if (seconds > 0 || (seconds === 0 && isZeroAllowed)) return seconds * 1000;
  report.passOver(place, `must be seconds, such as 1.5: "${text}" does not count`);
  return undefined;
}

function time(field: 'delayLoop' | 'connectTimeout' | 'delayBeforeRetry'): Handler<Timed> {
  return ({ report, timing }, statement) => {
    const [text] = statement.values;
    if (text === undefined) return report.refuse(statement, MISSING_VALUE);
    const value = milliseconds(text, field === 'delayBeforeRetry', statement, report);
    if (value !== undefined) timing[field] = { value, place: statement };
  };
}

/** A checker reads a number of retries loosely; above it keepalived takes no 0 and nothing behind the digits. */
export function takeRetry(isChecker: boolean): Handler<Timed> {
  return ({ report, timing }, statement: Statement) => {
    const [text] = statement.values;
    if (text === undefined) return report.refuse(statement, MISSING_VALUE);
    const range = { min: isChecker ? 0 : 1, max: 0xffffffff, isLoose: isChecker };
    const value = unsigned(text, range, statement, report);
    if (value !== undefined) timing.retry = { value, place: statement };
  };
}

const WARMUP = 'keep spreads the runs of its checks by itself';

/** The keywords of a checker. */
export const CHECKER_TIMING: Readonly<Record<string, Handler<Timed>>> = {
  delay_loop: time('delayLoop'),
  connect_timeout: time('connectTimeout'),
  delay_before_retry: time('delayBeforeRetry'),
  retry: takeRetry(true),
  warmup: WARMUP,
};

/** Those of a virtual and a real server. */
export const SERVER_TIMING: Readonly<Record<string, Handler<Timed>>> = { ...CHECKER_TIMING, retry: takeRetry(false) };

/** The times of a check: the first level that says one counts. @param timeout of the checker itself, in milliseconds */
export function timesOf(levels: readonly Timing[], defaults: TimingDefaults, report: Report, timeout?: Told) {
  const find = (field: keyof Timing) => levels.find((level) => level[field] !== undefined)?.[field];
  const delayLoop = find('delayLoop');
  const limit = timeout ?? (defaults.timeout === 'interval' ? delayLoop : find('connectTimeout'));
  const delay = find('delayBeforeRetry');
  const retry = find('retry');
  const interval = bounded(delayLoop, DEFAULT_DELAY_LOOP, 100, 86_400_000, report);
  return {
    interval,
    timeout: bounded(limit, defaults.timeout === 'interval' ? interval : defaults.timeout, 10, 600_000, report),
    fall: triesOf(retry, defaults.retry, report),
    rise: 1,
    recheck: bounded(
      delay,
      defaults.delayBeforeRetry === 'interval' ? interval : defaults.delayBeforeRetry,
      10,
      interval,
      report,
    ),
  };
}

function bounded(told: Told | undefined, usual: number, min: number, max: number, report: Report): number {
  if (told === undefined) return Math.min(Math.max(usual, min), max);
  return within(told.value, min, max, told.place, report);
}

const MOST_TRIES = 1000;

/** The first try is no retry. */
function triesOf(retry: Told | undefined, usual: number, report: Report): number {
  const tries = (retry?.value ?? usual) + 1;
  if (tries <= MOST_TRIES) return tries;
  if (retry !== undefined) report.skip(retry.place, `is more than ${MOST_TRIES - 1}, and becomes that`);
  return MOST_TRIES;
}
