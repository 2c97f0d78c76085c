/** @module */
import { formatListing } from '../../ipvsadm/listing.js';
import { withoutStats } from '../../model/table.js';
import { API, JSON_OUTPUT, NETNS } from '../common-options.js';
import { NOT_COUNTED } from '../not-counted.js';
import { openTable } from '../remote.js';
import { sourceRemark } from '../sources.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts list` */
export const list = defineVerb({
  name: 'list',
  group: 'Table',
  options: { json: JSON_OUTPUT, api: API, netns: NETNS },
  help: 'show services and real servers',
  details:
    'Without rights, the table is read from /proc, which has less; as root of a user namespace (rootless container), by socket ' +
    'options, which know IPv4 only.',

  async run({ values: { json, api, netns } }, context) {
    const { stdout, stderr } = context.streams;
    await using ipvs = await openTable(context, { api, netns });
    const table = await ipvs.snapshot();
    if (json) {
      const { tableJson } = await import('../../json/table.js');
      const isCounted = ipvs.countsTraffic() !== false;
      if (!isCounted) stderr.write(`ipvs-ts: ${NOT_COUNTED}\n`);
      stdout.write(tableJson(isCounted ? table : withoutStats(table)));
      return 0;
    }
    const remark = sourceRemark(ipvs);
    if (remark !== undefined) stderr.write(`ipvs-ts: ${remark}\n`);
    const info = await ipvs.info();
    stdout.write(formatListing(table.services, { numeric: true, exact: false, sort: true }, { info }));
    return 0;
  },
});
