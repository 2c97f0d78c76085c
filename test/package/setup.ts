import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkoutRoot } from '../lab/checkout.js';
import { consumer, tarball, tools, workspace } from './packed.js';

/** Once for all files: packs what dist and prebuilds hold, and installs that as a user would who lets no script run. */
export default function setup(): void {
  // Forced: one of the Nodes is for another CPU.
  if (!toolsAreInstalled()) npm(dirname(tools), 'ci', '--ignore-scripts', '--force');
  execFileSync(process.execPath, ['scripts/prebuild.mjs'], {
    cwd: checkoutRoot,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  rmSync(workspace, { recursive: true, force: true });
  mkdirSync(workspace, { recursive: true });
  // The script before packing would build dist anew; that the addons are there is all that is left of it.
  npm(checkoutRoot, 'pack', '--ignore-scripts', '--pack-destination', workspace);
  cpSync(join(checkoutRoot, 'test/package/consumer'), consumer, { recursive: true });
  writeFileSync(
    join(consumer, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies: { 'ipvs-ts': `file:${tarball()}` } }),
  );
  npm(consumer, 'install', '--ignore-scripts');
}

function toolsAreInstalled(): boolean {
  const { dependencies } = JSON.parse(readFileSync(join(dirname(tools), 'package.json'), 'utf8'));
  return Object.keys(dependencies).every((name) => existsSync(join(tools, name)));
}

function npm(cwd: string, ...args: string[]): void {
  // Variables of the npm that runs this would be taken for options of this one.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(package|lifecycle|command)/.test(name)),
  );
  execFileSync('npm', [...args, '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
