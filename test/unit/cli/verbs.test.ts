import { parseArgs } from 'node:util';
import { describe, expect, test } from 'vitest';
import { choiceProblem, findVerb, operandProblem, parseConfig, usageOf, VERBS } from '../../../src/cli/verbs.js';

describe('the table', () => {
  test('names every verb and option once', () => {
    const names = VERBS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { options } of VERBS) {
      const words = options.map(({ long }) => long);
      expect(new Set(words).size).toBe(words.length);
    }
  });

  test('has lines for people that begin small and end without a full stop', () => {
    for (const { help, options } of VERBS) {
      for (const line of [help, ...options.map((option) => option.help)]) expect(line).toMatch(/^[a-z"].*[^.]$/);
    }
  });

  test('has defaults that are choices', () => {
    for (const { options } of VERBS) {
      for (const option of options) {
        if ('default' in option && 'choices' in option) expect(option.choices).toContain(option.default);
      }
    }
  });

  test('offers help for every verb', () => {
    const help = findVerb('help')?.operand?.choices;
    expect(help).toEqual(VERBS.map(({ name }) => name));
  });

  test('finds a verb by its whole name only', () => {
    expect(findVerb('save')?.name).toBe('save');
    expect(findVerb('sav')).toBeUndefined();
    expect(findVerb('constructor')).toBeUndefined();
  });
});

describe('parseConfig', () => {
  test('reads the options of a verb, with their types', () => {
    const args = ['rules', '--replace', '--netns', 'blue'];
    const { values, positionals } = parseArgs({ ...parseConfig('restore'), args });
    const replace: boolean = values.replace;
    const netns: string | undefined = values.netns;
    expect([replace, values.check, netns, positionals]).toEqual([true, false, 'blue', ['rules']]);
  });

  test('fills in defaults', () => {
    const { values } = parseArgs({ ...parseConfig('top'), args: ['-h'] });
    const interval: string = values.interval;
    expect({ ...values, interval }).toEqual({ interval: '2', sort: 'cps', once: false, help: true });
  });

  test('knows no option of another verb', () => {
    expect(() => parseArgs({ ...parseConfig('save'), args: ['--check'] })).toThrow("Unknown option '--check'");
  });

  test.each(VERBS.map(({ name }) => name))('is one that parseArgs takes: %s', (name) => {
    expect(parseArgs({ ...parseConfig(name), args: [] }).positionals).toEqual([]);
  });
});

describe('what parseArgs does not check', () => {
  test('choices', () => {
    expect(choiceProblem('top', { sort: 'cps' })).toBeUndefined();
    expect(choiceProblem('connections', {})).toBeUndefined();
    expect(choiceProblem('connections', { sort: 'age', json: true })).toBe(
      '--sort must be client, service, server, state or expires, not "age"',
    );
  });

  test('values beyond the usual ones', () => {
    expect(choiceProblem('connections', { state: 'ERR!' })).toBeUndefined();
  });

  test.each([
    ['restore', [], undefined],
    ['restore', ['rules'], undefined],
    ['restore', ['rules', 'more'], 'unexpected word "more"'],
    ['save', ['rules'], 'unexpected word "rules"'],
    ['completion', [], 'SHELL is missing: bash, zsh or fish'],
    ['completion', ['tcsh'], 'SHELL must be bash, zsh or fish, not "tcsh"'],
    ['completion', ['zsh'], undefined],
    ['help', [], undefined],
    ['help', ['top'], undefined],
  ] as const)('the other words of %s: %j', (name, operands, problem) => {
    expect(operandProblem(name, operands)).toBe(problem);
  });
});

test('usage tells what may be left out', () => {
  const usage = (name: string) => usageOf(findVerb(name) ?? { name: '', options: [], help: '' }).join(' ');
  expect(usage('restore')).toBe('restore [FILE] [--check] [--replace] [--netns NAME]');
  expect(usage('completion')).toBe('completion SHELL');
});
