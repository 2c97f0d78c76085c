/**
 * A view of `top` as the lines of a screen. Pure.
 * @module
 */
import type { Rates } from '../../model/stats.js';
import { NOT_COUNTED } from '../not-counted.js';
import { layOut, type NumberFormat, scaled, UNKNOWN } from './columns.js';
import type { Reading } from './reading.js';
import type { Row } from './row.js';
import { rowsOf } from './rows.js';
import { KEY_HELP, type Moves, type View } from './view.js';

/** Of a terminal, in characters. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What a line is about: colours go by that. */
export type LineKind = 'summary' | 'title' | 'service' | 'server' | 'up' | 'down' | 'quiesced' | 'problem' | 'hint';

/** One line of a screen. */
export interface Line {
  readonly kind: LineKind;
  readonly text: string;
}

/** The screen, and how far its rows can be moved. */
export interface Frame {
  /** At most as many as there are rows; none longer than the screen is wide; ASCII. */
  readonly lines: readonly Line[];
  readonly moves: Moves;
}

/** Lays a view out for a screen. */
export function frame(view: View, size: Size): Frame {
  const rows = rowsOf(view.reading, view);
  const above = headOf(view);
  const page = Math.max(0, size.rows - above.length - TITLE_AND_FOOT);
  const moves = { page, last: Math.max(0, rows.length - page) };
  const body = view.help ? helpLines() : tableLines(view, rows, size, moves);
  const lines = [...above, ...body.slice(0, page + 1), footOf(view, rows.length, moves)];
  return { lines: lines.slice(0, size.rows).map((line) => cut(line, size.columns)), moves };
}

const TITLE_AND_FOOT = 2;

/** The director as a whole, in words: the lines above the table. Of all there is, also where a filter is set. */
export function summary({ services, totals }: Reading, format: NumberFormat): string[] {
  const servers = services.flatMap(({ destinations }) => destinations);
  const sum = (field: 'activeConnections' | 'inactiveConnections') =>
    format(servers.reduce((total, entry) => total + entry[field], 0));
  const connections = `${sum('activeConnections')} active, ${sum('inactiveConnections')} inactive connections`;
  return [
    `${counted(services.length, 'service')}, ${counted(servers.length, 'real server')}, ${connections}`,
    totalsText(totals, format),
  ];
}

/** What is not known, and why; undefined where all is. */
export function sourceNote({ source, isUncounted }: Reading, fallback?: string): string | undefined {
  if (isUncounted === true) return NOT_COUNTED;
  const reason = fallback ? ` (${fallback})` : '';
  if (source === 'proc') return `read from /proc: rates of services and real servers are not known${reason}`;
  return source === 'sockopt' ? `read by socket options: IPv4 only${reason}` : undefined;
}

function headOf(view: View): Line[] {
  const { reading, sort, filter, interval, paused, fallback, problem } = view;
  const clock = reading.at.toTimeString().slice(0, 8);
  const states = [
    `every ${interval} s`,
    `sort: ${sort}`,
    ...(filter === '' ? [] : [`filter: ${filter}`]),
    ...(paused ? ['PAUSED'] : []),
  ];
  const note = sourceNote(reading, fallback);
  return [
    { kind: 'summary', text: `ipvs-ts top  ${clock}  ${states.join('  ')}` },
    ...summary(reading, scaled).map((text) => ({ kind: 'summary' as const, text })),
    ...[note, problem].flatMap((text) => (text === undefined ? [] : [{ kind: 'problem' as const, text: plain(text) }])),
  ];
}

/** Messages may have quotes of what a file says in them. */
function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function totalsText(totals: Rates | undefined, format: NumberFormat): string {
  const text = (field: keyof Rates) => (totals === undefined ? UNKNOWN : format(totals[field]));
  return (
    `total/s: ${text('connections')} conns, in ${text('inPackets')} packets ${text('inBytes')} bytes, ` +
    `out ${text('outPackets')} packets ${text('outBytes')} bytes`
  );
}

function tableLines({ offset }: View, rows: readonly Row[], size: Size, { page, last }: Moves): Line[] {
  const { title, rows: texts } = layOut(rows, { format: scaled, width: size.columns });
  // The table may have become shorter since the last key.
  const first = Math.min(offset, last);
  const shown = texts.slice(first, first + page).map((text, index) => ({ kind: kindOf(rows[first + index]), text }));
  return [{ kind: 'title', text: title }, ...shown];
}

function kindOf(row: Row | undefined): LineKind {
  if (row?.kind === 'service') return 'service';
  if (row?.state === 'D' || row?.state === 'H') return 'down';
  if (row?.weight === 0 || row?.state === '?') return 'quiesced';
  return row?.state === 'U' ? 'up' : 'server';
}

function helpLines(): Line[] {
  const width = KEY_HELP.reduce((most, [{ length }]) => Math.max(most, length), 0);
  return [
    { kind: 'title', text: 'KEYS' },
    ...KEY_HELP.map(([keys, help]) => ({ kind: 'server' as const, text: `${keys.padEnd(width)}  ${help}` })),
    { kind: 'server', text: '' },
    { kind: 'server', text: 'Rates are averages of a few seconds, which the kernel brings up to date every 2 s.' },
    { kind: 'server', text: 'K, M, G: thousands, millions, thousand millions.' },
    { kind: 'server', text: 'By health checks: U up, D down, H held down, ? not measured.' },
  ];
}

function footOf({ typing, filter, offset }: View, rows: number, { page, last }: Moves): Line {
  if (typing) return { kind: 'hint', text: `/${filter}_` };
  const first = Math.min(offset, last);
  const place = last === 0 ? '' : `rows ${first + 1} to ${first + page} of ${rows}  `;
  return { kind: 'hint', text: `${place}q quit  ? help  < > sort  / filter  space pause` };
}

function cut({ kind, text }: Line, columns: number): Line {
  return { kind, text: text.slice(0, columns) };
}
