/**
 * Connections that stay open between the runs of a check.
 * @module
 */
import type { NormalCheck } from '../model/check.js';
import type { Target } from './check-outcome.js';
import { Connection, type ConnectionOptions } from './connection.js';
import { Run } from './run.js';

/** Runs on one connection: then a new one shows that the server still takes connections. */
const MOST_RUNS = 10;
/** So many intervals without a run close it: nobody runs the check any more. */
const IDLE_INTERVALS = 2;

/** The life of a connection, which many runs have one after the other. */
class Life extends Run {
  current: Run | undefined;
  runs = 0;
  isIdle = false;
  timer: NodeJS.Timeout | undefined;

  /** What is missing is missing to the run of the moment. */
  override waitFor(missing: string): void {
    this.current?.waitFor(missing);
  }

  /** Ends with the run, unless it is idle by then. */
  serve(run: Run): void {
    this.current = run;
    this.isIdle = false;
    this.runs += 1;
    run.onEnd(() => {
      if (!this.isIdle) this.end();
    });
  }
}

/** A connection with its life. */
export interface KeptConnection {
  readonly connection: Connection;
  readonly life: Life;
}

/** Those that are idle, of each check by the server. Two equal checks of one program are one object. */
const idle = new WeakMap<NormalCheck, Map<string, KeptConnection>>();

/** A new connection, which may be kept. */
export async function openKept(target: Target, options: ConnectionOptions, run: Run): Promise<KeptConnection> {
  const life = new Life();
  life.serve(run);
  return { connection: await Connection.open(target, options, life), life };
}

/** The one that a run before this left, if it is still good as far as can be seen. */
export function takeKept(target: Target, check: NormalCheck, run: Run): KeptConnection | undefined {
  const name = nameOf(target);
  const kept = idle.get(check)?.get(name);
  if (kept === undefined) return undefined;
  idle.get(check)?.delete(name);
  clearTimeout(kept.life.timer);
  if (!kept.connection.isQuiet) {
    kept.life.end();
    return undefined;
  }
  kept.life.serve(run);
  kept.connection.hold(true);
  return kept;
}

/** Leaves a connection, on which nothing is under way, to the next run. */
export function leave({ connection, life }: KeptConnection, target: Target, check: NormalCheck): void {
  if (life.runs >= MOST_RUNS || life.ended) return;
  const ofCheck = idle.get(check) ?? new Map<string, KeptConnection>();
  const name = nameOf(target);
  // The check of a program that runs it twice at once.
  if (ofCheck.has(name)) return;
  idle.set(check, ofCheck);
  ofCheck.set(name, { connection, life });
  life.isIdle = true;
  life.current = undefined;
  connection.hold(false);
  life.timer = setTimeout(() => {
    ofCheck.delete(name);
    life.end();
  }, IDLE_INTERVALS * check.interval).unref();
}

function nameOf({ address, port }: Target): string {
  return `${address} ${port}`;
}
