/**
 * Health checks of thousands of real servers, beside keepalived's.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { withDirector } from '../measure.js';
import type { Measurement } from '../measurement.js';
import { IPVS_TS, output } from '../programs.js';
import type { RowDescription } from '../results.js';

const SERVICES = 102;
const SERVERS = 100;
const TARGETS = SERVICES * SERVERS;
/** Seconds. */
const INTERVAL = 3;
const TIMEOUT = 1;
/** Seconds that a program is watched, once it has found all servers dead. */
const WATCHED = 15;
/** Seconds that it may take to find them: what takes longer is told, and not measured. */
const LONGEST = 60;
/** Seconds between asking it to end and killing it. */
const GRACE = 10;
/** Ticks of /proc/PID/stat in a second. */
const HERTZ = 100;

const FOUND: RowDescription = {
  name: '10,200 silent servers: found',
  what:
    'Seconds until a checker that is started has found all of 10,200 real servers dead that swallow what they get: ' +
    'TCP checks every 3 s with a timeout of 1 s.',
  unit: 's',
  targets: [{ of: 'sdk', most: INTERVAL + TIMEOUT + 0.2 }],
};
const PROCESSOR: RowDescription = {
  name: '10,200 silent servers: processor',
  what: 'What the checker takes of a processor while they stay dead; its own kernel time is in it.',
  unit: '%',
  targets: [{ of: 'sdk', most: 12 }],
};
const MEMORY: RowDescription = {
  name: '10,200 silent servers: memory',
  what: 'Resident memory of the checker meanwhile.',
  unit: 'MB',
  targets: [{ of: 'sdk', most: 100 }],
};

interface Checker {
  /** Its file. */
  readonly file: string;
  /** Its words, given the path of the file and a directory of its own. */
  words(file: string, directory: string): readonly string[];
  /** A line that says that a server is dead, and which. */
  readonly dead: RegExp;
}

const SDK: Checker = {
  file: `version: 1
defaults:
  scheduler: rr
  checks: [{ type: tcp, interval: ${INTERVAL}s, timeout: ${TIMEOUT}s, fall: 1 }]
  onFailure: { removeAfter: never }
services:
${services((vip, servers) => `  - service: tcp://${vip}:80\n    destinations: [${servers.join(', ')}]\n`)}`,
  words: (file, directory) => ['env', `IPVS_TS_RUN_DIRECTORY=${directory}`, ...IPVS_TS, 'keep', file, '--hold', '0'],
  dead: /^down: (10\.1\.\d+\.\d+):/,
};

const KEEPALIVED: Checker = {
  file: services(
    (vip, servers) => `virtual_server ${vip} 80 {
delay_loop ${INTERVAL}
lb_algo rr
lb_kind DR
protocol TCP
inhibit_on_failure
${servers.map((server) => `real_server ${server} 80 {\nTCP_CHECK {\nconnect_timeout ${TIMEOUT}\nretry 0\n}\n}\n`).join('')}}
`,
  ),
  words: (file, directory) => [
    ...['keepalived', '--dont-fork', '--log-console', '--check', '-f', file],
    ...['-p', join(directory, 'pid'), '-c', join(directory, 'checkers.pid')],
  ],
  dead: /(10\.1\.\d+\.\d+).*(?:fail|timeout)/i,
};

export const healthChecks: Measurement = {
  rows: [FOUND, PROCESSOR, MEMORY],
  rounds: 3,
  slow: true,
  async run(rounds) {
    const checkers = new Map(Object.entries({ sdk: SDK, keepalived: KEEPALIVED }));
    for (const round of rounds) {
      const measured: [string, Measured][] = [];
      for (const [side, checker] of checkers) {
        const one = await measure(checker);
        if (one !== undefined) measured.push([side, one]);
        // All rounds have the same sides.
        else checkers.delete(side);
      }
      const of = (what: keyof Measured) => Object.fromEntries(measured.map(([side, one]) => [side, one[what]]));
      round.record(FOUND, of('found'));
      round.record(PROCESSOR, of('processor'));
      round.record(MEMORY, of('memory'));
    }
  },
};

interface Measured {
  readonly found: number;
  readonly processor: number;
  readonly memory: number;
}

/** Undefined for one that does not come to an end. */
function measure(checker: Checker): Promise<Measured | undefined> {
  return withDirector(async ({ netns }) => {
    // A dummy device asks nobody for addresses, and drops what is sent.
    for (const words of ['link add silent type dummy', 'link set silent up', 'address add 10.0.0.1/8 dev silent'])
      await output(['nsenter', `--net=${netns}`, 'ip', ...words.split(' ')]);
    const directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-bench-'));
    const file = join(directory, 'file');
    writeFileSync(file, checker.file);
    const child = spawn('nsenter', [`--net=${netns}`, ...checker.words(file, directory)], { stdio: 'pipe' });
    try {
      const found = await untilAllDead(child, checker);
      if (found === undefined) return undefined;
      const pids = await processesOf(child.pid ?? 0);
      const before = ticks(pids);
      await sleep(WATCHED * 1000);
      const processor = (100 * (ticks(pids) - before)) / HERTZ / WATCHED;
      return { found, processor, memory: memory(pids) };
    } finally {
      await end(child);
      rmSync(directory, { recursive: true });
    }
  });
}

/** nsenter becomes the program, so that a signal to it is one to the program. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), GRACE * 1000);
  await exit;
  clearTimeout(late);
}

/** Seconds to the last server that is found dead, from the start of the check that found the first. */
async function untilAllDead(child: ChildProcess, { dead }: Checker): Promise<number | undefined> {
  const found = new Set<string | undefined>();
  let first = 0;
  let last = '';
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface({ input: stream }).on('line', (line) => {
      last = line;
      const [, server] = dead.exec(line) ?? [];
      if (server === undefined) return;
      first ||= performance.now();
      found.add(server);
    });
  }
  const deadline = performance.now() + LONGEST * 1000;
  while (found.size < TARGETS) {
    if (child.exitCode !== null || performance.now() > deadline) {
      const { spawnargs, exitCode } = child;
      const how = exitCode === null ? `after ${LONGEST} s` : `and exit code ${exitCode}`;
      process.stderr.write(
        `\n${spawnargs.join(' ')}: ${found.size} of ${TARGETS} found dead ${how}; its last line: ${last}\n`,
      );
      return undefined;
    }
    await sleep(50);
  }
  return (performance.now() - first) / 1000 + TIMEOUT;
}

/** A process and its children. */
async function processesOf(pid: number): Promise<number[]> {
  const children = (await output(['cat', `/proc/${pid}/task/${pid}/children`])).trim().split(' ').filter(Boolean);
  return [pid, ...children.map(Number)];
}

/** Ticks of the processor that they have used. */
function ticks(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /, '')
      .split(' ');
    return sum + Number(fields[11]) + Number(fields[12]);
  }, 0);
}

/** Resident memory in megabytes. */
function memory(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const kibibytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return sum + (Number(kibibytes ?? 0) * 1024) / 1e6;
  }, 0);
}

function services(write: (vip: string, servers: readonly string[]) => string): string {
  return Array.from({ length: SERVICES }, (_, service) =>
    write(
      `192.0.2.${service + 1}`,
      Array.from({ length: SERVERS }, (_, server) => `10.1.${service}.${server + 1}`),
    ),
  ).join('');
}
