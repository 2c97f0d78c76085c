import { describe, expect, test } from 'vitest';
import { overview, verbHelp } from '../../../src/cli/help.js';
import { ipvsadmHelp, optionGroups } from '../../../src/cli/ipvsadm/ipvsadm-help.js';
import { VERBS } from '../../../src/cli/verbs.js';
import { OPTIONS } from '../../../src/ipvsadm/options.js';
import { IPVSADM_WORDS, VERB_OPTIONS, VERB_WORDS, wordPattern } from './documented-words.js';

const screen = overview(VERBS);
const ipvsadm = ipvsadmHelp();
const helpOf = (name: string) => VERBS.filter((verb) => verb.name === name).map(verbHelp)[0] ?? '';
const texts: [topic: string, text: string][] = [
  ['overview', screen],
  ['ipvsadm', ipvsadm],
  ...VERB_WORDS.map((name): [string, string] => [name, helpOf(name)]),
];

describe('the overview', () => {
  test('fits one screen of 24 lines, with one for the prompt', () => {
    expect(screen.trimEnd().split('\n').length).toBeLessThanOrEqual(23);
  });

  test.each(VERB_WORDS)('names %s', (verb) => {
    expect(screen).toMatch(wordPattern(verb));
  });

  test('shows the way on', () => {
    for (const words of ['help VERB', 'help ipvsadm', 'man ipvs-ts']) expect(screen).toContain(words);
  });
});

describe('the help about ipvsadm', () => {
  test.each(IPVSADM_WORDS)('has a line for %s', (word) => {
    expect(ipvsadm).toMatch(new RegExp(`^ {2,6}(-\\w, )*${word}[, \n]`, 'm'));
  });

  test('has exit codes and programs', () => {
    for (const code of [0, 1, 2, 255]) expect(ipvsadm).toMatch(new RegExp(`^ {2}${code} +\\w`, 'm'));
    expect(ipvsadm).toContain('ipvs-ts-save [-n]');
    expect(ipvsadm).toContain('ipvs-ts-restore');
  });

  test('shows one option as it is', () => {
    expect(ipvsadm).toContain('\n  -p, --persistent [seconds]      persistence timeout in seconds (default 360)\n');
    expect(ipvsadm).toContain('\n      --tun-type type             the kind of tunnel (default ipip)');
  });
});

describe('the help of verbs', () => {
  test.each(VERB_OPTIONS)('%s --%s', (verb, long, { placeholder }) => {
    expect(helpOf(verb)).toMatch(wordPattern(placeholder === undefined ? `--${long}` : `--${long} ${placeholder}`));
  });

  test('has choices, defaults and what may be repeated', () => {
    expect(helpOf('top')).toContain('(default: 2)');
    expect(helpOf('completion').replaceAll(/\s+/g, ' ')).toContain(
      'SHELL the shell that is to load it: bash, zsh, fish',
    );
    expect(helpOf('diff')).toContain('[--scope WHAT]... [--prune]');
    expect(helpOf('diff').replaceAll(/\s+/g, ' ')).toContain('(may be repeated)');
  });

  test('has the exit codes of the verb', () => {
    expect(helpOf('diff')).toMatch(/^ {2}2 +a difference, or services that are not in the file$/m);
    expect(helpOf('list')).toMatch(/^ {2}2 +usage error/m);
  });

  test('ends in one newline, whatever the topic', () => {
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

test('every option of ipvsadm is in one group', () => {
  const grouped = optionGroups().flatMap(({ options }) => options.map(({ long }) => long));
  expect(grouped.toSorted()).toEqual(OPTIONS.map(({ long }) => long as string).toSorted());
});
