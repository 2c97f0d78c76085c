/** @module */
import { formatDaemons, formatTimeouts } from '../../ipvsadm/settings-listing.js';
import { JSON_OUTPUT, NETNS } from '../common-options.js';
import { CHANGING } from '../sources.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts settings` */
export const settings = defineVerb({
  name: 'settings',
  group: 'Table',
  options: { json: JSON_OUTPUT, netns: NETNS },
  help: 'show timeouts and sync daemons',
  details: 'Without options the text is that of "ipvsadm -L --timeout" and "ipvsadm -L --daemon".',

  async run({ values: { json, netns } }, { streams: { stdout }, open }) {
    await using ipvs = await open({ netns, source: CHANGING });
    const [timeouts, daemons] = [await ipvs.timeouts(), await ipvs.daemons()];
    if (json) {
      const { settingsJson } = await import('../../json/table.js');
      stdout.write(settingsJson({ timeouts, daemons }));
      return 0;
    }
    stdout.write(formatTimeouts(timeouts) + formatDaemons(daemons));
    return 0;
  },
});
