import { describe, expect, test } from 'vitest';
import { helpText, optionGroups } from '../../../src/cli/help.js';
import { VERBS } from '../../../src/cli/verbs.js';
import { OPTIONS } from '../../../src/ipvsadm/options.js';
import { IPVSADM_WORDS, VERB_OPTIONS, VERB_WORDS, wordPattern } from './documented-words.js';

const whole = helpText();
const texts: [verb: string, text: string][] = [
  ['all', whole],
  ...VERBS.map(({ name }): [string, string] => [name, helpText(name)]),
];

describe('the help as a whole', () => {
  test.each(IPVSADM_WORDS)('has a line for %s', (word) => {
    expect(whole).toMatch(new RegExp(`^ {2,6}(-\\w, )*${word}[, \n]`, 'm'));
  });

  test.each(VERB_WORDS)('has a line for %s', (verb) => {
    expect(whole).toMatch(new RegExp(`^ {2}${verb}( |$)`, 'm'));
  });

  test('tells exit codes and programs', () => {
    for (const code of [0, 1, 2, 255]) expect(whole).toMatch(new RegExp(`^ {2}${code} +\\w`, 'm'));
    expect(whole).toContain('ipvs-ts-save [-n]');
    expect(whole).toContain('ipvs-ts-restore');
  });

  test('shows one option as it is', () => {
    expect(whole).toContain('\n  -p, --persistent [seconds]      keep a client at its real server for so long\n');
    expect(whole).toContain('\n      --tun-type type             the kind of tunnel (default ipip)');
  });
});

describe('the help of verbs', () => {
  test.each(VERB_OPTIONS)('%s: %j', (verb, { long, placeholder }) => {
    expect(helpText(verb)).toMatch(wordPattern(placeholder === undefined ? `--${long}` : `--${long} ${placeholder}`));
  });

  test('tells choices and defaults', () => {
    expect(helpText('top')).toContain('(default: 2)');
    expect(helpText('completion').replaceAll(/\s+/g, ' ')).toContain(
      'SHELL the shell to write it for: bash, zsh, fish',
    );
  });

  test('ends in one newline, whatever the verb', () => {
    for (const [, text] of texts) expect(text).toMatch(/\S\n$/);
  });
});

test.each(texts)('fits into 80 columns, without blanks at the ends of lines: %s', (_, text) => {
  for (const line of text.split('\n')) {
    expect(line.length).toBeLessThanOrEqual(80);
    expect(line).toBe(line.trimEnd());
  }
});

test.each(texts)('is aligned: %s', (_, text) => {
  // An explanation that goes on stands below where it began.
  for (const line of text.split('\n').filter((line) => /^ {24,}/.test(line))) expect(line).toMatch(/^ {34}\S/);
});

test('every option is in one group', () => {
  const grouped = optionGroups().flatMap(({ options }) => options.map(({ long }) => long));
  expect(grouped.toSorted()).toEqual(OPTIONS.map(({ long }) => long as string).toSorted());
});
