/**
 * A restore of 100 to 100,000 commands.
 */
import { expectSame, milliseconds, thousands, withDirector } from '../measure.js';
import type { Measurement } from '../measurement.js';
import { bound, run, temporaryFile } from '../programs.js';
import type { RowDescription, Target } from '../results.js';
import { encodeRules, makeRules } from '../rules.js';

/** Of the messages of the C program in one datagram. */
const BATCH = 100;
/** Commands whose time in user space is ten ticks (HZ=100) or more. */
const LEAST_CHARGED = 10_000;

/** What the targets were made for: a batch as one would write it first. The bound itself asks for one ACK a datagram. */
const ACKNOWLEDGED = 'C, every message acknowledged';

const TARGETS: Readonly<Record<number, readonly Target[]>> = {
  11000: [
    { of: 'ipvsadm', over: 'sdk', least: 35 },
    { of: 'sdk', over: ACKNOWLEDGED, most: 1.4 },
    { of: 'sdk', over: 'bound', most: 1.4 },
  ],
};

function restore(commands: number, rounds: number): Measurement {
  const total: RowDescription = {
    name: `restore ${thousands(commands)}`,
    what:
      `One command of a restore of ${thousands(commands)}: \`restore()\` against \`ipvsadm -R\`, a whole process, and ` +
      `against C that sends the same messages from memory, ${BATCH} a datagram, with one acknowledgement for all of them.`,
    unit: 'us',
    cold: true,
    targets: TARGETS[commands] ?? [],
  };
  const user: RowDescription = {
    name: `restore ${thousands(commands)}, user CPU`,
    what:
      'Of that, what the SDK and V8 use themselves, all threads together. The lab charges a process in ticks of 10 ms, ' +
      'so that there is no such row for fewer commands.',
    unit: 'us',
  };

  const userIsCharged = commands >= LEAST_CHARGED;

  return {
    rows: userIsCharged ? [total, user] : [total],
    rounds,
    async run(all) {
      const rules = makeRules(commands);
      const text = temporaryFile('rules', rules);
      const messages = temporaryFile('messages', encodeRules(rules));
      const each = (time: number) => (1000 * time) / commands;
      for (const round of all) {
        const [sdk, cpu, table] = await withDirector(async ({ ipvs }) => {
          const before = process.cpuUsage();
          const time = await milliseconds(() => ipvs.restore(rules));
          return [time, process.cpuUsage(before).user / 1000, await sortedSave(ipvs)] as const;
        });
        const wrote = (work: (netns: string) => Promise<number>) =>
          withDirector(async ({ ipvs, netns }) => {
            const time = await work(netns);
            expectSame(total.name, (await sortedSave(ipvs)) === table, true);
            return time;
          });
        const ipvsadm = await wrote(async (netns) => (await run(netns, ['ipvsadm', '-R'], text)).milliseconds);
        const batches = await wrote((netns) => bound(netns, 'replay', messages, String(BATCH)));
        const acknowledged = await wrote((netns) => bound(netns, 'acknowledged', messages, String(BATCH)));
        const single = await wrote((netns) => bound(netns, 'replay', messages, '1'));
        round.record(total, {
          sdk: each(sdk),
          ipvsadm: each(ipvsadm),
          bound: each(batches),
          [ACKNOWLEDGED]: each(acknowledged),
          'C, a message at a time': each(single),
        });
        if (userIsCharged) round.record(user, { sdk: each(cpu) });
      }
    },
  };
}

/** The order of services depends on the namespace (ip_vs_svc_hashkey). */
async function sortedSave(ipvs: { save(): Promise<string> }): Promise<string> {
  return (await ipvs.save()).split('\n').sort().join('\n');
}

export const restores: readonly Measurement[] = [
  restore(100, 9),
  restore(1000, 9),
  restore(10_000, 5),
  restore(11_000, 9),
  { ...restore(100_000, 3), slow: true },
];
