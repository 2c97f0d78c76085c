import { spawnSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { run } from '../../src/cli/run.js';
import { settingsJsonSchema } from '../../src/json/table.js';
import { useBoth } from './fixture.js';

const both = useBoth();

async function ipvsTs(line: string, input = '') {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(input);
  const output = Promise.all([text(stdout), text(stderr)]);
  const code = await run(line.split(' '), { stdin, stdout, stderr });
  stdout.end();
  stderr.end();
  const [out, err] = await output;
  return { code, stdout: out, stderr: err };
}

const FULL = `--set 901 121 301
--start-daemon master --mcast-interface lo --syncid 7 --sync-maxlen 1000 --mcast-group 224.0.0.90 --mcast-port 9000 --mcast-ttl 5
-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1 -x 100 -y 50
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1 -x 9
`;

afterEach(async () => {
  for (const { role } of await both.ipvs.daemons()) await both.ipvs.stopDaemon(role);
  await both.ipvs.setTimeouts({ tcp: 900, tcpFin: 120, udp: 300 });
});

describe('save and restore', () => {
  it('tell and take everything with --full, and ipvsadm takes it too', async () => {
    await both.ipvsadm.ok('-R', FULL);
    expect(await ipvsTs('save --full')).toEqual({ code: 0, stdout: FULL, stderr: '' });
    expect((await ipvsTs('save')).stdout).toBe(await both.ipvsadm.ok('-Sn'));
    await both.ipvs.setTimeouts({ tcp: 5 });
    expect(await ipvsTs('restore --replace', FULL)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await ipvsTs('save --full')).stdout).toBe(FULL);
  });

  it('change nothing with --check, and name the line that is wrong', async () => {
    expect(await ipvsTs('restore --check', FULL)).toEqual({ code: 0, stdout: '', stderr: '' });
    const wrong = '-A -t 192.0.2.1:80\n-A -t 192.0.2.2:0\n';
    for (const line of ['restore --check', 'restore', 'restore --replace']) {
      expect(await ipvsTs(line, wrong)).toEqual({
        code: 2,
        stdout: '',
        stderr: 'ipvs-ts: line 2: Zero port specified for non-persistent service: -A -t 192.0.2.2:0\n',
      });
    }
    expect(await both.ipvsadm.ok('-Sn')).toBe('');
  });

  it('tell what the kernel refused, by line, and exit with 1', async () => {
    const { code, stderr } = await ipvsTs('restore', '-A -t 192.0.2.1:80\n-A -t 192.0.2.1:80\n-A -f 1\n');
    expect(code).toBe(1);
    expect(stderr).toContain(
      '1 of 3 commands failed, the others were done: line 2: add service tcp://192.0.2.1:80: EEXIST',
    );
    expect(await both.ipvsadm.ok('-Sn')).toBe('-A -t 192.0.2.1:80 -s wlc\n-A -f 1 -s wlc\n');
  });

  it('of a file that is not there is a mistake', async () => {
    expect(await ipvsTs('restore /nonexistent')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('/nonexistent: no such file or directory'),
    });
  });
});

describe('the programs in place of ipvsadm-save and ipvsadm-restore', () => {
  const program = (name: string) => fileURLToPath(new URL(`../../dist/bin/ipvs-ts-${name}.cjs`, import.meta.url));
  const start = (name: string, words: string[], input = '') =>
    spawnSync(process.execPath, [program(name), ...words], { input, encoding: 'utf8' });

  it('save as ipvsadm-save does', async () => {
    await both.ipvsadm.ok('-R', FULL);
    const saved = await both.ipvsadm.ok('-Sn');
    expect(start('save', ['-n'])).toMatchObject({ status: 0, stdout: saved, stderr: '' });
    expect(start('save', ['-x'])).toMatchObject({ status: 1, stdout: '' });
  });

  it('restore in place of what is there, or not at all', async () => {
    await both.ipvsadm.ok('-A -f 9');
    expect(start('restore', [], '# rules\n-A -f 1\nnonsense\n')).toMatchObject({ status: 2 });
    expect(await both.ipvsadm.ok('-Sn')).toBe('-A -f 9 -s wlc\n');
    expect(start('restore', [], '# rules\n-A -f 1\n')).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(await both.ipvsadm.ok('-Sn')).toBe('-A -f 1 -s wlc\n');
  });
});

describe('list', () => {
  it('is what ipvsadm lists, or JSON', async () => {
    await both.ipvsadm.ok('-R', FULL);
    expect((await ipvsTs('list')).stdout).toBe(await both.ipvsadm.ok('-Ln'));
    const table: { source: string; services: unknown[] } = JSON.parse((await ipvsTs('list --json')).stdout);
    expect(table).toMatchObject({
      source: 'netlink',
      services: [{ service: { address: '192.0.2.1' }, stats: { inBytes: '0' }, destinations: [{}, {}] }],
    });
  });
});

describe('settings', () => {
  it('are what ipvsadm lists, or JSON', async () => {
    await both.ipvs.startDaemon({ role: 'master', interface: 'lo', syncId: 7 });
    try {
      const { stdout } = await ipvsTs('settings');
      expect(stdout).toBe((await both.ipvsadm.ok('-L --timeout')) + (await both.ipvsadm.ok('-L --daemon')));
      expect(stdout).toContain('master sync daemon (mcast=lo, syncid=7');
      expect(settingsJsonSchema.parse(JSON.parse((await ipvsTs('settings --json')).stdout))).toEqual({
        timeouts: await both.ipvs.timeouts(),
        daemons: await both.ipvs.daemons(),
      });
    } finally {
      await both.ipvs.stopDaemon('master');
    }
  });
});

describe('words', () => {
  it.each([
    ['nonsense', 'nonsense: there is no such verb'],
    ['save now', 'save: unexpected argument "now"'],
    ['restore --nope', 'restore: Unknown option'],
    ['top --sort nope', 'top: --sort must be'],
    ['completion tcsh', 'completion: SHELL must be bash, zsh or fish, not "tcsh"'],
  ])('that are wrong: %s', async (line, message) => {
    const { code, stdout, stderr } = await ipvsTs(line);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });

  it('for help, completion and version are answered', async () => {
    expect((await ipvsTs('help')).stdout).toContain('restore');
    expect((await ipvsTs('restore --help')).stdout).toContain('--replace');
    expect((await ipvsTs('completion bash')).stdout).toContain('complete ');
    expect((await ipvsTs('version')).stdout).toMatch(/^ipvs-ts \d+\.\d+\.\d+\n$/);
  });
});
