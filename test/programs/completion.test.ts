/** The scripts for completion, in their shells. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { complete } from '../../src/cli/complete/complete.js';
import { COMPLETION_SCRIPTS } from '../../src/cli/complete/scripts.js';
import { VERBS } from '../../src/cli/verbs.js';
import { context, restoreTable } from '../unit/cli/complete-context.js';

describe('completion', () => {
  let directory = '';
  beforeAll(async () => {
    await restoreTable();
    directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-completion-'));
    writeFileSync(join(directory, 'rules one'), '');
    writeFileSync(join(directory, 'rules-two'), '');
    // Answers recorded from the command, since the shells only carry questions and answers.
    const recorded = new Map<string, string>();
    for (const [shell, words] of [
      ...['bash', 'zsh', 'fish'].flatMap((shell): [string, string[]][] => [
        [shell, ['sav']],
        [shell, ['top', '--sort', 'in']],
        [shell, ['restore', 'rul']],
        [shell, ['drain', '--server=192.0.2.11']],
      ]),
      ...['zsh', 'fish'].map((shell): [string, string[]] => [shell, ['drain', '--service', 'tcp:']]),
      ['bash', ['drain', '--service', 'tcp', ':']],
      ['bash', ['drain', '--server', '=', '192.0.2.11']],
    ] as [string, string[]][])
      recorded.set(['__complete', shell, ...words].join('|'), await complete([shell, ...words], VERBS, context));
    const cases = Array.from(recorded, ([words, answer]) => `'${words}') printf '%s' '${answer}' ;;`);
    const program = join(directory, 'ipvs-ts');
    writeFileSync(program, `#!/bin/sh\nIFS='|'\ncase "$*" in\n${cases.join('\n')}\nesac\n`);
    chmodSync(program, 0o755);
    for (const [shell, script] of Object.entries(COMPLETION_SCRIPTS)) {
      writeFileSync(join(directory, shell === 'zsh' ? '_ipvs-ts' : `completion.${shell}`), script);
    }
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  function output(shell: string, words: readonly string[]): string {
    const { stdout, stderr, status, error } = spawnSync(shell, words, {
      cwd: directory,
      encoding: 'utf8',
      env: { PATH: `${directory}:${process.env['PATH']}`, HOME: directory, TERM: 'dumb', LC_ALL: 'C.UTF-8' },
    });
    expect({ stderr, status, error }).toEqual({ stderr: '', status: 0, error: undefined });
    return stdout;
  }

  /** What bash offers for words as readline splits them. */
  function inBash(...words: string[]): string[] {
    const script = `source completion.bash
      COMP_WORDS=(ipvs-ts "$@"); COMP_CWORD=$#
      _ipvs_ts ipvs-ts
      for reply in \${COMPREPLY[@]+"\${COMPREPLY[@]}"}; do printf '%s\\n' "$reply"; done`;
    return output('bash', ['--norc', '-uc', script, 'bash', ...words])
      .split('\n')
      .slice(0, -1);
  }

  test('bash', () => {
    expect(inBash('sav')).toEqual(['save']);
    expect(inBash('top', '--sort', 'in')).toEqual(['inactive', 'inpps', 'inbps']);
    expect(inBash('restore', 'rul').toSorted()).toEqual(['rules one', 'rules-two']);
    expect(inBash('drain', '--service', 'tcp', ':')).toEqual(['//192.0.2.1:80']);
    expect(inBash('drain', '--server', '=', '192.0.2.11')).toEqual(['192.0.2.11:80']);
    expect(output('bash', ['--norc', '-c', 'source completion.bash; complete -p ipvs-ts ipvs-ts-save'])).toBe(
      "complete -F _ipvs_ts ipvs-ts\ncomplete -W '-n' ipvs-ts-save\n",
    );
  });

  test('shellcheck finds nothing in the script for bash', () => {
    expect(output('shellcheck', ['completion.bash'])).toBe('');
  });

  test('fish', () => {
    const ask = (line: string) =>
      output('fish', ['--no-config', '-c', `source completion.fish; complete -C '${line}'`])
        .split('\n')
        .slice(0, -1);
    expect(ask('ipvs-ts sav')).toEqual(['save\twrite the table as rules to standard output']);
    expect(ask('ipvs-ts top --sort in').toSorted()).toEqual(['inactive', 'inbps', 'inpps']);
    expect(ask('ipvs-ts restore rul').map((line) => line.split('\t')[0])).toEqual(['rules one', 'rules-two']);
    expect(ask('ipvs-ts drain --service tcp:')).toEqual(['tcp://192.0.2.1:80\trr, 2 real servers']);
    expect(ask('ipvs-ts drain --server=192.0.2.11')).toEqual(['--server=192.0.2.11:80\tweight 3']);
  });

  test('zsh', () => {
    // zsh completes in its line editor only: a shell on a terminal of its own prints what a tab makes of each line.
    const lines = ['sav', 'top --sort in', 'restore rul', 'drain --service tcp:', 'drain --server=192.0.2.11'];
    const setUp = [
      'PS1=; fpath=(. $fpath); autoload -Uz compinit _ipvs-ts; compinit -u -D; compdef _ipvs-ts ipvs-ts',
      'show() { print -r -- "<<$BUFFER>>"; BUFFER=; zle accept-line }; zle -N show; bindkey "^X" show; print READY',
    ];
    const script = `
      zmodload zsh/zpty
      zpty shell 'zsh -f -i'
      zpty -w shell '${setUp.join('; ')}'
      zpty -r shell text '*READY*READY*'
      for line in "$@"; do
        zpty -w -n shell "ipvs-ts $line"$'\\t'$'\\x18'
        zpty -r shell text '*>>*'
        print -r -- "$text"
      done
      zpty -d shell`;
    const shown = output('zsh', ['-f', '-c', script, 'zsh', ...lines]).matchAll(/<<(.*?)>>/gs);
    expect(Array.from(shown, ([, line]) => line)).toEqual([
      'ipvs-ts save ',
      'ipvs-ts top --sort in',
      expect.stringMatching(/^ipvs-ts restore rules/),
      'ipvs-ts drain --service tcp://192.0.2.1:80 ',
      'ipvs-ts drain --server=192.0.2.11:80 ',
    ]);
  });
});
