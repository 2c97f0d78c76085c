/**
 * Rows as lines of text: numbers in columns, and as many columns as there is room for.
 * @module
 */
import type { Rates } from '../../model/stats.js';
import type { Row } from './row.js';

/** How a number is written. */
export type NumberFormat = (value: number) => string;

/** How rows become lines. */
export interface ColumnStyle {
  readonly format: NumberFormat;
  /** No line is longer; undefined: lines are as long as they get. */
  readonly width?: number;
}

/** Rows as lines, all of one width as far as they are cut to one. */
export interface Lines {
  readonly title: string;
  readonly rows: readonly string[];
}

interface Column {
  readonly title: string;
  readonly value: (row: Row) => number | undefined;
}

const rateColumn = (title: string, field: keyof Rates): Column => ({ title, value: ({ rates }) => rates?.[field] });

/** In this order, and in the words of `--sort`; where there is no room, the last go first. */
const COLUMNS: readonly Column[] = [
  { title: 'WEIGHT', value: ({ weight }) => weight },
  { title: 'ACTIVE', value: ({ active }) => active },
  { title: 'INACT', value: ({ inactive }) => inactive },
  rateColumn('CPS', 'connections'),
  rateColumn('INPPS', 'inPackets'),
  rateColumn('OUTPPS', 'outPackets'),
  rateColumn('INBPS', 'inBytes'),
  rateColumn('OUTBPS', 'outBytes'),
];

/** Room for names that columns must leave: `  10.100.100.10:8080`. */
const NAME_ROOM = 20;
/** Room for any number that is shortened. */
const NUMBER_ROOM = 5;
const NAME_TITLE = 'SERVICE / SERVER';
/** Stands where a value is not known. */
export const UNKNOWN = '-';

/** A number as it is. */
export const exact: NumberFormat = (value) => String(value);

/** At most five characters: from 100000 on in thousands (K), millions (M) and so on; what is cut off is not rounded. */
export const scaled: NumberFormat = (value) => {
  if (value < 100_000) return String(value);
  const power = Math.min(Math.floor((String(value).length - 1) / 3), UNITS.length);
  const tenths = Math.floor(value / (1000 ** power / 10));
  const digits = tenths < 1000 ? (tenths / 10).toFixed(1) : String(Math.floor(tenths / 10));
  return `${digits}${UNITS[power - 1]}`;
};

const UNITS = ['K', 'M', 'G', 'T', 'P', 'E'];

/** Lays rows out. */
export function layOut(rows: readonly Row[], { format, width }: ColumnStyle): Lines {
  const names = rows.map(({ kind, name, state = ' ' }) => (kind === 'server' ? `${state} ${name}` : name));
  const longest = names.reduce((most, { length }) => Math.max(most, length), NAME_TITLE.length);
  const columns = COLUMNS.map(({ title, value }) =>
    rightAligned(
      title,
      rows.map((row) => numberText(value(row), format)),
    ),
  );
  const shown = width === undefined ? columns : fitting(columns, width - Math.min(longest, NAME_ROOM));
  const room = width === undefined ? longest : Math.min(longest, width - widthOf(shown));
  const line = (name: string, index: number) =>
    shorten(name, room).padEnd(room) + shown.map(({ cells }) => cells[index]).join('');
  return { title: line(NAME_TITLE, 0), rows: names.map((name, index) => line(name, index + 1)) };
}

interface Cells {
  readonly width: number;
  /** The title, and a cell for each row. */
  readonly cells: readonly string[];
}

/** With a blank before each. */
function rightAligned(title: string, texts: readonly string[]): Cells {
  const cells = [title, ...texts];
  const width = 1 + cells.reduce((widest, { length }) => Math.max(widest, length), NUMBER_ROOM);
  return { width, cells: cells.map((cell) => cell.padStart(width)) };
}

function numberText(value: number | undefined, format: NumberFormat): string {
  return value === undefined ? UNKNOWN : format(value);
}

/** As many of the first as there is room for. */
function fitting(columns: readonly Cells[], room: number): readonly Cells[] {
  const tooMany = columns.findIndex((_, index) => widthOf(columns.slice(0, index + 1)) > room);
  return tooMany === -1 ? columns : columns.slice(0, tooMany);
}

function widthOf(columns: readonly Cells[]): number {
  return columns.reduce((total, { width }) => total + width, 0);
}

/** Without its middle, for which a tilde stands: the port at the end matters. */
function shorten(name: string, room: number): string {
  if (name.length <= room) return name;
  if (room < 2) return name.slice(0, Math.max(room, 0));
  const end = Math.floor((room - 1) / 2);
  return `${name.slice(0, room - 1 - end)}~${name.slice(name.length - end)}`;
}
