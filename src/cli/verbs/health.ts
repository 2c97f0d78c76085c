/** @module */
import { healthJson } from '../../json/health.js';
import { prettyJson } from '../../json/pretty.js';
import { formatServiceKey } from '../../model/service-key.js';
import { API, JSON_OUTPUT, NETNS } from '../common-options.js';
import type { VerbContext } from '../context.js';
import { reportText } from '../health-text.js';
import { readState } from '../input.js';
import { openDirector, refuseWith } from '../remote.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts health` */
export const health = defineVerb({
  name: 'health',
  group: 'Table',
  operands: {
    file: {
      placeholder: 'FILE',
      source: 'file',
      help: 'show only the services of this state file',
      fallback: 'default: all that are checked',
    },
  },
  options: { json: JSON_OUTPUT, api: API, netns: NETNS },
  help: 'show what the health checks of "keep" found',
  details:
    'Every real server with its status, since when, what its checks found last, and what follows of it in the table. "keep" ' +
    'writes it when something changes, and every 10 seconds. "check FILE" runs checks itself.',
  exitCodes: [
    { code: 0, help: 'all real servers are up' },
    { code: 1, help: 'a real server is down or not measured, or nobody checks' },
    { code: 2, help: 'usage error' },
  ],

  async run({ values: { json, api, netns }, operands: { file } }, context) {
    const { stdout, stderr } = context.streams;
    const { currentHealth, STALE } = await import('../current-health.js');
    const named = file === undefined ? undefined : await namesIn(file, context);
    const found = api === undefined ? currentHealth({ netns }, named) : await healthAt(api, { netns, named }, context);
    const { report, age } = found ?? { report: undefined, age: 0 };
    if (report === undefined || report.servers.length === 0) {
      const which = named === undefined ? 'here' : 'of these services';
      stderr.write(`ipvs-ts: nobody has checked real servers ${which}: "keep FILE" does, if the file has checks\n`);
      return 1;
    }
    if (age > STALE) stderr.write(`ipvs-ts: this is ${age} s old: the program that checked has ended\n`);
    stdout.write(json ? prettyJson('states' in report ? healthJson(report) : report) : reportText(report));
    return age <= STALE && report.servers.every(({ status }) => status === 'up' || status === 'unchecked') ? 0 : 1;
  },
});

async function healthAt(
  api: string,
  { netns, named }: { readonly netns: string | undefined; readonly named: ReadonlySet<string> | undefined },
  context: VerbContext,
) {
  refuseWith('--api', { netns });
  await using director = await openDirector(api, context);
  const { services, servers, ...rest } = await director.health();
  const isWanted = ({ service }: { readonly service: string }) => named?.has(service) !== false;
  // A daemon tells what it knows now.
  return { report: { ...rest, services: services.filter(isWanted), servers: servers.filter(isWanted) }, age: 0 };
}

async function namesIn(file: string, context: VerbContext): Promise<ReadonlySet<string>> {
  const { services = [] } = await readState(file, context);
  return new Set(services.map(({ service }) => formatServiceKey(service)));
}
