/** @module */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ipvs } from '../../ipvs.js';
import { prettyJson } from '../../json/pretty.js';
import { type DestinationKey, formatDestinationKey } from '../../model/destination.js';
import { formatServiceKey, parseServiceKey, type ServiceKeyText } from '../../model/service-key.js';
import type { Drain, DrainProgress, DrainResult } from '../../reconcile/drain.js';
import type { DrainOverride } from '../../reconcile/override.js';
import { API, JSON_OUTPUT, milliseconds, NETNS, server } from '../common-options.js';
import type { VerbContext } from '../context.js';
import { openDirector, refuseWith } from '../remote.js';
import { CHANGING } from '../sources.js';
import { isTerminal, type Streams } from '../streams.js';
import { UsageError } from '../usage-error.js';
import { defineVerb } from '../verb.js';

/**
 * `ipvs-ts drain`. Ctrl-C gives the weight back; another signal ends the program and leaves the drain to `--resume`.
 */
export const drain = defineVerb({
  name: 'drain',
  group: 'State',
  options: {
    service: { placeholder: 'KEY', source: 'service', help: 'the service: tcp://192.0.2.1:80, fwmark://5' },
    server: { placeholder: 'ADDR[:PORT]', source: 'server', read: server, help: 'its real server' },
    deadline: { placeholder: 'SECONDS', read: milliseconds, help: 'drain timeout: remove it then in any case' },
    end: { help: 'end the connections that are left at the drain timeout' },
    until: {
      placeholder: 'WHAT',
      choices: ['active', 'all'],
      default: 'active',
      help: 'connections to wait for: established ones, or all',
    },
    poll: { placeholder: 'SECONDS', default: '1', read: milliseconds, help: 'interval between two looks' },
    keep: { help: 'keep it in the table, with weight 0' },
    reason: { placeholder: 'TEXT', help: 'why, for whoever looks at the overrides' },
    resume: { help: 'continue the drains of a program that ended' },
    json: JSON_OUTPUT,
    api: API,
    netns: NETNS,
  },
  reports: true,
  help: 'remove a real server when its connections have ended',
  details:
    'Ctrl-C gives the server its weight back. A running "keep" goes along with the drain, and does not put the server back when it ' +
    'has ended: "weight SERVICE SERVER --reset" does, or a state file without the server.',
  exitCodes: [
    { code: 0, help: 'drained' },
    { code: 1, help: 'not drained, the kernel refused something, or IPVS is out of reach' },
    { code: 2, help: 'usage error; nothing was changed' },
  ],

  async run({ values }, context) {
    if (values.api !== undefined) return await drainAt(values.api, values, context);
    const { streams, open } = context;
    const { stdout, stderr } = streams;
    const { resumeDrains, stateDirectory } = await import('../../reconcile/index.js');
    const { netns, json } = values;
    const directory = stateDirectory({ netns });
    const showsProgress = !json && isTerminal(stderr);
    const onProgress = (progress: DrainProgress) => {
      if (showsProgress) stderr.write(`\r${progressText(progress)}\x1b[K`);
    };
    await using ipvs = await open({ netns, source: CHANGING });
    const begun = values.resume
      ? resumeDrains(ipvs, directory, { onProgress })
      : [await begin(ipvs, values, { directory, onProgress, stderr })];
    const cancel = () => begun.forEach((one) => void one.cancel());
    process.on('SIGINT', cancel);
    try {
      const results = await Promise.all(begun.map((one) => one.finished));
      if (showsProgress) stderr.write('\r\x1b[K');
      stdout.write(json ? prettyJson(results) : results.map(resultText).join(''));
      return results.every(({ outcome }) => outcome === 'idle' || outcome === 'deadline') ? 0 : 1;
    } finally {
      process.off('SIGINT', cancel);
    }
  },
});

