/**
 * Every word that both tables know: what help, manual and completion must tell.
 * @module
 */

import { VERBS, type VerbOptionSpec } from '../../../src/cli/verbs.js';
import { COMMANDS, OPTIONS } from '../../../src/ipvsadm/options.js';

/** `-A`, `--add-service` and so on: the commands and options of ipvsadm. */
export const IPVSADM_WORDS: readonly string[] = [...COMMANDS, ...OPTIONS].flatMap(({ long, short }) => [
  ...short.map((letter) => `-${letter}`),
  `--${long}`,
]);

/** The names of the verbs. */
export const VERB_WORDS: readonly string[] = VERBS.map(({ name }) => name);

/** A verb, and the words of one of its options. */
export const VERB_OPTIONS: readonly (readonly [verb: (typeof VERBS)[number]['name'], option: VerbOptionSpec])[] =
  VERBS.flatMap(({ name, options }) => options.map((option): [typeof name, VerbOptionSpec] => [name, option]));

/** The values that both tables know. */
export const CHOICES: readonly string[] = [
  ...[...COMMANDS, ...OPTIONS].flatMap((spec) => ('choices' in spec ? [...spec.choices] : [])),
  ...VERB_OPTIONS.flatMap(([, { choices = [] }]) => [...choices]),
];

/** Finds a word where no letter or dash touches it. */
export function wordPattern(word: string): RegExp {
  return new RegExp(`(?<![\\w-])${word.replaceAll(/[.*+?^$()|[\]{}\\]/g, '\\$&')}(?![\\w-])`);
}
