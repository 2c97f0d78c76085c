/** Where the packed package and its user are, made by setup.ts for all files of this folder. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkoutRoot } from '../lab/checkout.js';

export const workspace = join(checkoutRoot, '.build/package');
/** A project with the package as its only dependency. */
export const consumer = join(workspace, 'consumer');
/** The package as that project has it. */
export const installed = join(consumer, 'node_modules/ipvs-ts');
/** The checkers, the compilers and the Nodes (tools/package.json). */
export const tools = join(checkoutRoot, 'test/package/tools/node_modules');

export function tarball(): string {
  const [name] = readdirSync(workspace).filter((file) => file.endsWith('.tgz'));
  if (name === undefined) throw new Error(`there is no tarball in ${workspace}`);
  return join(workspace, name);
}
