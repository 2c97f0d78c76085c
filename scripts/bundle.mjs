// Makes of dist/cli the programs in dist/bin. Node takes longer to find fifty modules than to run them: what a program needs
// whatever it is asked is one file. What it loads when it is asked (every `import()` in the source) comes in files apart.
//
//   npm run build:ts
//
// CommonJS, for Node 20 starts it a little faster (measured: 3.5 ms of 75).

import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));

rmSync(`${dist}bin`, { recursive: true, force: true });
// Apart from the others, so that what it shares with them is in it and not in a third file.
await bundle({ 'ipvs-ts': 'main.js' });
await bundle({
  'ipvs-ts-save': 'save-main.js',
  'ipvs-ts-restore': 'restore-main.js',
  'run-verb': 'run-verb.js',
  'ipvsadm-help': 'ipvsadm/ipvsadm-help.js',
});

/**
 * Bundles files of dist/cli.
 *
 * @param {Record<string, string>} input the files, by the name of what is made of them
 */
async function bundle(input) {
  const files = Object.entries(input).map(([name, file]) => [name, `${dist}cli/${file}`]);
  const built = await rolldown({
    input: Object.fromEntries(files),
    platform: 'node',
    // Packages stay where npm has put them.
    external: /^[^./]/,
    plugins: [{ name: 'files-apart', resolveId: (specifier, _, { kind }) => fileApart(specifier, kind) }],
  });
  const names = { entryFileNames: '[name].cjs', chunkFileNames: '[name]-[hash].cjs' };
  await built.write({
    dir: `${dist}bin`,
    format: 'cjs',
    // Functions keep their names: a crash that is ours is reported with its stack.
    minify: { mangle: { keepNames: true }, compress: true, codegen: { removeWhitespace: true } },
    ...names,
  });
  await built.close();
}

/**
 * The files that the programs load when they are asked for what is in them.
 *
 * @param {string} specifier
 * @param {string} kind
 */
function fileApart(specifier, kind) {
  const name = /^\.\/(run-verb|ipvsadm-help)\.js$/.exec(specifier)?.[1];
  return name !== undefined && kind === 'dynamic-import' ? { id: `./${name}.cjs`, external: true } : undefined;
}
