/** @module */
import { NETNS } from '../common-options.js';
import { sourceRemark } from '../sources.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts save` */
export const save = defineVerb({
  name: 'save',
  group: 'Rules',
  options: {
    full: { help: 'also thresholds, timeouts and sync daemons, in lines that ipvsadm accepts' },
    netns: NETNS,
  },
  help: 'write the table as rules to standard output',
  details: 'Without options the text is that of "ipvsadm -Sn".',

  async run({ values: { full, netns } }, { streams, open }) {
    await using ipvs = await open({ netns });
    const remark = sourceRemark(ipvs);
    if (remark !== undefined) streams.stderr.write(`ipvs-ts: ${remark}\n`);
    streams.stdout.write(await ipvs.save({ full }));
    return 0;
  },
});
