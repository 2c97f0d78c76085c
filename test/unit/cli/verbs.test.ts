import { readdirSync, readFileSync } from 'node:fs';
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
import { settingsJsonSchema } from '../../../src/json/table.js';
import type { Kernel } from '../../../src/kernel/kernel.js';
import { IPVS_SYSCTL_NAMES } from '../../../src/model/ipvs-sysctls.js';
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

/** Runs verbs on one table in memory. */
function onSimulatedKernel(kernel: Kernel = new SimulatedKernel()) {
  return async (name: string, words: string[], input = '') => {
    const streams = { stdin: Readable.from([input]), stdout: new PassThrough(), stderr: new PassThrough() };
    const code = await runVerb(name, words, streams, { streams, open: () => Ipvs.open({ kernel }), env: {} });
    return { code, stdout: await text(streams.stdout.end()), stderr: await text(streams.stderr.end()) };
  };
}

describe('without run_estimation', () => {
  const rules = '-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 1\n';
  const words =
    'net.ipv4.vs.run_estimation is 0, or est_cpulist is empty: counters and rates stand still, and are not known';
  const kernel = new SimulatedKernel({ sysctls: { run_estimation: 0 } });
  const run = onSimulatedKernel(kernel);

  test('list --json has no statistics, rather than zeros', async () => {
    await run('restore', [], rules);
    const still = await run('list', ['--json']);
    expect(still).toMatchObject({ code: 0, stderr: `ipvs-ts: ${words}\n` });
    expect(still.stdout).toContain('"activeConnections": 0');
    expect(still.stdout).not.toContain('stats');
    kernel.setSysctls({ run_estimation: 1 });
    const counted = await run('list', ['--json']);
    expect(counted).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('"stats"') });
    kernel.setSysctls({ run_estimation: 0 });
  });

  test('top shows no rates, and says why', async () => {
    const { stdout } = await run('top', ['--once']);
    expect(stdout).toContain(`\n${words}\n`);
    expect(stdout).toContain('total/s: - conns, in - packets - bytes, out - packets - bytes\n');
    expect(stdout).toMatch(/^ {2}192\.0\.2\.11:80 +1 +0 +0 +- +- +- +- +-$/m);
  });
});

describe('settings --all', () => {
  async function* status(): AsyncGenerator<string> {
    yield 'Conns:\t3\nConn buckets:\t256 (8 bits, lfactor -4)\nConn buckets empty:\t253 (98%)\nConn buckets len-1:\t3 (100%)\n';
    yield 'Services:\t0\nStats thread slots:\t1 (max 50)\nStats chain max len:\t42\nStats thread ests:\t5\n';
  }
  const simulated = new SimulatedKernel({ sysctls: { conn_reuse_mode: 0 } });
  const run = onSimulatedKernel({
    socket: () => simulated.socket(),
    proc: (name) => (name === 'ip_vs_status' ? status() : simulated.proc(name)),
    ticksPerSecond: () => simulated.ticksPerSecond(),
    sysctl: (name) => simulated.sysctl(name),
  });

  test('shows the sysctls that there are, and the hash tables', async () => {
    const { stdout } = await run('settings', ['--all']);
    expect(stdout).toMatch(/^Timeout \(tcp tcpfin udp\): 900 120 300\nnet\.ipv4\.vs\.conn_reuse_mode = 0\n/);
    expect(stdout).toContain(
      'Connections: 3 in 256 buckets (lfactor -4): 253 empty, 3 with 1\nServices: 0\n' +
        'Estimation: 5 estimators, 1 of 50 slots, chains of 42 at most\n',
    );
    expect(stdout).not.toContain('conn_max');
    expect((await run('settings', [])).stdout).toBe('Timeout (tcp tcpfin udp): 900 120 300\n');
  });

  test('is part of the JSON', async () => {
    const json = settingsJsonSchema.parse(JSON.parse((await run('settings', ['--all', '--json'])).stdout));
    expect(json.sysctls).toMatchObject({ conn_reuse_mode: '0', run_estimation: '1' });
    expect(json.status).toMatchObject({ connections: 3, connectionTable: { buckets: 256, loadFactor: -4 } });
    const plain = settingsJsonSchema.parse(JSON.parse((await run('settings', ['--json'])).stdout));
    expect(plain).not.toHaveProperty('sysctls');
  });

  test('has a place for each sysctl in docs/tuning.md', () => {
    const page = readFileSync(new URL('../../../docs/tuning.md', import.meta.url), 'utf8');
    const rows = page.split('\n').filter((line) => line.startsWith('| `'));
    const named = rows.flatMap((row) => Array.from(row.split('|')[1]?.matchAll(/`(\w+)`/g) ?? [], ([, name]) => name));
    expect(named.toSorted()).toEqual([...IPVS_SYSCTL_NAMES].toSorted());
  });
});