/** What is to be drained, and how. */
interface Values {
  readonly service: string | undefined;
  readonly server: DestinationKey | undefined;
  readonly deadline: number | undefined;
  readonly end: boolean;
  readonly until: 'active' | 'all';
  readonly poll: number;
  readonly keep: boolean;
  readonly reason: string | undefined;
  readonly netns: string | undefined;
  readonly resume: boolean;
  readonly json: boolean;
}

async function begin(
  ipvs: Ipvs,
  values: Values,
  {
    directory,
    onProgress,
    stderr,
  }: { directory: string; onProgress: (progress: DrainProgress) => void } & Pick<Streams, 'stderr'>,
): Promise<Drain> {
  const { drain, drainNotes, readDrainSysctls } = await import('../../reconcile/index.js');
  const { deadline, end, until, poll, reason } = values;
  const { key, server } = subjectOf(values);
  const entry = await ipvs.getService(key);
  if (entry !== undefined) {
    for (const { sysctl, text } of drainNotes(entry.service, readDrainSysctls({ netns: values.netns })))
      stderr.write(`${sysctl}: ${text}\n`);
  }
  return drain(ipvs, key, server, { directory, onProgress, deadline, end, poll, until, reason, remove: !values.keep });
}

/** @throws {UsageError} */
function subjectOf({ service, server, end, deadline }: Values) {
  if (end && deadline === undefined) throw new UsageError('--end needs --deadline');
  if (service === undefined || server === undefined) throw new UsageError('needs --service and --server, or --resume');
  return { key: parseServiceKey(service as ServiceKeyText), server };
}

/** The director drains; this looks until it has. Ctrl-C takes the drain back. */
async function drainAt(api: string, values: Values, context: VerbContext): Promise<number> {
  const { deadline, end, until, poll, reason, keep, netns, resume, json } = values;
  refuseWith('--api', { netns, resume });
  const { key, server } = subjectOf(values);
  const { isUnderWay, overrideText } = await import('../../reconcile/override.js');
  const { stdout } = context.streams;
  await using director = await openDirector(api, context);
  let last = await director.drain(key, server, { deadline, end, until, poll, reason, remove: !keep });
  const name = `${formatDestinationKey(last.destination)} of ${formatServiceKey(key)}`;
  const begun = Date.now();
  const cancel = () => void director.endOverride('drain', key, server);
  process.on('SIGINT', cancel);
  try {
    while (isUnderWay(last)) {
      await sleep(poll);
      const now = await director.getOverride('drain', key, server);
      if (now === undefined) {
        stdout.write(`${name}: the drain was taken back\n`);
        return 1;
      }
      last = now as DrainOverride;
    }
  } finally {
    process.off('SIGINT', cancel);
  }
  const took = ((Date.now() - begun) / 1000).toFixed(1);
  stdout.write(json ? prettyJson([last]) : `${name}: ${overrideText(last)} after ${took} s\n`);
  return 0;
}

function progressText({ destination, activeConnections, inactiveConnections, left }: DrainProgress): string {
  const until = left === undefined ? '' : `, ${Math.ceil(left / 1000)} s left`;
  return `${destination}: ${activeConnections} active, ${inactiveConnections} inactive connections${until}`;
}

function resultText({ service, destination, outcome, removed, waited, activeConnections, ended }: DrainResult): string {
  if (outcome === 'absent') return `${destination} of ${service}: there is no such real server; nothing was changed\n`;
  const words: Readonly<Record<Exclude<DrainResult['outcome'], 'absent'>, string>> = {
    idle: 'no connections left',
    deadline: `the deadline passed with ${activeConnections} active connections`,
    cancelled: 'cancelled, it has its weight again',
    gone: 'somebody else removed it',
    'taken over': 'somebody else gave it weight, or took the drain back',
  };
  const end = `${ended === undefined ? '' : `, ${ended} ended`}${removed ? ', removed' : ''}`;
  return `${destination} of ${service}: ${words[outcome]} after ${(waited / 1000).toFixed(1)} s${end}\n`;
}
