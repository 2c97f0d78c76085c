/**
 * What a real master daemon sent: sync-linux-6.1.txt, which test/interop/sync-stream.test.ts writes where IPVS_SYNC_GOLDEN says.
 */
import { readFileSync } from 'node:fs';

/** What was going on, and the datagrams. */
export interface SyncStream {
  readonly title: string;
  readonly datagrams: readonly Uint8Array[];
}

export function readSyncStreams(): SyncStream[] {
  const text = readFileSync(new URL('./sync-linux-6.1.txt', import.meta.url), 'utf8');
  const [, ...sections] = text.split(/^# /m);
  return sections.slice(1).map((section) => {
    const [title = '', ...lines] = section.trimEnd().split('\n');
    return { title, datagrams: lines.filter((line) => line !== '').map((line) => Buffer.from(line, 'hex')) };
  });
}

export function formatSyncStreams(release: string, streams: readonly SyncStream[]): string {
  const head = `# Linux ${release}, sync messages of a master daemon, each datagram a line in hexadecimal.\n`;
  const hex = (datagram: Uint8Array) => `${Buffer.from(datagram).toString('hex')}\n`;
  return head + streams.map(({ title, datagrams }) => `\n# ${title}\n${datagrams.map(hex).join('')}`).join('');
}
