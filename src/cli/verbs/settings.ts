/** @module */
import type { Ipvs } from '../../ipvs.js';
import { formatDaemons, formatTimeouts } from '../../ipvsadm/settings-listing.js';
import type { HashTable, IpvsStatus } from '../../model/ipvs-status.js';
import { API, JSON_OUTPUT, NETNS } from '../common-options.js';
import { openTable, refuseWith } from '../remote.js';
import { CHANGING } from '../sources.js';
import { defineVerb } from '../verb.js';

/** `ipvs-ts settings` */
export const settings = defineVerb({
  name: 'settings',
  group: 'Table',
  options: {
    all: { help: "also the sysctls net.ipv4.vs.* and, since Linux 7.1, the kernel's hash tables" },
    json: JSON_OUTPUT,
    api: API,
    netns: NETNS,
  },
  help: 'show timeouts and sync daemons',
  details:
    'Without options the text is that of "ipvsadm -L --timeout" and "ipvsadm -L --daemon". docs/tuning.md says what each sysctl is for.',

  async run({ values: { all = false, json, api, netns } }, context) {
    const { stdout } = context.streams;
    if (all) refuseWith('--all', { api });
    await using ipvs = await openTable(context, { api, netns }, { source: CHANGING });
    const [timeouts, daemons] = [await ipvs.timeouts(), await ipvs.daemons()];
    const more = all && 'status' in ipvs ? await readMore(ipvs) : undefined;
    if (json) {
      const { settingsJson } = await import('../../json/table.js');
      stdout.write(settingsJson({ timeouts, daemons, ...more }));
      return 0;
    }
    stdout.write(formatTimeouts(timeouts) + formatDaemons(daemons));
    if (more === undefined) return 0;
    for (const [name, text] of Object.entries(more.sysctls)) stdout.write(`net.ipv4.vs.${name} = ${text}\n`);
    if (more.status !== undefined) stdout.write(statusText(more.status));
    return 0;
  },
});

async function readMore(ipvs: Ipvs) {
  const status = await ipvs.status();
  return { sysctls: ipvs.sysctls(), ...(status !== undefined && { status }) };
}

function statusText({ connections, connectionTable, services, serviceTable, estimation }: IpvsStatus): string {
  const rows = [
    `Connections: ${connections}${tableText(connectionTable)}`,
    `Services: ${services}${tableText(serviceTable)}`,
  ];
  if (estimation !== undefined) {
    const { slots, maxSlots, maxChainLength, estimators } = estimation;
    rows.push(
      `Estimation: ${estimators} estimators, ${slots} of ${maxSlots} slots, chains of ${maxChainLength} at most`,
    );
  }
  return `${rows.join('\n')}\n`;
}

function tableText(table: HashTable | undefined): string {
  if (table === undefined) return '';
  const { buckets, loadFactor, empty, chains } = table;
  const lengths = chains.map((chain) => `${chain.buckets} with ${chain.length}`);
  const parts = [...(empty === undefined ? [] : [`${empty} empty`]), ...lengths];
  return ` in ${buckets} buckets (lfactor ${loadFactor})${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`;
}
