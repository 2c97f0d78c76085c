/**
 * A real server that comes and goes, each command awaited before the next.
 */
import { milliseconds, withDirector } from '../measure.js';
import type { Measurement } from '../measurement.js';
import { bound, run, temporaryFile } from '../programs.js';
import type { RowDescription } from '../results.js';
import { encodeRules, linesOfText } from '../rules.js';

const PAIRS = 200;
/** Of whole processes. */
const PROCESS_PAIRS = 10;

const SERVICE = '-A -t 10.1.0.1:80 -s wlc';
const ADD = '-a -t 10.1.0.1:80 -r 10.2.0.1:80 -m -w 1';
const DELETE = '-d -t 10.1.0.1:80 -r 10.2.0.1:80';

const ROW: RowDescription = {
  name: 'add and delete',
  what:
    'A pair of `addDestination()` and `deleteDestination()`, each awaited, against the same pair in the middle of an ' +
    '`ipvsadm -R` and against C, one message at a time. As two processes of ipvsadm it is what scripts do.',
  unit: 'us',
};

export const roundTrip: Measurement = {
  rows: [ROW],
  rounds: 9,
  run: (rounds) =>
    withDirector(async ({ ipvs, netns }) => {
      await ipvs.restore(SERVICE);
      const pairs = linesOfText(Array.from({ length: PAIRS }, () => `${ADD}\n${DELETE}`));
      const text = temporaryFile('pairs', pairs);
      const messages = temporaryFile('pairs.messages', encodeRules(pairs));
      const script = `for i in $(seq ${PROCESS_PAIRS}); do ipvsadm ${ADD}; ipvsadm ${DELETE}; done`;
      for (const round of rounds) {
        const sdk = await milliseconds(async () => {
          for (let n = 0; n < PAIRS; n++) {
            await ipvs.addDestination('tcp://10.1.0.1:80', { address: '10.2.0.1', port: 80, forward: 'nat' });
            await ipvs.deleteDestination('tcp://10.1.0.1:80', { address: '10.2.0.1', port: 80 });
          }
        });
        round.record(ROW, {
          sdk: (1000 * sdk) / PAIRS,
          ipvsadm: (1000 * (await run(netns, ['ipvsadm', '-R'], text)).milliseconds) / PAIRS,
          bound: (1000 * (await bound(netns, 'replay', messages, '1'))) / PAIRS,
          'ipvsadm, two processes': (1000 * (await run(netns, ['sh', '-ec', script])).milliseconds) / PROCESS_PAIRS,
        });
      }
    }),
};
