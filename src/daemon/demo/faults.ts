/**
 * Checks of real servers that there are not: each fails for a while now and then, and comes back.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CheckOutcome, Target } from '../../health/check-outcome.js';
import type { NormalCheck } from '../../model/check.js';
import type { Chance } from '../../simulator/what-if/traffic.js';

/** How a server is, and until when, in milliseconds. */
interface Spell {
  readonly kind: 'well' | 'refusing' | 'silent' | 'wrong';
  readonly until: number;
}

/** Milliseconds until each server fails first: at least, and how many more at most. */
const FIRST = 8000;
const FIRST_MORE = 60_000;
/** Milliseconds that a server is well, on average, and at least. */
const WELL = 90_000;
const WELL_LEAST = 20_000;
/** Milliseconds that one fails, at least, and how many more at most. */
const FAILS = 8000;
const FAILS_MORE = 15_000;
/** Milliseconds until an answer, at most. */
const ANSWER = 20;

const KINDS = ['refusing', 'silent', 'wrong'] as const;

type Wait = (milliseconds: number, signal: AbortSignal) => Promise<unknown>;

/** See the module. By the address of a server: all its checks fail at the same time. */
export class Faults {
  readonly #chance: Chance;
  readonly #now: () => number;
  readonly #wait: Wait;
  readonly #spells = new Map<string, Spell>();

  /** @param now milliseconds, never going back. @param wait as `setTimeout` of `node:timers/promises`. */
  constructor(
    chance: Chance,
    now: () => number = () => performance.now(),
    wait: Wait = (milliseconds, signal) => sleep(milliseconds, undefined, { signal }),
  ) {
    this.#chance = chance;
    this.#now = now;
    this.#wait = wait;
  }

  /** Runs a check once, as `HealthMonitorOptions.run` wants it. */
  readonly run = async (
    { address }: Target,
    { type, timeout }: NormalCheck,
    signal: AbortSignal,
  ): Promise<CheckOutcome> => {
    const { kind } = this.#spellOf(address);
    try {
      await this.#wait(kind === 'silent' ? timeout : this.#chance.part() * ANSWER, signal);
    } catch {
      return { result: 'not measured', reason: 'this program ends' };
    }
    const isHttp = /^https?$/.test(type);
    switch (kind) {
      case 'well':
        return { result: 'passed', reason: isHttp ? 'simulated: HTTP status 200' : 'simulated: it answers' };
      case 'refusing':
        return { result: 'failed', kind: 'hard', reason: 'simulated: connection refused' };
      case 'silent':
        return { result: 'failed', kind: 'hard', reason: `simulated: no answer within ${timeout} ms` };
      case 'wrong':
        return {
          result: 'failed',
          kind: 'soft',
          reason: `simulated: ${isHttp ? 'HTTP status 503' : 'a wrong answer'}`,
        };
    }
  };

  #spellOf(address: string): Spell {
    const now = this.#now();
    let spell = this.#spells.get(address) ?? {
      kind: 'well',
      until: now + FIRST + this.#chance.part() * FIRST_MORE,
    };
    while (spell.until <= now) spell = this.#next(spell);
    this.#spells.set(address, spell);
    return spell;
  }

  #next({ kind, until }: Spell): Spell {
    if (kind !== 'well') return { kind: 'well', until: until + Math.max(WELL_LEAST, this.#chance.wait(WELL)) };
    const next = KINDS[this.#chance.whole() % KINDS.length] ?? 'refusing';
    return { kind: next, until: until + FAILS + this.#chance.part() * FAILS_MORE };
  }
}
