/**
 * The real servers of one service.
 */
import { expectSame, milliseconds, thousands, withDirector } from '../measure.js';
import type { Measurement } from '../measurement.js';
import { bound, run } from '../programs.js';
import type { RowDescription } from '../results.js';
import { makeService } from '../rules.js';

const ADDRESS = '10.1.0.1:80';

function destinations(servers: number): Measurement {
  const row: RowDescription = {
    name: `destinations ${thousands(servers)}`,
    what:
      `Listing one service with ${thousands(servers)} real server${servers === 1 ? '' : 's'}: \`listDestinations()\` ` +
      'against `ipvsadm -Ln -t`, a whole process, and against the same dump in C.',
    unit: 'ms',
  };
  return {
    rows: [row],
    rounds: 9,
    run: (rounds) =>
      withDirector(async ({ ipvs, netns }) => {
        await ipvs.restore(makeService(ADDRESS, servers));
        for (const round of rounds) {
          let listed = 0;
          const sdk = await milliseconds(async () => {
            listed = (await ipvs.listDestinations(`tcp://${ADDRESS}`)).length;
          });
          expectSame(row.name, listed, servers);
          const ipvsadm = (await run(netns, ['ipvsadm', '-Ln', '-t', ADDRESS])).milliseconds;
          round.record(row, { sdk, ipvsadm, bound: await bound(netns, 'destinations') });
        }
      }),
  };
}

export const destinationLists: readonly Measurement[] = [1, 100, 10_000].map(destinations);
