/** @module */
import { formatDaemons, formatTimeouts } from '../../ipvsadm/settings-listing.js';
import { API, JSON_OUTPUT, NETNS } from '../common-options.js';
import { openTable } from '../remote.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts settings` */
export const settings = defineVerb({
  name: 'settings',
  group: 'Table',
  options: { json: JSON_OUTPUT, api: API, netns: NETNS },
  help: 'show timeouts and sync daemons',
  details: 'Without options the text is that of "ipvsadm -L --timeout" and "ipvsadm -L --daemon".',

  async run({ values: { json, api, netns } }, context) {
    const { stdout } = context.streams;
    await using ipvs = await openTable(context, { api, netns }, { source: 'netlink' });
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
