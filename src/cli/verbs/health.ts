/** @module */
import { prettyJson } from '../../json/pretty.js';
import { JSON_OUTPUT, NETNS } from '../common-options.js';
import { reportText } from '../health-text.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts health` */
export const health = defineVerb({
  name: 'health',
  group: 'Table',
  operands: {},
  options: { json: JSON_OUTPUT, netns: NETNS },
  help: 'show what the health checks of "keep" found',
  details:
    'Every real server with its status, since when, what its checks found last, and what follows of it in the table. "keep" ' +
    'writes it when something changes, and every 10 seconds. "check FILE" runs checks itself.',
  exitCodes: [
    { code: 0, help: 'all real servers are up' },
    { code: 1, help: 'a real server is down or not measured, or nobody checks' },
    { code: 2, help: 'usage error' },
  ],

  async run({ values: { json, netns } }, { streams: { stdout, stderr } }) {
    const { readHealthReport } = await import('../../health/index.js');
    const { stateDirectory } = await import('../../reconcile/index.js');
    const report = readHealthReport(stateDirectory({ netns }));
    if (report === undefined || report.servers.length === 0) {
      stderr.write('ipvs-ts: nobody has checked real servers here: "keep FILE" does, if the file has checks\n');
      return 1;
    }
    const age = Math.round((Date.now() - report.written) / 1000);
    if (age > STALE) stderr.write(`ipvs-ts: this is ${age} s old: the program that checked has ended\n`);
    const { states: _, ...shown } = report;
    stdout.write(json ? prettyJson(shown) : reportText(report));
    return age <= STALE && report.servers.every(({ status }) => status === 'up' || status === 'unchecked') ? 0 : 1;
  },
});

/** Seconds: a report is written every 10. */
const STALE = 30;
