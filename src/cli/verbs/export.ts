/** @module */

import { formatServiceKey } from '../../model/service-key.js';
import { API, FORMATS, NETNS } from '../common-options.js';
import { openTable } from '../remote.js';
import { CHANGING, sourceRemark } from '../sources.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts export` */
export const exportTable = defineVerb({
  name: 'export',
  group: 'State',
  options: {
    format: {
      placeholder: 'FORMAT',
      choices: ['state', ...FORMATS],
      default: 'state',
      help: 'a state file, or the file of another program',
    },
    api: API,
    netns: NETNS,
  },
  help: 'write the table as a state file',
  details:
    'A state file is the input of "diff", "apply" and "keep"; docs/state-file.md describes its format. What the file of ' +
    'another program cannot express is listed on standard error; see docs/import.md.',

  async run({ values: { format, api, netns } }, context) {
    const { stdout, stderr } = context.streams;
    const { desiredServices, formatStateFile } = await import('../../config/write.js');
    const { nearestService } = await import('../../config/nearest.js');
    await using ipvs = await openTable(context, { api, netns }, { source: CHANGING });
    const remark = sourceRemark(ipvs);
    if (remark !== undefined) stderr.write(`ipvs-ts: ${remark}\n`);
    const services = desiredServices(await ipvs.snapshot());
    const state = { services, timeouts: await ipvs.timeouts(), daemons: await ipvs.daemons() };
    if (format === 'state') {
      const nearest = services.map(({ service, destinations }) => ({ ...nearestService(service), destinations }));
      for (const { service, changes } of nearest) {
        for (const change of changes) stderr.write(`ipvs-ts: not as it is: ${formatServiceKey(service)}: ${change}\n`);
      }
      stdout.write(formatStateFile({ ...state, services: nearest.map(({ changes: _, ...entry }) => entry) }));
      return 0;
    }
    const { exportConfig } = await import('../../formats/export-config.js');
    const { text, notWritten } = exportConfig(state, { format });
    for (const { object, why } of notWritten) stderr.write(`ipvs-ts: not exported: ${object}: ${why}\n`);
    stdout.write(text);
    return 0;
  },
});
