import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { completionScript } from '../../../src/cli/completion.js';
import { SHELLS, VERBS } from '../../../src/cli/verbs.js';
import { COMMANDS, OPTIONS } from '../../../src/ipvsadm/options.js';
import { CHOICES, IPVSADM_WORDS, VERB_OPTIONS, VERB_WORDS, wordPattern } from './documented-words.js';

const bash = completionScript('bash');

/** What bash does with a script; its own settings of the machine do not matter. */
function runBash(script: string, ...words: string[]): string {
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-uc', script, 'bash', ...words], {
    encoding: 'utf8',
  });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return stdout;
}

describe.each(['bash', 'zsh'] as const)('%s', (shell) => {
  const script = completionScript(shell);

  test('knows every command, option, verb and value', () => {
    const options = VERB_OPTIONS.map(([, { long }]) => `--${long}`);
    const words = [...IPVSADM_WORDS, ...VERB_WORDS, ...options, ...CHOICES];
    expect(words.filter((word) => !wordPattern(word).test(script))).toEqual([]);
  });
});

test.each(SHELLS)('the script of %s ends in a newline', (shell) => {
  expect(completionScript(shell)).toMatch(/\S\n$/);
});

describe('fish, which writes options without dashes', () => {
  const lines = completionScript('fish').split('\n');

  test.each([...COMMANDS, ...OPTIONS])('$long', ({ long, short }) => {
    const words = `${short.map((letter) => `-s ${letter} `).join('')}-l ${long} `;
    expect(lines.filter((line) => line.includes(`' ${words}`)).length).toBeGreaterThan(0);
  });

  test('knows verbs and values', () => {
    const script = lines.join('\n');
    expect([...VERB_WORDS, ...CHOICES].filter((word) => !wordPattern(word).test(script))).toEqual([]);
  });

  test.each(VERB_OPTIONS)('%s: %j', (verb, { long }) => {
    const start = `complete -c ipvs-ts -n '__ipvs_ts_verb ${verb}' `;
    expect(lines.filter((line) => line.startsWith(start) && line.includes(`-l ${long} `))).toHaveLength(1);
  });
});

test('zsh and fish quote what their words mean something to', () => {
  expect(completionScript('zsh')).toContain("keep the kernel'\\''s order");
  expect(completionScript('zsh')).toContain(':host[\\:port]: ');
  expect(completionScript('fish')).toContain("-d 'keep the kernel\\'s order'");
});

