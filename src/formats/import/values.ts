/**
 * Words of a file -> numbers. What is no number becomes NaN, which the model refuses in its own words.
 * @module
 */
import type { Names } from '../../ipvsadm/names.js';
import type { Protocol } from '../../model/service-key.js';
import type { Place, Report } from './report.js';

/** `80` -> 80. */
export function decimal(text = ''): number {
  return /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** As C's strtol reads with base 0: `0x50` is 80, and so is `0120`. */
export function anyBase(text = ''): number {
  if (/^0x[\da-f]+$/i.test(text)) return Number(text);
  return /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : decimal(text);
}

/** A port by number or name. Where there is no such name it finds a mistake, and gives 0. */
export function portOf(text: string, protocol: Protocol, names: Names, place: Place, report: Report): number {
  const port = /^\d+$/.test(text) ? inRange(Number(text)) : names.port(text, protocol);
  if (port === undefined) report.refuse(place, `"${text}" is not a port, and not the name of one`);
  return port ?? 0;
}

function inRange(port: number): number | undefined {
  return port <= 65535 ? port : undefined;
}
