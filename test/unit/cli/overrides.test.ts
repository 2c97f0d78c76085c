import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runVerb } from '../../../src/cli/run-verb.js';
import { Ipvs } from '../../../src/ipvs.js';
import { claimServices } from '../../../src/reconcile/keepers.js';
import { readOverrides, stateDirectory } from '../../../src/reconcile/overrides.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';

const KEY = 'tcp://192.0.2.1:80';
const SERVER = '10.0.0.1:80 of tcp://192.0.2.1:80';
const FILE = `services:\n  - service: ${KEY}\n    destinations: [{ address: 10.0.0.1, weight: 8 }]\n`;

let kernel: SimulatedKernel;
let ipvs: Ipvs;
let directory: string;
const before = process.env['IPVS_TS_RUN_DIRECTORY'];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-verbs-'));
  process.env['IPVS_TS_RUN_DIRECTORY'] = directory;
  kernel = new SimulatedKernel();
  ipvs = await Ipvs.open({ kernel });
  await ipvs.addService({ protocol: 'tcp', address: '192.0.2.1', port: 80 });
  await ipvs.addDestination(KEY, { address: '10.0.0.1', weight: 8 });
});
afterEach(async () => {
  await ipvs.close();
  rmSync(directory, { recursive: true });
  if (before === undefined) delete process.env['IPVS_TS_RUN_DIRECTORY'];
  else process.env['IPVS_TS_RUN_DIRECTORY'] = before;
});

async function ipvsTs(verb: string, words: readonly string[], stdin = '') {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const output = Promise.all([text(stdout), text(stderr)]);
  const streams = { stdin: Readable.from([stdin]), stdout, stderr };
  const code = await runVerb(verb, words, streams, { streams, open: () => Ipvs.open({ kernel }), env: {} });
  stdout.end();
  stderr.end();
  const [out, err] = await output;
  return { code, stdout: out, stderr: err };
}

const weightNow = async () => (await ipvs.listDestinations(KEY))[0]?.destination.weight;

describe('weight', () => {
  test('overrides, lists, and gives back', async () => {
    expect(await ipvsTs('weight', [KEY, '10.0.0.1', '50%', '--reason', 'new\ndisk'])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(await weightNow()).toBe(4);
    const line = `${SERVER}: 50 % of its weight, by `;
    expect((await ipvsTs('overrides', [])).stdout).toMatch(/ since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ: new disk\n$/);
    expect((await ipvsTs('overrides', [])).stdout).toContain(line);
    expect(JSON.parse((await ipvsTs('overrides', ['--json'])).stdout)).toMatchObject({
      keepers: [],
      overrides: [{ kind: 'weight', percent: 50, before: 8, reason: 'new\ndisk' }],
    });
    const ended = await ipvsTs('weight', [KEY, '10.0.0.1:80', '--reset']);
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining(line) });
    expect(ended.stdout).toMatch(/: ended, it has its weight again\n$/);
    expect(await weightNow()).toBe(8);
    expect(await ipvsTs('weight', [KEY, '10.0.0.1', '--reset'])).toEqual({
      code: 1,
      stdout: '',
      stderr: `${SERVER} has no override\n`,
    });
  });

  test('says who carries it out, and who does not', async () => {
    using _claim = await claimServices(stateDirectory(), { program: 'ipvs-ts keep web.yaml' });
    expect((await ipvsTs('weight', [KEY, '10.0.0.1', '5', '--for', '1h'])).stdout).toMatch(
      /^10\.0\.0\.1:80 of tcp:\/\/192\.0\.2\.1:80: ipvs-ts keep web\.yaml \(pid \d+, since .*\) sets the weight\n$/,
    );
    expect(await weightNow()).toBe(8);
    const [override] = readOverrides(stateDirectory());
    expect((override?.expires ?? 0) - (override?.since ?? 0)).toBe(3_600_000);
    expect((await ipvsTs('overrides', [])).stdout).toMatch(/^kept by ipvs-ts keep web\.yaml \(pid /);
    expect((await ipvsTs('weight', [KEY, '10.0.0.1', '--reset'])).stdout).toContain('the running keep puts it back');
    _claim[Symbol.dispose]();
    expect((await ipvsTs('weight', [KEY, '10.0.0.1', '5', '--for', '1h'])).stderr).toContain('no keep runs here');
  });

  test.each([
    [
      [KEY, '10.0.0.9', '5'],
      1,
      '10.0.0.9:80 of tcp://192.0.2.1:80: there is no such real server; nothing was changed\n',
    ],
    [[KEY, '10.0.0.1'], 2, 'needs N or --reset, and not both'],
    [[KEY, '10.0.0.1', '5', '--reset'], 2, 'needs N or --reset, and not both'],
    [[KEY, '10.0.0.1', '-5'], 2, ''],
    [[KEY, '10.0.0.1', '5kg'], 2, 'must be a weight (5) or percent (50%), not "5kg"'],
    [[KEY, '10.0.0.1', '9999999999'], 2, 'weight: must be a whole number from 0 to 2147483647'],
    [[KEY, '10.0.0.1', '5', '--for', 'long'], 2, 'must be a number of seconds, not "long"'],
    [[KEY, 'server', '5'], 2, 'must be ADDR or ADDR:PORT, not "server"'],
  ])('refuses %j', async (words, code, message) => {
    const result = await ipvsTs('weight', words);
    expect(result).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) });
    expect(await weightNow()).toBe(8);
    expect(readOverrides(stateDirectory())).toEqual([]);
  });
});

test('diff and apply count overrides as part of the file, and say so', async () => {
  await ipvsTs('weight', [KEY, '10.0.0.1', '3']);
  const stderr = expect.stringMatching(new RegExp(`^override: ${SERVER}: weight 3, by .*\n$`));
  expect(await ipvsTs('diff', ['-'], FILE)).toEqual({ code: 0, stdout: '', stderr });
  await ipvs.updateDestination(KEY, { address: '10.0.0.1', weight: 9, forward: 'dr' });
  expect(await ipvsTs('apply', ['-'], FILE)).toMatchObject({ code: 0, stderr });
  expect(await weightNow()).toBe(3);
  using _claim = await claimServices(stateDirectory(), { program: 'ipvs-ts keep web.yaml' });
  expect((await ipvsTs('diff', ['-'], FILE)).stderr).toContain('the table is kept by ipvs-ts keep web.yaml (pid ');
});

test('overrides clear ends all', async () => {
  await ipvsTs('weight', [KEY, '10.0.0.1', '3']);
  expect(await ipvsTs('drain', ['--service', KEY, '--server', '10.0.0.1', '--poll', '0.01', '--keep'])).toMatchObject({
    code: 0,
  });
  expect(await weightNow()).toBe(0);
  expect((await ipvsTs('overrides', ['clear'])).stdout.split('\n')).toHaveLength(3);
  expect(await weightNow()).toBe(8);
  expect(await ipvsTs('overrides', ['list'])).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(await ipvsTs('overrides', ['clear', '--json'])).toMatchObject({ code: 2 });
});

test('drain says plainly that a server was never there', async () => {
  expect(await ipvsTs('drain', ['--service', KEY, '--server', '10.0.0.9'])).toMatchObject({
    code: 1,
    stdout: '10.0.0.9:80 of tcp://192.0.2.1:80: there is no such real server; nothing was changed\n',
  });
});
