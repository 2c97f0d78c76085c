/** @module */
import { readFileSync } from 'node:fs';
import { defineVerb } from '../verb.js';

/** `ipvs-ts version` */
export const version = defineVerb({
  name: 'version',
  group: 'Other',
  help: 'show the version',

  async run(_, { streams }) {
    streams.stdout.write(`ipvs-ts ${packageVersion()}\n`);
    return 0;
  },
});

/** The bundle in dist/bin is as deep in the package as src/cli is. */
function packageVersion(): string {
  const manifest: { version: string } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  return manifest.version;
}
