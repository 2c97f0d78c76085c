import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { boot } from '../lab/boot.js';
import { consumer, tools } from './packed.js';

const NODES = ['20.19', '22', '24'];
const RULES = '-A -t 192.0.2.10:80 -s wlc\n';

function nodeOf(version: string): string {
  return join(tools, `node-${version}/bin/node`);
}

describe.each(NODES)('installed without scripts, on Node %s', (version) => {
  function run(...args: string[]) {
    return spawnSync(nodeOf(version), args, { cwd: consumer, encoding: 'utf8' });
  }

  test('the simulated kernel is managed', () => {
    expect(run('simulated.mjs')).toMatchObject({ status: 0, stdout: RULES, stderr: '' });
  });

  test('the prebuilt addon is loaded', () => {
    const program = `
      import { linuxKernel, Ipvs } from 'ipvs-ts';
      await Ipvs.open({ source: 'netlink' }).then((ipvs) => ipvs.close(), () => {});
      console.log(process.report.getReport().sharedObjects.filter((path) => path.endsWith('.node')).join());`;
    const addon = 'node_modules/ipvs-ts/prebuilds/linux-x64/ipvs-ts.node';
    expect(run('--input-type=module', '--eval', program).stdout.trimEnd()).toMatch(new RegExp(`/${addon}$`));
  });

  test('require() gives the same names as import', () => {
    const program = "import('ipvs-ts').then((names) => console.log(require('ipvs-ts').Ipvs === names.Ipvs))";
    expect(run('--no-warnings', '--eval', program)).toMatchObject({ status: 0, stdout: 'true\n', stderr: '' });
  });

  test('the command runs', () => {
    const { stdout, status } = run('node_modules/.bin/ipvs-ts', '-v');
    expect({ stdout, status }).toEqual({ stdout: expect.stringMatching(/^ipvsadm v1\.31 /), status: 0 });
  });
});

test('a real kernel is managed on every Node', { timeout: 300_000 }, async () => {
  const commands = NODES.map(
    (version) => `${nodeOf(version)} real.mjs && ${nodeOf(version)} node_modules/.bin/ipvs-ts -Sn`,
  );
  const { exitCode, stdout, stderr } = await boot({
    program: 'sh',
    args: ['-ec', commands.join('\n')],
    cwd: consumer,
    timeout: 280_000,
  });
  const rules = `${RULES}-a -t 192.0.2.10:80 -r 10.0.0.11:80 -g -w 2\n`;
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: rules.repeat(NODES.length), stderr: '' });
});
