/** What `ipvs-ts __complete` answers, and the scripts of the shells that ask it, in those shells. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { complete } from '../../../src/cli/complete/complete.js';
import { COMPLETION_SCRIPTS } from '../../../src/cli/complete/scripts.js';
import { VERBS } from '../../../src/cli/verbs.js';
import { Ipvs } from '../../../src/ipvs.js';
import { COMMANDS } from '../../../src/ipvsadm/options.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';

const kernel = new SimulatedKernel();
const context = { open: () => Ipvs.open({ kernel }) };
beforeAll(async () => {
  await using ipvs = await context.open();
  await ipvs.restore(
    [
      '-A -t 192.0.2.1:80 -s rr',
      '-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 3',
      '-a -t 192.0.2.1:80 -r 192.0.2.12:80 -m',
      '-A -f 5 -s wlc',
      '-a -f 5 -r 192.0.2.13 -m',
    ].join('\n'),
  );
});

/** The lines for the words of a shell. */
async function lines(shell: string, words: readonly string[]): Promise<string[]> {
  return (await complete([shell, ...words], VERBS, context)).split('\n').slice(0, -1);
}

/** The candidates without their explanations. */
async function candidates(words: readonly string[], shell = 'zsh'): Promise<string[]> {
  return (await lines(shell, words)).map((line) => line.split('\t')[0] ?? '');
}

const ALL_VERBS = VERBS.map(({ name }) => name);
const SERVICE_SETTINGS = [
  ...['-s', '--scheduler', '-p', '--persistent', '-M', '--netmask', '--pe', '-o', '--ops', '-b', '--sched-flags'],
];
const SERVICES = ['-t', '--tcp-service', '-u', '--udp-service', '--sctp-service', '-f', '--fwmark-service'];

test('nothing yet: verbs and commands', async () => {
  expect(await candidates([''])).toEqual([...ALL_VERBS, ...COMMANDS.map(({ long }) => `--${long}`)]);
});

test('a dash: every command, no option', async () => {
  expect(await candidates(['-'])).toEqual(
    COMMANDS.flatMap(({ long, short }) => [...short.map((letter) => `-${letter}`), `--${long}`]),
  );
});

