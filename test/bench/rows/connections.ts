/**
 * The connection table, which is read from /proc/net/ip_vs_conn by everybody.
 *
 * The kernel looks for its place from the start of the table for every page that it hands out (ip_vs_conn_seq_start in
 * ip_vs_conn.c), so that its own work grows with the square of the connections.
 */
import { type Director, expectSame, milliseconds, thousands, withDirector } from '../measure.js';
import type { Measurement, Round } from '../measurement.js';
import { bound, IPVS_TS, makeConnections, run } from '../programs.js';
import type { RowDescription } from '../results.js';
import { stall, stallRow } from './stalls.js';

/** The kernel's file. */
export const CONNECTION_TABLE = '/proc/net/ip_vs_conn';

/** What a director is asked for: the whole command, and its memory. */
function listing(count: number, target: boolean) {
  const name = `connections ${thousands(count)}`;
  const command: RowDescription = {
    name: `${name}, command`,
    what:
      `\`ipvs-ts -Lnc\` of ${thousands(count)} connections against \`ipvsadm -Lnc\`, both whole processes that write ` +
      'to /dev/null, and against C that reads the file and throws it away.',
    unit: 'ms',
    ...(target && { targets: [{ of: 'ipvsadm', over: 'sdk', least: 1 }] }),
  };
  const memory: RowDescription = {
    name: `${name}, peak memory`,
    what: 'The most resident memory that each of the two ever had.',
    unit: 'MiB',
    // 110 MB.
    ...(target && { targets: [{ of: 'sdk', most: 105 }] }),
  };
  return {
    rows: [command, memory],
    async measure(round: Round, netns: string) {
      const ours = await run(netns, [...IPVS_TS, '-Lnc']);
      const theirs = await run(netns, ['ipvsadm', '-Lnc']);
      const c = await bound(netns, 'read', CONNECTION_TABLE);
      round.record(command, { sdk: ours.milliseconds, ipvsadm: theirs.milliseconds, bound: c });
      round.record(memory, { sdk: ours.mebibytes, ipvsadm: theirs.mebibytes });
    },
  };
}

/** What a program notices that walks through the table. */
function walking(count: number) {
  const name = `connections ${thousands(count)}`;
  const walk: RowDescription = {
    name,
    what: `Walking through ${thousands(count)} connections with \`connections()\`, against the same C.`,
    unit: 'ms',
  };
  const held = stallRow(name, `a walk through ${thousands(count)} connections`);
  return {
    rows: [walk, held],
    async measure(round: Round, { ipvs, netns }: Director) {
      const all = async () => {
        let seen = 0;
        for await (const _ of ipvs.connections()) seen++;
        expectSame(name, seen, count);
      };
      round.record(walk, { sdk: await milliseconds(all), bound: await bound(netns, 'read', CONNECTION_TABLE) });
      round.record(held, await stall(all));
    },
  };
}

/** A director whose table has so many connections, of no service. */
export async function withConnections(count: number, work: (director: Director) => Promise<void>): Promise<void> {
  await withDirector(async (director) => {
    await director.ipvs.startDaemon({ role: 'backup', interface: 'lo' });
    await makeConnections(director.netns, count);
    // It ends when it has worked off what it has received.
    await director.ipvs.stopDaemon('backup');
    await work(director);
  });
}

function connections(count: number, rounds: number, target: boolean): Measurement {
  const [command, walk] = [listing(count, target), walking(count)];
  return {
    rows: [...command.rows, ...walk.rows],
    rounds,
    run: (all) =>
      withConnections(count, async (director) => {
        for (const round of all) {
          await command.measure(round, director.netns);
          await walk.measure(round, director);
        }
      }),
  };
}

/** So many that each reading takes a minute or more, whoever reads: the commands alone. */
function manyConnections(count: number): Measurement {
  const command = listing(count, false);
  return {
    rows: command.rows,
    rounds: 1,
    slow: true,
    run: (all) =>
      withConnections(count, async ({ netns }) => {
        for (const round of all) await command.measure(round, netns);
      }),
  };
}

export const connectionLists: readonly Measurement[] = [
  connections(1000, 9, false),
  connections(100_000, 3, true),
  manyConnections(500_000),
];
