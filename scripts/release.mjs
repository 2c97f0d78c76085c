// Makes a release below .build/release: the tarball, its SBOM (CycloneDX), checksums, and the section of CHANGELOG.md.
//
//   npm run release -- --dry-run     makes all of it, and says what would be published
//   npm run release                  makes it, publishes the tarball, and tags the commit
//
// The version is package.json's. There must be a section of that version in CHANGELOG.md and, to publish, nothing uncommitted.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));
const directory = join(root, '.build/release');
const dryRun = process.argv.includes('--dry-run');
const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

try {
  release();
} catch (error) {
  console.error(`release: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

function release() {
  const notes = changelogSection();
  const changes = run('git', 'status', '--porcelain');
  if (changes !== '' && !dryRun) throw new Error(`these are not committed:\n${changes}`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });

  // Runs the script before packing: the addons must be there, and dist is built anew.
  const packed = run('npm', 'pack', '--silent', '--pack-destination', directory).trim().split('\n').at(-1) ?? '';
  writeFileSync(join(directory, 'sbom.cdx.json'), billOfMaterials());
  writeFileSync(join(directory, 'notes.md'), notes);
  const files = [packed, 'sbom.cdx.json', 'notes.md'];
  writeFileSync(join(directory, 'SHA256SUMS'), files.map((file) => `${sha256(file)}  ${file}\n`).join(''));

  const steps = [
    ['npm', 'publish', join(directory, packed)],
    ['git', 'tag', '--annotate', `v${version}`, '--message', `${name} ${version}`],
  ];
  console.log(`${name} ${version}, in ${directory}:\n${readFileSync(join(directory, 'SHA256SUMS'), 'utf8')}\n${notes}`);
  if (changes !== '') console.log(`Not committed:\n${changes}`);
  for (const step of steps) {
    console.log(`${dryRun ? 'would run' : 'runs'}: ${step.join(' ')}`);
    if (!dryRun) run(...step);
  }
}

/**
 * What a user of the package gets with it. From a manifest without the development's packages: with them `npm sbom --omit dev`
 * leaves out yaml, which is one of both (npm 11.19).
 */
function billOfMaterials() {
  const runtime = mkdtempSync(join(tmpdir(), 'ipvs-release-'));
  try {
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    writeFileSync(join(runtime, 'package.json'), JSON.stringify({ ...manifest, devDependencies: {} }));
    cpSync(join(root, 'package-lock.json'), join(runtime, 'package-lock.json'));
    runIn(runtime, 'npm', 'install', '--package-lock-only', '--ignore-scripts');
    return runIn(runtime, 'npm', 'sbom', '--package-lock-only', '--sbom-format', 'cyclonedx');
  } finally {
    rmSync(runtime, { recursive: true });
  }
}

/** What CHANGELOG.md says of this version, without its heading. */
function changelogSection() {
  const sections = readFileSync(join(root, 'CHANGELOG.md'), 'utf8').split(/^## /m);
  const section = sections.find((text) => /^\[?([^\s\]]+)/.exec(text)?.[1] === version);
  if (section === undefined) throw new Error(`CHANGELOG.md has no section "## ${version}"`);
  return `${section.slice(section.indexOf('\n')).trim()}\n`;
}

/** @param {string} file */
function sha256(file) {
  return createHash('sha256')
    .update(readFileSync(join(directory, file)))
    .digest('hex');
}

/** @param {string[]} command */
function run(...command) {
  return runIn(root, ...command);
}

/**
 * @param {string} cwd
 * @param {string[]} command
 */
function runIn(cwd, ...command) {
  const [program = '', ...args] = command;
  return execFileSync(program, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  });
}
