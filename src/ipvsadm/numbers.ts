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
  if (!/^[ \t\n\v\f\r]*[+-]?\d+$/.test(text)) return undefined;
  const number = Number(text);
  // The sum turns -0 into 0.
  return number >= min && number <= max ? number + 0 : undefined;
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
