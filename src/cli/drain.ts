/**
 * `ipvs-ts drain`.
 * @module
 */
import { parseEndpoint } from '../address/endpoint.js';
import { formatIP, parseIP } from '../address/ip.js';
import { Ipvs } from '../ipvs.js';
import type { DestinationKey } from '../model/destination.js';
import { parseServiceKey, type ServiceKeyText } from '../model/service-key.js';
import { type Drain, type DrainProgress, type DrainResult, drain, resumeDrains } from '../reconcile/drain.js';
import { drainNotes, readDrainSysctls } from '../reconcile/drain-notes.js';
import { stateDirectory } from '../reconcile/overrides.js';
import { milliseconds } from './desired-options.js';
import { type Parsed, UsageError } from './parse-verb.js';
import type { Streams } from './streams.js';

/**
 * Drains a real server, or goes on with the drains that were left behind. Ctrl-C gives the weight back; another signal ends the
 * program and leaves the drain to `--resume`. Returns 1 where a server was not drained.
 */
export async function drainServer({ values }: Parsed<'drain'>, { stdout, stderr }: Streams): Promise<number> {
  const { netns, json } = values;
  const directory = stateDirectory({ netns });
  const onProgress = (progress: DrainProgress) => {
    if (!json && 'isTTY' in stderr && stderr.isTTY === true) stderr.write(`\r${progressText(progress)}\x1b[K`);
  };
  await using ipvs = await Ipvs.open({ netns, source: 'netlink' });
  const begun = values.resume
    ? resumeDrains(ipvs, directory, { onProgress })
    : [await begin(ipvs, values, { directory, onProgress, stderr })];
  const cancel = () => begun.forEach((one) => void one.cancel());
  process.on('SIGINT', cancel);
  try {
    const results = await Promise.all(begun.map((one) => one.finished));
    if ('isTTY' in stderr && stderr.isTTY === true && !json) stderr.write('\r\x1b[K');
    stdout.write(json ? `${JSON.stringify(results, null, 2)}\n` : results.map(resultText).join(''));
    return results.every(({ outcome }) => outcome === 'idle' || outcome === 'deadline') ? 0 : 1;
  } finally {
    process.off('SIGINT', cancel);
  }
}

async function begin(
  ipvs: Ipvs,
  values: Parsed<'drain'>['values'],
  {
    directory,
    onProgress,
    stderr,
  }: { directory: string; onProgress: (progress: DrainProgress) => void } & Pick<Streams, 'stderr'>,
): Promise<Drain> {
  const { service, server } = values;
  if (service === undefined || server === undefined) throw new UsageError('drain: --service and --server, or --resume');
  const key = parseServiceKey(service as ServiceKeyText);
  const entry = await ipvs.getService(key);
  if (entry !== undefined) {
    for (const { sysctl, text } of drainNotes(entry.service, readDrainSysctls({ netns: values.netns })))
      stderr.write(`${sysctl}: ${text}\n`);
  }
  return drain(ipvs, key, serverOf(server), {
    directory,
    onProgress,
    deadline: milliseconds('drain', 'deadline', values.deadline),
    poll: milliseconds('drain', 'poll', values.poll),
    until: values.until as 'active' | 'all',
    remove: !values.keep,
  });
}

function serverOf(text: string): DestinationKey {
  const bytes = parseIP(text);
  if (bytes !== undefined) return { address: formatIP(bytes) };
  const server = parseEndpoint(text);
  if (server === undefined) throw new UsageError(`drain: --server must be ADDR or ADDR:PORT, not "${text}"`);
  return server;
}

function progressText({ destination, activeConnections, inactiveConnections, left }: DrainProgress): string {
  const until = left === undefined ? '' : `, ${Math.ceil(left / 1000)} s left`;
  return `${destination}: ${activeConnections} active, ${inactiveConnections} inactive connections${until}`;
}

function resultText({ service, destination, outcome, removed, waited, activeConnections }: DrainResult): string {
  const words: Readonly<Record<DrainResult['outcome'], string>> = {
    idle: 'no connections left',
    deadline: `the deadline passed with ${activeConnections} active connections`,
    cancelled: 'cancelled, it has its weight again',
    absent: 'it is not a server of this service, and was not drained',
    gone: 'somebody else removed it',
    'taken over': 'somebody else gave it weight, or took the drain back',
  };
  const end = removed ? ', removed' : '';
  return `${destination} of ${service}: ${words[outcome]} after ${(waited / 1000).toFixed(1)} s${end}\n`;
}
