/** @module */
import { packageVersion } from '../package-version.js';
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
