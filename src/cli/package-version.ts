/**
 * The version of this package.
 * @module
 */
import { readFileSync } from 'node:fs';

/** As package.json has it. The bundle in dist/bin is as deep in the package as this folder is. */
export function packageVersion(): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return manifest.version;
}
