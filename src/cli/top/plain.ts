/**
 * `top` where there is no terminal: a block of lines for each reading, every number as it is.
 * @module
 */

import { exact, layOut } from './columns.js';
import { sourceNote, summary } from './frame.js';
import type { Reading } from './reading.js';
import { rowsOf } from './rows.js';
import type { TopSort } from './sorts.js';

/** The text of one reading: when, the director, a title, a line for each service and real server. */
export function plainBlock(reading: Reading, sort: TopSort, fallback?: string): string {
  const rows = rowsOf(reading, { sort, filter: '' });
  const { title, rows: lines } = layOut(rows, { format: exact });
  const note = sourceNote(reading, fallback);
  return [
    `ipvs-ts top  ${reading.at.toISOString()}`,
    ...summary(reading, exact),
    ...(note === undefined ? [] : [note]),
    title,
    ...lines,
    '',
  ].join('\n');
}
