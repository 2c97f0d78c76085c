/**
 * What helps beside the message, for people: on a terminal only, so that scripts see ipvsadm's bytes and no more.
 * @module
 */
import { styleText } from 'node:util';
import { KernelError } from '../errors.js';
import { isTerminal } from './streams.js';

/** Writes why the kernel refused and what to do, where it is known and somebody looks. */
export function writeHint(error: unknown, stderr: NodeJS.WritableStream): void {
  if (!(error instanceof KernelError)) return;
  const words = [error.reason, error.hint].filter((part) => part !== undefined).join('; ');
  if (words !== '') writeRemark(words, stderr);
}

/** Writes what is good to know beside a result, where somebody looks. */
export function writeRemark(words: string, stderr: NodeJS.WritableStream): void {
  if (!isTerminal(stderr)) return;
  const colour = (process.env['NO_COLOR'] ?? '') === '';
  stderr.write(`${colour ? styleText('dim', words, { validateStream: false }) : words}\n`);
}
