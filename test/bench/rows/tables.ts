/**
 * Reading a large table: save, and a snapshot with statistics.
 */
import { milliseconds, withDirector } from '../measure.js';
import type { Measurement } from '../measurement.js';
import { bound, run } from '../programs.js';
import type { RowDescription } from '../results.js';
import { makeRules } from '../rules.js';

const COMMANDS = 11_000;
const TABLE = '1,000 services with 10 real servers each';

const SAVE: RowDescription = {
  name: 'save 1,000 x 10',
  what: `${TABLE}: \`save()\` against \`ipvsadm -Sn\`, a whole process, and against C that does the same dumps.`,
  unit: 'ms',
  cold: true,
  targets: [{ of: 'ipvsadm', over: 'sdk', least: 5 }],
};

const SNAPSHOT: RowDescription = {
  name: 'snapshot 1,000 x 10',
  what: `The same table with statistics: \`snapshot()\` against \`ipvsadm -Ln --stats --exact\`, and against the same C.`,
  unit: 'ms',
  cold: true,
  targets: [{ of: 'ipvsadm', over: 'sdk', least: 5 }],
};

export const tables: Measurement = {
  rows: [SAVE, SNAPSHOT],
  rounds: 9,
  run: (rounds) =>
    withDirector(async ({ ipvs, netns }) => {
      await ipvs.restore(makeRules(COMMANDS));
      for (const round of rounds) {
        round.record(SAVE, {
          sdk: await milliseconds(() => ipvs.save()),
          ipvsadm: (await run(netns, ['ipvsadm', '-Sn'])).milliseconds,
          bound: await bound(netns, 'table'),
        });
        round.record(SNAPSHOT, {
          sdk: await milliseconds(() => ipvs.snapshot()),
          ipvsadm: (await run(netns, ['ipvsadm', '-Ln', '--stats', '--exact'])).milliseconds,
          bound: await bound(netns, 'table'),
        });
      }
    }),
};