test.each<[what: string, words: string[], replies: string[]]>([
  ['the start of a verb', ['res'], ['restore']],
  ['the start of a long command', ['--s'], ['--save', '--set', '--start-daemon', '--stop-daemon']],
  ['the options of a command', ['-A', '-'], [...SERVICES, ...SERVICE_SETTINGS]],
  ['the same without a dash', ['--add-service', ''], [...SERVICES, ...SERVICE_SETTINGS]],
  ['no second service', ['-A', '-t', '192.0.2.1:80', '-'], SERVICE_SETTINGS],
  ['no second service behind a cluster', ['-At', '192.0.2.1:80', '-'], SERVICE_SETTINGS],
  ['no second service, glued to its letter', ['-A', '-t192.0.2.1:80', '-'], SERVICE_SETTINGS],
  ['-6 behind -f', ['-A', '-f', '5', '-'], ['-6', '--ipv6', ...SERVICE_SETTINGS]],
  ['schedulers', ['-A', '-t', '192.0.2.1:80', '-s', 'w'], ['wrr', 'wlc']],
  ['schedulers behind a cluster', ['-E', '-os', 'l'], ['lc', 'lblc', 'lblcr']],
  ['schedulers in the same word', ['-A', '--scheduler=s'], ['--scheduler=sh', '--scheduler=sed']],
  ['nothing in place of a required value', ['-A', '-s', '-'], []],
  ['options in place of an optional value', ['-S', '-'], ['-n', '--numeric']],
  ['options behind -p', ['-A', '-f', '5', '-6', '-p', '--n'], ['--netmask']],
  ['scheduler flags', ['-A', '-b', 'mh-'], ['mh-fallback', 'mh-port']],
  ['scheduler flags behind a comma', ['-A', '-b', 'flag-1,sh-p'], ['flag-1,sh-port']],
  ['kinds of tunnels', ['-a', '-i', '--tun-type', ''], ['ipip', 'gue', 'gre']],
  ['kinds of tunnels behind =', ['-a', '--tun-type='], ['--tun-type=ipip', '--tun-type=gue', '--tun-type=gre']],
  ['no second checksum', ['-a', '--tun-csum', '--tun-'], ['--tun-type', '--tun-port']],
  ['daemon roles', ['--start-daemon', ''], ['master', 'backup']],
  ['daemon roles in the same word', ['--stop-daemon=m'], ['--stop-daemon=master']],
  [
    'options of the daemon',
    ['--start-daemon', 'master', '--mcast-'],
    ['--mcast-interface', '--mcast-group', '--mcast-port', '--mcast-ttl'],
  ],
  ['one subject of a list', ['-Lnc', '--t'], ['--thresholds', '--tun-info']],
  ['nothing for a command without options', ['-C', '-'], []],
  ['nothing where the command does not come first', ['-n', '-L', ''], []],
  ['services of the table, for ipvsadm', ['-D', '-t', '192'], ['192.0.2.1:80']],
  ['marks of the table', ['-E', '-f', ''], ['5']],
  [
    'real servers of the table, for ipvsadm',
    ['-d', '-t', '192.0.2.1:80', '-r', ''],
    ['192.0.2.11:80', '192.0.2.12:80'],
  ],
  ['options of a verb', ['restore', '--check', '-'], ['--replace', '--allow-empty', '--netns', '-h', '--help']],
  ['options that may be repeated', ['diff', '--scope', 'x', '--sc'], ['--scope']],
  ['files', ['restore', 'rules'], [':files ']],
  ['files behind =', ['director', 'up', '--file=state'], [':files --file=']],
  ['one file only', ['restore', 'rules-two', 'rules'], []],
  ['a path of a network namespace', ['save', '--netns', './rules-'], [':files ']],
  ['fields to sort by', ['top', '--sort', 'in'], ['inactive', 'inpps', 'inbps']],
  ['fields in the same word', ['connections', '--sort=s'], ['--sort=service', '--sort=server', '--sort=state']],
  ['states', ['connections', '--state', 'ES'], ['ESTABLISHED']],
  ['services', ['connections', '--service', ''], ['tcp://192.0.2.1:80', 'fwmark://5']],
  ['real servers of a service', ['drain', '--service', 'fwmark://5', '--server', ''], ['192.0.2.13:0']],
  [
    'real servers of all',
    ['drain', '--server=192.0.2.1'],
    ['192.0.2.11:80', '192.0.2.12:80', '192.0.2.13:0'].map((server) => `--server=${server}`),
  ],
  ['shells', ['completion', ''], ['bash', 'zsh', 'fish']],
  ['verbs to explain', ['help', 'res'], ['restore']],
  ['ipvsadm to explain', ['help', 'ip'], ['ipvsadm']],
  ['nothing for an unknown verb', ['frobnicate', '-'], []],
])('%s', async (_, words, replies) => {
  expect((await candidates(words)).toSorted()).toEqual(replies.toSorted());
});

test('interfaces', async () => {
  expect(await candidates(['--start-daemon', 'master', '--mcast-interface', 'lo'])).toContain('lo');
});

test('explanations', async () => {
  expect(await lines('zsh', ['drain', '--service', 't'])).toEqual(['tcp://192.0.2.1:80\trr, 2 real servers']);
  expect(await lines('fish', ['top', '--on'])).toEqual(['--once\twrite one reading and end']);
});

test('a table that cannot be read offers nothing', async () => {
  const broken = { open: () => Promise.reject(new Error('no kernel')) };
  expect(await complete(['zsh', 'drain', '--service', ''], VERBS, broken)).toBe('');
});

test.each<[words: string[], replies: string[]]>([
  // readline breaks words at "=" and ":", and replaces what stands behind the last of them.
  [
    ['-A', '--scheduler', '=', 's'],
    ['sh', 'sed'],
  ],
  [
    ['-a', '--tun-type', '='],
    ['ipip', 'gue', 'gre'],
  ],
  [
    ['-A', '-t', '192.0.2.1', ':', '80', '--sche'],
    ['--scheduler', '--sched-flags'],
  ],
  [
    ['-a', '-t', '192.0.2.1:80', '--tun-type=g'],
    ['--tun-type=gue', '--tun-type=gre'],
  ],
  [['drain', '--service', 'tcp', ':', '//192'], ['//192.0.2.1:80']],
  [['drain', '--service', 'tcp', ':', '//192.0.2.1', ':'], ['80']],
  [
    ['connections', '--service', 'tcp', ':', '//192.0.2.1', ':', '80', '--c'],
    ['--client', '--count'],
  ],
  [['director', 'up', '--file', '=', 'st'], [':files ']],
])('bash %j', async (words, replies) => {
  expect(await candidates(words, 'bash')).toEqual(replies);
});

describe('in the shells', () => {
  let directory = '';
  beforeAll(async () => {
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
