/**
 * Numbers and addresses as keepalived reads them (2.2.7, lib/parser.c `read_unsigned`, lib/utils.c `inet_stosockaddr`).
 * @module
 */
import { formatIP, parseIP } from '../../address/ip.js';
import type { Place, Report } from './report.js';

/** What a number may be, and what follows it. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
  /** Whether what stands behind the digits ends the value, as `5;` is 5, and a word without digits is 0. */
  readonly isLoose?: boolean;
}

/** A number, or undefined where keepalived ignores the text; what is not as it is written is told. */
export function unsigned(text: string, range: NumberRange, place: Place, report: Report): number | undefined {
  const { min, max, isLoose = false } = range;
  const [, digits = '', rest = ''] = /^[ \t\n\v\f\r]*\+?(\d*)(.*)$/s.exec(text) ?? [];
  const number = Number(digits);
  if (number < min || number > max || (rest !== '' && !isLoose) || /^\s*-/.test(text)) {
    report.passOver(place, `must be a whole number from ${min} to ${max}: keepalived ignores "${text}"`);
    return undefined;
  }
  if (rest !== '') report.passOver(place, `keepalived reads "${text}" as ${number}`);
  return number;
}

/** A missing port and port 0 are the same. Undefined where keepalived leaves out what has this port. */
export function portOf(text: string | undefined, place: Place, report: Report): number | undefined {
  if (text === undefined || /^0*$/.test(text)) return 0;
  return unsigned(text, { min: 1, max: 65535, isLoose: true }, place, report);
}

/** An address in this library's form. What stands behind a slash or a dash does not count, and is told. */
export function addressOf(text: string, place: Place, report: Report): string | undefined {
  const [address = ''] = text.split(/[-/]/);
  const bytes = parseIP(address);
  if (bytes === undefined) return undefined;
  if (address !== text) report.passOver(place, `keepalived reads "${text}" as ${address}`);
  return formatIP(bytes);
}
