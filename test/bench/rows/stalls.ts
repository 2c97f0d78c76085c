/**
 * The longest time that the SDK keeps the event loop from everything else.
 */
import { withDirector } from '../measure.js';
import type { Measurement } from '../measurement.js';
import type { RowDescription } from '../results.js';
import { makeRules } from '../rules.js';
import { longestStall } from '../stall.js';

/** The event loop's row for a piece of work. */
export function stallRow(name: string, work: string): RowDescription {
  return {
    name: `stall, ${name}`,
    what: `The longest time between two turns of the event loop during ${work}.`,
    unit: 'ms',
    targets: [{ of: 'sdk', most: 10 }],
  };
}

/** What a row of {@link stallRow} shows. */
export async function stall(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const { longest, percentile99 } = await longestStall(work);
  return { sdk: longest, '99 % of the turns': percentile99 };
}

const RESTORE = stallRow('restore 100,000', 'a restore of 100,000 commands');
const SNAPSHOT = stallRow('snapshot 1,000 x 10', 'a snapshot of 1,000 services with 10 real servers each');

const restore: Measurement = {
  rows: [RESTORE],
  rounds: 5,
  async run(rounds) {
    const rules = makeRules(100_000);
    for (const round of rounds)
      await withDirector(async ({ ipvs }) => round.record(RESTORE, await stall(() => ipvs.restore(rules))));
  },
};

const snapshot: Measurement = {
  rows: [SNAPSHOT],
  rounds: 9,
  run: (rounds) =>
    withDirector(async ({ ipvs }) => {
      await ipvs.restore(makeRules(11_000));
      for (const round of rounds) round.record(SNAPSHOT, await stall(() => ipvs.snapshot()));
    }),
};

export const stalls: readonly Measurement[] = [restore, snapshot];
