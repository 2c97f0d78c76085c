// Takes out of the modules in dist what only readers of the source need. The package is downloaded often, and its types and
// documentation stay whole. Functions and classes keep their names, so that a stack can be read.
//
//   npm run build:ts

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { minifySync } from 'rolldown/experimental';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
/** These are in the package as the programs of dist/bin. */
const NOT_PACKED = /^(cli|daemon)\//;

for (const name of readdirSync(dist, { recursive: true, encoding: 'utf8' })) {
  if (!name.endsWith('.js') || NOT_PACKED.test(name)) continue;
  const path = join(dist, name);
  const { code, errors } = minifySync(path, readFileSync(path, 'utf8'), {
    module: true,
    mangle: { keepNames: true },
    compress: true,
    codegen: { removeWhitespace: true },
  });
  if (errors.length > 0) throw new Error(`${name}: ${errors.map(({ message }) => message).join(', ')}`);
  writeFileSync(path, code);
}
