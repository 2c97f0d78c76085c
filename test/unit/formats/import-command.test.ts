import { PassThrough, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runVerb } from '../../../src/cli/run-verb.js';
import { parseStateText } from '../../../src/config/read.js';

const LVS_CF = fileURLToPath(new URL('../../golden/import/lvs.cf', import.meta.url));

async function run(words: readonly string[], stdin = '') {
  const [stdout, stderr] = [new PassThrough({ encoding: 'utf8' }), new PassThrough({ encoding: 'utf8' })];
  const code = await runVerb('import', words, { stdin: Readable.from([stdin]), stdout, stderr });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

const RULES = '-A -t 10.0.0.1:80 -s rr\n-Z\n';

test('writes the state file, and what was not taken to standard error', async () => {
  const { out, err } = await run([LVS_CF]);
  expect(parseStateText(out).services).toHaveLength(3);
  expect(err.split('\n')[0]).toBe(`${LVS_CF}:1: not taken: serial_no: numbers the versions of this file`);
});

test('reads standard input', async () => {
  for (const words of [['-'], []]) {
    const { out, err } = await run(words, RULES);
    expect(parseStateText(out).services).toHaveLength(1);
    expect(err).toBe('standard input:2: not taken: -Z: counters are no part of a state\n');
  }
});

test('--json has both', async () => {
  const { out, err } = await run(['-', '--json', '--format', 'rules'], RULES);
  expect(JSON.parse(out)).toEqual({
    state: {
      services: [{ service: { protocol: 'tcp', address: '10.0.0.1', port: 80, scheduler: 'rr' }, destinations: [] }],
    },
    notTaken: [{ line: 2, key: '-Z', why: 'counters are no part of a state' }],
  });
  expect(err).toBe('');
});

test('names of ports are those of the system', async () => {
  const { out } = await run([], 'virtual = 10.0.0.1:https\n');
  expect(parseStateText(out).services).toMatchObject([{ service: { port: 443 } }]);
});

test.each([
  [['--format', 'xml'], '', 'import: --format must be keepalived, lvs.cf, ldirectord, ipvsctl or rules, not "xml"'],
  [[], 'hello', 'import: needs --format: keepalived'],
  [['--format', 'rules'], '-A -t x', 'standard input:1:1: -A -t x: illegal virtual server address[:port] specified'],
  [['/nowhere/lvs.cf'], '', 'import: /nowhere/lvs.cf: no such file or directory'],
])('refuses %j %j', async (words, text, message) => {
  expect(await run(words, text)).toEqual({ code: 2, out: '', err: expect.stringContaining(message) });
});

const TYPO = 'virtual_server 10.0.0.1 80 {\nprotocol TCP\nnat_mask 255.255.255.0\nreal_server 10.1.0.1 80 {\n}\n}\n';

test('goes on after what the other program passes over; --strict refuses it', async () => {
  const { code, out, err } = await run(['--format', 'keepalived'], TYPO);
  expect(code).toBe(0);
  expect(parseStateText(out).services).toHaveLength(1);
  expect(err).toBe(
    'standard input:3: not taken: nat_mask: keepalived does not know this word here and passes over it\n',
  );
  const strict = await run(['--format', 'keepalived', '--strict'], TYPO);
  expect(strict).toMatchObject({ code: 2, out: '' });
  expect(strict.err).toContain('standard input:3:1: nat_mask: keepalived does not know this word');
});

test('characters that a terminal obeys are spelled out, and long texts are cut', async () => {
  const word = `\u001b[2J\u2028${'x'.repeat(5000)}`;
  const { err } = await run(['--format', 'keepalived'], `${word} 1\n`);
  expect(err).toMatch(/^standard input:1: not taken: \\u\{1b\}\[2J\\u\{2028\}x+\.\.\. \(\d+ characters\): keepalived/);
  expect(err.length).toBeLessThan(500);
});
