/**
 * Numbers as ipvsadm reads them.
 * @module
 */
import { CommandError } from './command-error.js';

/**
 * Decimal, as C's strtol reads it: blanks before it and a sign are allowed, nothing after it (ipvsadm.c 1.31,
 * `string_to_number`). Undefined for anything else, and outside the bounds.
 */
export function parseNumber(text: string, min: number, max: number): number | undefined {
  // Number() alone would also take nothing at all, `0x10`, `1e3`, `8.0` and blanks at the end. Not by a pattern: that
  // leaves garbage behind for every number of a restore.
  if (!isDigit(text.charCodeAt(text.length - 1))) return undefined;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (!isDigit(code) && !isBlankOrSign(code)) return undefined;
  }
  const number = Number(text);
  // The sum turns -0 into 0.
  return number >= min && number <= max ? number + 0 : undefined;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** One of ` \t\n\v\f\r+-`. */
function isBlankOrSign(code: number): boolean {
  return code === 0x20 || (code >= 0x09 && code <= 0x0d) || code === 0x2b || code === 0x2d;
}

/** {@link parseNumber}, or a {@link CommandError} with this message. */
export function readNumber(text: string, min: number, max: number, message: string): number {
  const number = parseNumber(text, min, max);
  if (number === undefined) throw new CommandError(message);
  return number;
}

/** As C's atoi: what follows the digits is ignored, no digits are 0. */
export function leadingNumber(text: string): number {
  return Number(/^[ \t\n\v\f\r]*([+-]?\d+)/.exec(text)?.[1] ?? 0);
}
