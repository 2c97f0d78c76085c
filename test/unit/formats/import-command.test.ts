import { PassThrough, Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { importFile } from '../../../src/cli/import.js';
import { readStateFile } from '../../../src/config/read.js';

const LVS_CF = fileURLToPath(new URL('../../golden/import/lvs.cf', import.meta.url));

async function run(operand: string | undefined, values: { format?: string; json?: boolean } = {}, stdin = '') {
  const [stdout, stderr] = [new PassThrough({ encoding: 'utf8' }), new PassThrough({ encoding: 'utf8' })];
  await importFile({ values, operand }, { stdin: Readable.from([stdin]), stdout, stderr });
  return { out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

const RULES = '-A -t 10.0.0.1:80 -s rr\n-Z\n';

test('writes the state file, and what was not taken to standard error', async () => {
  const { out, err } = await run(LVS_CF);
  expect(readStateFile(out).services).toHaveLength(3);
  expect(err.split('\n')[0]).toBe(`${LVS_CF}:1: not taken: serial_no: numbers the versions of this file`);
});

test('reads standard input', async () => {
  for (const operand of ['-', undefined]) {
    const { out, err } = await run(operand, {}, RULES);
    expect(readStateFile(out).services).toHaveLength(1);
    expect(err).toBe('standard input:2: not taken: -Z: counters are no part of a state\n');
  }
});

test('--json has both', async () => {
  const { out, err } = await run('-', { json: true, format: 'rules' }, RULES);
  expect(JSON.parse(out)).toEqual({
    state: {
      services: [{ service: { protocol: 'tcp', address: '10.0.0.1', port: 80, scheduler: 'rr' }, destinations: [] }],
    },
    notTaken: [{ line: 2, key: '-Z', why: 'counters are no part of a state' }],
  });
  expect(err).toBe('');
});

test('names of ports are those of the system', async () => {
  const { out } = await run('-', {}, 'virtual = 10.0.0.1:https\n');
  expect(readStateFile(out).services).toMatchObject([{ service: { port: 443 } }]);
});

test.each([
  [{ format: 'xml' }, '', 'import: --format must be one of keepalived, lvs.cf, ldirectord, ipvsctl, rules, not "xml"'],
  [{}, 'hello', 'import: say with --format which it is: keepalived'],
  [{ format: 'rules' }, '-A -t x', 'standard input:1:1: -A -t x: illegal virtual server address[:port] specified'],
])('refuses %j %j', async (values, text, message) => {
  await expect(run('-', values, text)).rejects.toThrow(message);
});

test('a file that is not there is named', async () => {
  await expect(run('/nowhere/lvs.cf')).rejects.toThrow("no such file or directory, open '/nowhere/lvs.cf'");
});