describe('restore', () => {
  test('reads names of hosts and ports, as -R does', async () => {
    const run = onSimulatedKernel();
    const rules = '-A -t localhost:http -s rr\n-a -t localhost:http -r localhost:https -m\n-A -t 010.0.0.9:80\n';
    expect(await run('restore', ['--check'], rules)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await run('restore', ['--replace'], rules)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await run('save', [])).stdout).toBe(
      '-A -t 8.0.0.9:80 -s wlc\n-A -t 127.0.0.1:80 -s rr\n-a -t 127.0.0.1:80 -r 127.0.0.1:443 -m -w 1\n',
    );
    expect(await run('restore', [], '-A -t no-host.invalid:80')).toMatchObject({ code: 2 });
  });

  test('does not empty a table for want of rules', async () => {
    const run = onSimulatedKernel();
    await run('restore', [], '-A -f 1\n');
    expect(await run('restore', ['--replace'], '\n # nothing\n')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'ipvs-ts: restore: --replace would empty the table: there are no rules (--allow-empty)\n',
    });
    expect((await run('save', [])).stdout).toBe('-A -f 1 -s wlc\n');
    expect(await run('restore', ['--replace', '--allow-empty'])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await run('save', [])).stdout).toBe('');
  });
});

test('export writes the nearest of what a file cannot say, and says so', async () => {
  const run = onSimulatedKernel();
  await run('restore', [], '-A -t 192.0.2.1:80 -s wlc -p 0\n-A -t 192.0.2.1:81 -s wlc -o\n');
  const { code, stdout, stderr } = await run('export', []);
  expect([code, stderr]).toEqual([
    0,
    'ipvs-ts: not as it is: tcp://192.0.2.1:80: a persistence timeout of 0 s cannot be written: 1 s is taken\n' +
      'ipvs-ts: not as it is: tcp://192.0.2.1:81: one-packet scheduling has no effect on tcp, and is left out\n',
  ]);
  expect(await run('diff', ['-'], stdout)).toMatchObject({ code: 2, stderr: '' });
});

test('diff counts strays, and apply says where a file has no services', async () => {
  const run = onSimulatedKernel();
  await run('restore', [], '-A -f 1\n');
  const stray = '  fwmark://1 is not in the file, and stays (--prune deletes it)\n';
  expect(await run('diff', ['-'], 'services: []')).toEqual({ code: 2, stdout: stray, stderr: '' });
  expect(await run('apply', ['-'], 'services: []')).toEqual({ code: 0, stdout: stray, stderr: '' });
  expect(await run('diff', ['-', '--scope', 'fwmark:2'], 'services: []')).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(await run('apply', ['-'], 'version: 1')).toEqual({
    code: 0,
    stdout: '',
    stderr: 'ipvs-ts: the file has no services: those in the table stay\n',
  });
});

test('what a user typed does not reach the terminal raw', async () => {
  const run = onSimulatedKernel();
  const { stderr } = await run('\x1b[31mred', []);
  expect(stderr).toContain('\\u{1b}[31mred');
  const long = await run('top', ['--sort', 'x'.repeat(1_000_000)]);
  expect(long.stderr.length).toBeLessThan(5000);
});

test('an error of the system takes one line, whichever verb meets it', async () => {
  const run = onSimulatedKernel();
  const rules = '-A -f 1\n-a -f 1 -r 192.0.2.1 -m\n';
  expect(await run('simulate', ['-', '--chart', '/nowhere/x.svg', '--seconds', '1'], rules)).toEqual({
    code: 1,
    stdout: '',
    stderr: 'ipvs-ts: simulate: /nowhere/x.svg: no such file or directory\n',
  });
  const readers = [
    ['apply'],
    ['keep'],
    ['restore'],
    ['import'],
    ['simulate'],
    ['doctor', '--peer'],
    ['director', 'up', '-f'],
  ];
  for (const [name = '', ...words] of readers) {
    expect(await run(name, [...words, '/nowhere/x'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^ipvs-ts: [^\n]*\/nowhere\/x: no such file or directory\n$/),
    });
  }
});

test('simulate refuses what would run for hours', async () => {
  const run = onSimulatedKernel();
  expect(await run('simulate', ['-', '--rate', '1e9'], '-A -f 1\n-a -f 1 -r 192.0.2.1 -m\n')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('more than 10000000 connections'),
  });
});

test('verbs run on the table that the context opens', async () => {
  const run = onSimulatedKernel();
  const rules = '-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 1\n';
  expect(await run('restore', ['-'], rules)).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(await run('save', [])).toEqual({ code: 0, stdout: rules, stderr: '' });
  expect(await run('diff', ['-', '--prune'], 'services: []')).toMatchObject({
    code: 2,
    stdout: '- delete service tcp://192.0.2.1:80  (there, and not wanted)\n',
  });
});
