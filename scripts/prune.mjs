// Removes the declarations that no entry of the package leads to: they are of modules that nobody can import.
//
//   npm run build:ts

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @type {{ exports: Record<string, string | { types: string }> }} */
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const entries = Object.values(exports).flatMap((entry) => (typeof entry === 'string' ? [] : [join(root, entry.types)]));
const needed = reached(entries);
const dist = join(root, 'dist');
for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  const path = join(dist, name);
  if (name.endsWith('.d.ts') && !needed.has(path)) rmSync(path);
}

/**
 * Files, and all that they lead to.
 *
 * @param {readonly string[]} files
 */
function reached(files) {
  const found = new Set(files);
  // What is added meanwhile is visited too.
  for (const file of found) {
    for (const [, specifier = ''] of readFileSync(file, 'utf8').matchAll(/\b(?:from |import\()['"](\.[^'"]+)\.js['"]/g))
      found.add(join(dirname(file), `${specifier}.d.ts`));
  }
  return found;
}
