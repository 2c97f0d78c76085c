/** What long verbs say of the table when they are ended, and of what the kernel refuses meanwhile. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runVerb } from '../../../src/cli/run-verb.js';
import { Ipvs } from '../../../src/ipvs.js';
import type { Change } from '../../../src/model/change.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';

const OLD = '-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 5\n';
const WANTED = 'services: [{ service: tcp://192.0.2.2:80, forward: nat, destinations: [10.0.0.2] }]';

let directory: string;
const before = process.env['IPVS_TS_RUN_DIRECTORY'];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-signals-'));
  process.env['IPVS_TS_RUN_DIRECTORY'] = directory;
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  if (before === undefined) delete process.env['IPVS_TS_RUN_DIRECTORY'];
  else process.env['IPVS_TS_RUN_DIRECTORY'] = before;
});

/** As a terminal sends it. */
function ctrlC(): void {
  process.emit('SIGINT', 'SIGINT');
}

/** A run of a verb on a table, whose changes a test sees once they are made. */
async function run(kernel: SimulatedKernel, words: readonly string[], input = '', onChange?: (change: Change) => void) {
  const open = async () => {
    const ipvs = await Ipvs.open({ kernel });
    const apply = ipvs.apply.bind(ipvs);
    ipvs.apply = async (change, options) => {
      await apply(change, options);
      onChange?.(change);
    };
    return ipvs;
  };
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const output = Promise.all([text(stdout), text(stderr)]);
  const streams = { stdin: Readable.from([input]), stdout, stderr };
  const [verb = '', ...rest] = words;
  const code = await runVerb(verb, rest, streams, { streams, open, env: {} });
  stdout.end();
  stderr.end();
  const [out, err] = await output;
  return { code, stdout: out, stderr: err };
}

async function directorWith(rules: string, kernel = new SimulatedKernel()) {
  await using ipvs = await Ipvs.open({ kernel });
  await ipvs.restore(rules);
  return { kernel, rules: () => rulesOf(kernel) };
}

async function rulesOf(kernel: SimulatedKernel): Promise<string> {
  await using ipvs = await Ipvs.open({ kernel });
  return await ipvs.save();
}

describe('Ctrl-C in apply', () => {
  test('takes back what was done, and says that the table is as before', async () => {
    const { kernel, rules } = await directorWith(OLD);
    const ended = await run(kernel, ['apply', '-', '--prune'], WANTED, ctrlC);
    expect(ended).toEqual({
      code: 130,
      stdout: '',
      stderr: 'ipvs-ts: apply: ended by SIGINT: the table is as it was before\n',
    });
    expect(await rules()).toBe(OLD);
  });

  test('with --on-refusal stop, names what is in force and what was not tried', async () => {
    const { kernel, rules } = await directorWith(OLD);
    const ended = await run(kernel, ['apply', '-', '--prune', '--on-refusal', 'stop'], WANTED, ctrlC);
    expect(ended).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'ipvs-ts: ended before its time; in force: add service tcp://192.0.2.2:80, ' +
        'add destination 10.0.0.2:80 of tcp://192.0.2.2:80; not tried: delete service tcp://192.0.2.1:80\n',
    });
    expect(await rules()).toBe(`${OLD}-A -t 192.0.2.2:80 -s wlc\n-a -t 192.0.2.2:80 -r 10.0.0.2:80 -m -w 1\n`);
  });

  test('while a server drains, gives it its weight back', async () => {
    const { kernel, rules } = await directorWith(OLD);
    const opening = { protocol: 'tcp', virtual: { address: '192.0.2.1', port: 80 } } as const;
    kernel.connect({ ...opening, client: { address: '198.51.100.1', port: 1024 } });
    const onChange = (change: Change) => {
      if (change.verb === 'update-destination' && change.destination.weight === 0) ctrlC();
    };
    const words = ['apply', '-', '--prune', '--drain', '60'];
    expect(await run(kernel, words, 'services: []', onChange)).toMatchObject({
      code: 130,
      stderr: expect.stringContaining('the table is as it was before\n'),
    });
    expect(await rules()).toBe(OLD);
  });
});

test('keep says once that the kernel refused, and what', async () => {
  const { kernel } = await directorWith('', new SimulatedKernel({ schedulers: ['wlc'] }));
  const file = join(directory, 'state.yaml');
  writeFileSync(file, 'services: [{ service: tcp://192.0.2.1:80, scheduler: rr }, { service: tcp://192.0.2.2:80 }]');
  const { code, stdout } = await run(kernel, ['keep', file], '', ctrlC);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^refused: add service tcp:\/\/192\.0\.2\.1:80: [^\n]*rr/m);
  expect(stdout).not.toContain('refused: refused:');
  expect(stdout.match(/add service tcp:\/\/192\.0\.2\.1:80/g)).toHaveLength(1);
});
