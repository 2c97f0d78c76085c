/**
 * What `top` on a terminal shows and how keys change it. Pure.
 * @module
 */

import type { Reading } from './reading.js';
import { TOP_SORTS, type TopSort } from './sorts.js';

/** The state of the live view. */
export interface View {
  readonly reading: Reading;
  /** Why the last reading failed; the one before is shown. */
  readonly problem?: string | undefined;
  /** Why reading is not by netlink. */
  readonly fallback?: string | undefined;
  /** Seconds between readings. */
  readonly interval: number;
  readonly sort: TopSort;
  readonly filter: string;
  /** The filter is being typed. */
  readonly typing: boolean;
  readonly paused: boolean;
  readonly help: boolean;
  /** Rows above the screen. */
  readonly offset: number;
}

/** What it begins with. */
export function startView(start: Pick<View, 'reading' | 'fallback' | 'interval' | 'sort'>): View {
  return { ...start, filter: '', typing: false, paused: false, help: false, offset: 0 };
}

/** How far keys move. */
export interface Moves {
  /** Rows on the screen. */
  readonly page: number;
  /** The largest offset that makes sense. */
  readonly last: number;
}

/** The view after a key; undefined: it is to end. Keys without a meaning change nothing. */
export function press(view: View, key: string, moves: Moves): View | undefined {
  if (key === CTRL_C) return undefined;
  if (view.typing) return typeFilter(view, key);
  if (key === 'q') return undefined;
  // Any key ends the help; the one that also means something does not do it by accident.
  if (view.help) return { ...view, help: false };
  const sort = SORT_KEYS.get(key);
  if (sort !== undefined) return { ...view, sort, offset: 0 };
  const offset = move(view.offset, key, moves);
  return offset === undefined ? switchView(view, key) : { ...view, offset };
}

function switchView(view: View, key: string): View {
  switch (key) {
    case '<':
      return { ...view, sort: nextSort(view.sort, -1), offset: 0 };
    case '>':
      return { ...view, sort: nextSort(view.sort, 1), offset: 0 };
    case ' ':
      return { ...view, paused: !view.paused };
    case '/':
      return { ...view, typing: true };
    case ESCAPE:
      return { ...view, filter: '', offset: 0 };
    case '?':
    case 'h':
      return { ...view, help: true };
    default:
      return view;
  }
}

function typeFilter(view: View, key: string): View {
  const { filter } = view;
  if (key === ESCAPE) return { ...view, filter: '', typing: false, offset: 0 };
  if (key === '\r' || key === '\n') return { ...view, typing: false };
  if (key === '\x7f' || key === '\b') return { ...view, filter: filter.slice(0, -1), offset: 0 };
  // Names are ASCII; escape sequences of other keys are longer than a character.
  return /^[\x20-\x7e]$/.test(key) ? { ...view, filter: filter + key, offset: 0 } : view;
}

function move(offset: number, key: string, { page, last }: Moves): number | undefined {
  const to = MOVES.get(key)?.(offset, page, last);
  return to === undefined ? undefined : Math.max(0, Math.min(to, last));
}

const CTRL_C = '\x03';
const ESCAPE = '\x1b';

/** The sequences of arrows, page and end keys; some terminals send `O` for `[`. */
const MOVES: ReadonlyMap<string, (offset: number, page: number, last: number) => number> = new Map([
  ...['\x1b[A', '\x1bOA', 'k'].map((key) => [key, (offset: number) => offset - 1] as const),
  ...['\x1b[B', '\x1bOB', 'j'].map((key) => [key, (offset: number) => offset + 1] as const),
  ['\x1b[5~', (offset: number, page: number) => offset - page],
  ['\x1b[6~', (offset: number, page: number) => offset + page],
  ...['\x1b[H', '\x1bOH', '\x1b[1~'].map((key) => [key, () => 0] as const),
  ...['\x1b[F', '\x1bOF', '\x1b[4~'].map((key) => [key, (_: number, __: number, last: number) => last] as const),
]);

/** A letter for each; capital ones for what goes out. */
const SORT_KEYS: ReadonlyMap<string, TopSort> = new Map([
  ['n', 'name'],
  ['w', 'weight'],
  ['a', 'active'],
  ['i', 'inactive'],
  ['c', 'cps'],
  ['p', 'inpps'],
  ['P', 'outpps'],
  ['b', 'inbps'],
  ['B', 'outbps'],
]);

function nextSort(sort: TopSort, step: 1 | -1): TopSort {
  const index = TOP_SORTS.indexOf(sort) + step;
  return TOP_SORTS.at(index % TOP_SORTS.length) ?? sort;
}

/** What the help shows. */
export const KEY_HELP: readonly (readonly [keys: string, help: string])[] = [
  ['< >', `sort by another column: ${TOP_SORTS.join(' ')}`],
  [[...SORT_KEYS.keys()].join(' '), `sort by ${[...SORT_KEYS.values()].join(', ')}`],
  ['/', 'show only names that have a text in them; Enter keeps it, Esc clears it'],
  ['space', 'stop reading, and go on'],
  ['up down', 'move by a row; also k and j'],
  ['PgUp PgDn', 'move by a page'],
  ['Home End', 'to the first and the last row'],
  ['? h', 'this help'],
  ['q', 'end; also Ctrl-C'],
];

/** The keys in what a terminal sent at a time: characters, and the sequences of keys that have none. */
export function keysIn(text: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what keys begin with
  return text.match(/\x1b\[[\d;]*[A-Za-z~]|\x1bO[A-Z]|./gsu) ?? [];
}
