/** What `ipvs-ts __complete` answers. */
import { beforeAll, expect, test } from 'vitest';
import { complete } from '../../../src/cli/complete/complete.js';
import { VERBS } from '../../../src/cli/verbs.js';
import { COMMANDS } from '../../../src/ipvsadm/options.js';
import { context, restoreTable } from './complete-context.js';

beforeAll(restoreTable);

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
