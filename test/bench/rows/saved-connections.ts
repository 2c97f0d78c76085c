/**
 * The connection table saved to a file and put back, by whole processes, beside C that reads /proc/net/ip_vs_conn and throws it away:
 * a save reads it once, a restore once before and once after it has sent the entries.
 */
import { thousands, withDirector } from '../measure.js';
import type { Measurement } from '../measurement.js';
import { bound, IPVS_TS, run, temporaryFile } from '../programs.js';
import type { RowDescription } from '../results.js';
import { CONNECTION_TABLE, withConnections } from './connections.js';

function savedConnections(count: number, rounds: number, slow: boolean): Measurement {
  const name = `${thousands(count)} connections`;
  const save: RowDescription = {
    name: `save ${name}`,
    what: `\`ipvs-ts connections --save\` of ${name}, against C that reads the table and throws it away.`,
    unit: 'ms',
  };
  const restore: RowDescription = {
    name: `restore ${name}`,
    what: `\`ipvs-ts connections --restore\` of the same into an empty table, until it has them all, against the same C.`,
    unit: 'ms',
  };
  const [saveMemory, restoreMemory] = ([save, restore] as const).map(({ name }) => ({
    name: `${name}, peak memory`,
    what: 'The most resident memory that it ever had.',
    unit: 'MiB',
  })) as [RowDescription, RowDescription];
  return {
    rows: [save, saveMemory, restore, restoreMemory],
    rounds,
    slow,
    async run(all) {
      const file = temporaryFile(`connections-${count}`, '');
      for (const round of all) {
        let read = Number.NaN;
        await withConnections(count, async ({ netns }) => {
          read = await bound(netns, 'read', CONNECTION_TABLE);
          const saved = await run(netns, [...IPVS_TS, 'connections', '--save', file]);
          round.record(save, { sdk: saved.milliseconds, bound: read });
          round.record(saveMemory, { sdk: saved.mebibytes });
        });
        // All namespaces share the kernel's table: the old one is gone before.
        await withDirector(async ({ netns }) => {
          // It fails if the table does not have them all.
          const restored = await run(netns, [...IPVS_TS, 'connections', '--restore', file]);
          round.record(restore, { sdk: restored.milliseconds, bound: read });
          round.record(restoreMemory, { sdk: restored.mebibytes });
        });
      }
    },
  };
}

export const savedConnectionTables: readonly Measurement[] = [
  savedConnections(10_000, 3, false),
  savedConnections(100_000, 1, true),
  savedConnections(500_000, 1, true),
];
