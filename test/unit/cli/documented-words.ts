/**
 * Every word that both tables know: what help and manual must explain.
 * @module
 */
import type { OptionSpec } from '../../../src/cli/verb.js';
import { VERBS } from '../../../src/cli/verbs.js';
import { COMMANDS, OPTIONS } from '../../../src/ipvsadm/options.js';

/** `-A`, `--add-service` and so on: the commands and options of ipvsadm. */
export const IPVSADM_WORDS: readonly string[] = [...COMMANDS, ...OPTIONS].flatMap(({ long, short }) => [
  ...short.map((letter) => `-${letter}`),
  `--${long}`,
]);

/** The names of the verbs. */
export const VERB_WORDS: readonly string[] = VERBS.map(({ name }) => name);

/** A verb, and one of its options by its long name. */
export const VERB_OPTIONS: readonly (readonly [verb: string, long: string, option: OptionSpec])[] = VERBS.flatMap(
  ({ name, options }) => Object.entries(options).map(([long, option]) => [name, long, option] as const),
);

/** Finds a word where no letter or dash touches it. */
export function wordPattern(word: string): RegExp {
  return new RegExp(`(?<![\\w-])${word.replaceAll(/[.*+?^$()|[\]{}\\]/g, '\\$&')}(?![\\w-])`);
}
