/**
 * Whole processes, from start to end: our command against ipvsadm, and against Node doing nothing.
 */
import { withDirector } from '../measure.js';
import type { Measurement } from '../measurement.js';
import { IPVS_TS, NOTHING, run, temporaryFile } from '../programs.js';
import type { RowDescription } from '../results.js';
import { makeRules } from '../rules.js';

const NODE = 'node -e 0';

const START: RowDescription = {
  name: 'command -Ln',
  what: '`ipvs-ts -Ln` of an empty table against `ipvsadm -Ln`: what a start costs.',
  unit: 'ms',
  targets: [{ of: 'sdk', over: NODE, most: 1.3 }],
};

const RESTORE: RowDescription = {
  name: 'command -R 11,000',
  what: '`ipvs-ts -R` of 11,000 lines against `ipvsadm -R` of the same.',
  unit: 'ms',
  targets: [{ of: 'ipvsadm', over: 'sdk', least: 12 }],
};

const start: Measurement = {
  rows: [START],
  rounds: 15,
  run: (rounds) =>
    withDirector(async ({ netns }) => {
      for (const round of rounds) {
        round.record(START, {
          sdk: (await run(netns, [...IPVS_TS, '-Ln'])).milliseconds,
          ipvsadm: (await run(netns, ['ipvsadm', '-Ln'])).milliseconds,
          [NODE]: (await run(netns, NOTHING)).milliseconds,
        });
      }
    }),
};

const restore: Measurement = {
  rows: [RESTORE],
  rounds: 7,
  async run(rounds) {
    const rules = temporaryFile('rules', makeRules(11_000));
    const inNamespace = (command: readonly string[]) =>
      withDirector(async ({ netns }) => (await run(netns, command, rules)).milliseconds);
    for (const round of rounds) {
      round.record(RESTORE, {
        sdk: await inNamespace([...IPVS_TS, '-R']),
        ipvsadm: await inNamespace(['ipvsadm', '-R']),
        [NODE]: await inNamespace(NOTHING),
      });
    }
  },
};

export const commands: readonly Measurement[] = [start, restore];
