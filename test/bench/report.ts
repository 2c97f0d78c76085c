/**
 * The results as a table for the terminal.
 */

import { number, spread, targetWords } from './figures.js';
import type { Results, Row } from './results.js';
import { figure, type Ratio, ratio, type Verdict, verdicts } from './statistics.js';

const HEADINGS = ['', 'unit', 'SDK', 'ipvsadm', 'C', 'ipvsadm / SDK', 'SDK / C'];

/** The sides that have columns. The others are told below the row. */
export const SIDES = ['sdk', 'ipvsadm', 'bound'];

/** All rows, then the targets. */
export function terminalReport({ rows }: Results): string {
  const lines = rows.flatMap((row) => [cellsOf(row), ...othersOf(row)]);
  const targets = verdicts(rows).map(verdictLine);
  return [
    ...align([HEADINGS, ...lines]),
    '',
    'Medians of the rounds; of the ratios of each round the median, and the least and the most.',
    ...(targets.length > 0 ? ['', ...targets] : []),
    '',
  ].join('\n');
}

function cellsOf(row: Row): string[] {
  return [
    row.name,
    row.unit,
    ...SIDES.map((side) => cell(figure(row, side))),
    spreadCell(ratio(row, 'ipvsadm', 'sdk')),
    spreadCell(ratio(row, 'sdk', 'bound')),
  ];
}

/** A line for each side without a column, and one for the first round. */
function othersOf(row: Row): string[][] {
  const others = Object.keys(row.samples).filter((side) => !SIDES.includes(side));
  const lines = others.map((side) => [`  ${side}`, row.unit, cell(figure(row, side))]);
  return row.cold
    ? [...lines, ['  first round', row.unit, ...SIDES.map((side) => cell(row.samples[side]?.[0]))]]
    : lines;
}

function cell(value: number | undefined): string {
  return value === undefined ? '' : number(value);
}

function spreadCell(value: Ratio | undefined): string {
  return value === undefined ? '' : spread(value);
}

function verdictLine(verdict: Verdict): string {
  return `${verdict.met ? 'met   ' : 'MISSED'}  ${verdict.row.name}: ${targetWords(verdict)}`;
}

/** The first column to the left, the others to the right. */
function align(lines: readonly (readonly string[])[]): string[] {
  const widths = HEADINGS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines.map((line) =>
    widths
      .map((width, column) => (column === 0 ? (line[0] ?? '').padEnd(width) : (line[column] ?? '').padStart(width)))
      .join('  ')
      .trimEnd(),
  );
}
