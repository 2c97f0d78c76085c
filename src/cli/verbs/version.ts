/** @module */
import { API } from '../common-options.js';
import { packageVersion } from '../package-version.js';
import { openDirector } from '../remote.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts version` */
export const version = defineVerb({
  name: 'version',
  group: 'Other',
  options: { api: API },
  help: 'show the version',

  async run({ values: { api } }, context) {
    const { stdout } = context.streams;
    stdout.write(`ipvs-ts ${packageVersion()}\n`);
    if (api === undefined) return 0;
    await using director = await openDirector(api, context);
    const { version: there, ipvs, visitor } = director.daemon;
    stdout.write(`director: ipvs-ts ${there}, IPVS ${ipvs.version}; you are ${visitor.name}, ${visitor.role}\n`);
    return 0;
  },
});
