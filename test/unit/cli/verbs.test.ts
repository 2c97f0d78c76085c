import { readdirSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { parseArguments } from '../../../src/cli/parse-verb.js';
import { runVerb } from '../../../src/cli/run-verb.js';
import { defineVerb } from '../../../src/cli/verb.js';
import { connections } from '../../../src/cli/verbs/connections.js';
import { restore } from '../../../src/cli/verbs/restore.js';
import { save } from '../../../src/cli/verbs/save.js';
import { top } from '../../../src/cli/verbs/top.js';
import { VERBS } from '../../../src/cli/verbs.js';
import { Ipvs } from '../../../src/ipvs.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';

describe('the table', () => {
  test('is the list of the files of verbs', () => {
    const files = readdirSync(new URL('../../../src/cli/verbs', import.meta.url));
    expect(files.map((file) => file.replace('.ts', '')).toSorted()).toEqual(VERBS.map(({ name }) => name).toSorted());
  });

  test('has lines that begin small and end without a full stop', () => {
    for (const { help, options } of VERBS) {
      const lines = [help, ...Object.values(options).map((option) => option.help)];
      for (const line of lines) expect(line).toMatch(/^[a-z"].*[^.]$/);
    }
  });

  test('has defaults that are choices', () => {
    for (const { options } of VERBS) {
      for (const option of Object.values(options)) {
        if ('default' in option && 'choices' in option) expect(option.choices).toContain(option.default);
      }
    }
  });
});

describe('arguments', () => {
  test('have the types of their options', () => {
    const args = parseArguments(restore, ['rules', '--replace', '--netns', 'blue']);
    const replace: boolean | undefined = args?.values.replace;
    const netns: string | undefined = args?.values.netns;
    const file: string | undefined = args?.operands.file;
    expect([replace, args?.values.check, netns, file]).toEqual([true, false, 'blue', 'rules']);
  });

  test('have defaults, and are read', () => {
    const interval: number | undefined = parseArguments(top, [])?.values.interval;
    expect(interval).toBe(2);
    expect(parseArguments(top, ['--interval', '0.5'])?.values).toMatchObject({
      interval: 0.5,
      sort: 'cps',
      once: false,
    });
    expect(() => parseArguments(top, ['--interval', '0'])).toThrow(
      '--interval must be a number of seconds from 0.1 to 86400, not "0"',
    );
  });

  test('may be repeated where the option says so, and are a list then', () => {
    const verb = defineVerb({
      name: 'try',
      group: 'Other',
      help: 'try',
      options: { number: { placeholder: 'N', many: true, read: Number, help: 'a number' } },
      run: async () => 0,
    });
    const numbers: readonly number[] | undefined = parseArguments(verb, ['--number', '1', '--number=2'])?.values.number;
    expect(numbers).toEqual([1, 2]);
    expect(parseArguments(verb, [])?.values.number).toEqual([]);
  });

  test('that ask for help may be wrong otherwise', () => {
    expect(parseArguments(top, ['--sort', 'nothing', 'surplus', '-h'])).toBeUndefined();
  });

  test('are those of the verb only', () => {
    expect(() => parseArguments(save, ['--check'])).toThrow("Unknown option '--check'");
    expect(() => parseArguments(save, ['rules'])).toThrow('unexpected argument "rules"');
    expect(() => parseArguments(restore, ['rules', 'more'])).toThrow('unexpected argument "more"');
  });

  test('are among the choices, unless there may be others', () => {
    expect(() => parseArguments(connections, ['--sort', 'age'])).toThrow(
      '--sort must be client, service, server, state or expires, not "age"',
    );
    expect(parseArguments(connections, ['--state', 'ERR!'])?.values.state).toBe('ERR!');
  });

  test.each([
    ['completion', [], 'SHELL is missing: bash, zsh or fish'],
    ['completion', ['tcsh'], 'SHELL must be bash, zsh or fish, not "tcsh"'],
    ['diff', [], 'FILE is missing: the desired state, in YAML or JSON; "-" is standard input'],
  ])('that are missing or wrong: %s %j', (name, words, message) => {
    const verb = VERBS.find((known) => known.name === name) ?? save;
    expect(() => parseArguments(verb, words)).toThrow(message);
  });
});

test('verbs run on the table that the context opens', async () => {
  const kernel = new SimulatedKernel();
  const run = async (name: string, words: string[], input = '') => {
    const streams = { stdin: Readable.from([input]), stdout: new PassThrough(), stderr: new PassThrough() };
    const code = await runVerb(name, words, streams, { streams, open: () => Ipvs.open({ kernel }), env: {} });
    return { code, stdout: await text(streams.stdout.end()), stderr: await text(streams.stderr.end()) };
  };
  const rules = '-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 1\n';
  expect(await run('restore', ['-'], rules)).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(await run('save', [])).toEqual({ code: 0, stdout: rules, stderr: '' });
  expect(await run('diff', ['-', '--prune'], 'services: []')).toMatchObject({
    code: 2,
    stdout: '- delete service tcp://192.0.2.1:80  (there, and not wanted)\n',
  });
});
