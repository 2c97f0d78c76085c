// Writes schema/*.schema.json from dist: the JSON Schemas of what the command writes with --json, and of the state file.
//
//   npm run build:ts && node scripts/schema.mjs

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url);
const { jsonSchemas } = await import(new URL('dist/json/index.js', root).href);
const { stateFileJsonSchema } = await import(new URL('dist/config/schema.js', root).href);
const directory = new URL('schema/', root);
mkdirSync(directory, { recursive: true });
for (const [name, schema] of Object.entries({ ...jsonSchemas(), state: stateFileJsonSchema() })) {
  writeFileSync(new URL(`${name}.schema.json`, directory), `${JSON.stringify(schema, null, 2)}\n`);
}
// So that the lint takes them.
const { status } = spawnSync('node_modules/.bin/biome', ['format', '--write', 'schema'], {
  cwd: fileURLToPath(root),
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