describe('bash completes', () => {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-completion-'));
    writeFileSync(join(directory, 'rules one'), '');
    writeFileSync(join(directory, 'rules-two'), '');
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  /** The replies to words that follow `ipvs-ts`, the last of which is under the cursor, split as readline splits them. */
  function complete(words: readonly string[], breaks = ' \t\n"\'><=;|&(:'): string[] {
    const script = `${bash}
      cd "$1"; COMP_WORDBREAKS=$2; shift 2
      COMP_WORDS=(ipvs-ts "$@"); COMP_CWORD=$#
      _ipvs_ts
      for reply in \${COMPREPLY[@]+"\${COMPREPLY[@]}"}; do printf '%s\\n' "$reply"; done`;
    return runBash(script, directory, breaks, ...words)
      .split('\n')
      .slice(0, -1);
  }

  const ALL_VERBS = VERBS.map(({ name }) => name);
  const SERVICE_SETTINGS = [
    ...['-s', '--scheduler', '-p', '--persistent', '-M', '--netmask', '--pe', '-o', '--ops', '-b', '--sched-flags'],
  ];
  const SERVICES = ['-t', '--tcp-service', '-u', '--udp-service', '--sctp-service', '-f', '--fwmark-service'];

  test('a script that bash can read', () => {
    const path = join(directory, 'script');
    writeFileSync(path, bash);
    expect(spawnSync('bash', ['-n', path], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });

  test('nothing: verbs and commands', () => {
    expect(complete([''])).toEqual([...ALL_VERBS, ...COMMANDS.map(({ long }) => `--${long}`)]);
  });

  test('a dash: every command, no option', () => {
    expect(complete(['-'])).toEqual(
      COMMANDS.flatMap(({ long, short }) => [...short.map((letter) => `-${letter}`), `--${long}`]),
    );
  });

  test.each<[what: string, words: string[], replies: string[]]>([
    ['the start of a verb', ['res'], ['restore']],
    ['the start of a long command', ['--s'], ['--save', '--set', '--start-daemon', '--stop-daemon']],
    ['the options of a command', ['-A', '-'], [...SERVICES, ...SERVICE_SETTINGS]],
    ['the same without a dash', ['--add-service', ''], [...SERVICES, ...SERVICE_SETTINGS]],
    ['no second service', ['-A', '-t', '192.0.2.1', ':', '80', '-'], SERVICE_SETTINGS],
    ['no second service behind a cluster', ['-At', '192.0.2.1', ':', '80', '-'], SERVICE_SETTINGS],
    ['-6 behind -f', ['-A', '-f', '5', '-'], ['-6', '--ipv6', ...SERVICE_SETTINGS]],
    ['schedulers', ['-A', '-t', '192.0.2.1', ':', '80', '-s', 'w'], ['wrr', 'wlc']],
    ['schedulers behind a cluster', ['-E', '-os', 'l'], ['lc', 'lblc', 'lblcr']],
    ['schedulers in the same word', ['-A', '--scheduler', '=', 's'], ['sh', 'sed']],
    ['nothing in place of a required value', ['-A', '-s', '-'], []],
    ['options in place of an optional value', ['-S', '-'], ['-n', '--numeric']],
    ['options behind -p', ['-A', '-f', '5', '-6', '-p', '--n'], ['--netmask']],
    ['scheduler flags', ['-A', '-b', 'mh-'], ['mh-fallback', 'mh-port']],
    ['scheduler flags behind a comma', ['-A', '-b', 'flag-1,sh-p'], ['flag-1,sh-port']],
    ['kinds of tunnels', ['-a', '-i', '--tun-type', ''], ['ipip', 'gue', 'gre']],
    ['kinds of tunnels in the same word', ['-a', '--tun-type', '=', 'g'], ['gue', 'gre']],
    ['kinds of tunnels behind =', ['-a', '--tun-type', '='], ['ipip', 'gue', 'gre']],
    ['no second checksum', ['-a', '--tun-csum', '--tun-'], ['--tun-type', '--tun-port']],
    ['daemon roles', ['--start-daemon', ''], ['master', 'backup']],
    ['daemon roles in the same word', ['--stop-daemon', '=', 'm'], ['master']],
    [
      'options of the daemon',
      ['--start-daemon', 'master', '--mcast-'],
      [...['--mcast-interface', '--mcast-group', '--mcast-port', '--mcast-ttl']],
    ],
    ['one subject of a list', ['-Lnc', '--t'], ['--thresholds', '--tun-info']],
    ['nothing for a command without options', ['-C', '-'], []],
    ['nothing where the command does not come first', ['-n', '-L', ''], []],
    ['options of a verb', ['restore', '--check', '-'], ['--replace', '--netns', '-h', '--help']],
    ['files', ['restore', 'rules'], ['rules one', 'rules-two']],
    ['files for ipvsadm: none', ['-R', 'rules'], []],
    ['one file only', ['restore', 'rules-two', 'rules'], []],
    ['a path of a network namespace', ['save', '--netns', './rules-'], ['./rules-two']],
    ['fields to sort by', ['top', '--sort', 'in'], ['inactive', 'inpps', 'inbps']],
    ['fields in the same word', ['connections', '--sort', '=', 's'], ['service', 'server', 'state']],
    ['states', ['connections', '--state', 'ES'], ['ESTABLISHED']],
    [
      'options behind a key',
      ['connections', '--service', 'tcp', ':', '//192.0.2.1', ':', '80', '--c'],
      [...['--client', '--count']],
    ],
    ['nothing for a key', ['connections', '--service', 'tcp', ':', ''], []],
    ['shells', ['completion', ''], ['bash', 'zsh', 'fish']],
    ['verbs to explain', ['help', 'res'], ['restore']],
    ['nothing for an unknown verb', ['frobnicate', '-'], []],
  ])('%s', (_, words, replies) => {
    expect(complete(words)).toEqual(replies);
  });

  test('whole words where readline does not break at = and :', () => {
    expect(complete(['-a', '-t', '192.0.2.1:80', '--tun-type=g'], ' \t\n')).toEqual([
      '--tun-type=gue',
      '--tun-type=gre',
    ]);
  });

  test('interfaces', () => {
    expect(complete(['--start-daemon', 'master', '--mcast-interface', 'lo'])).toContain('lo');
  });

  test('for all three programs', () => {
    expect(runBash(`${bash}\ncomplete -p ipvs-ts ipvs-ts-save ipvs-ts-restore`).split('\n')).toEqual([
      'complete -F _ipvs_ts ipvs-ts',
      "complete -W '-n' ipvs-ts-save",
      "complete -W '' ipvs-ts-restore",
      '',
    ]);
  });
});
