/**
 * What is known of every check, as a file: a program that is started again goes on with it, and others look at it.
 * @module
 */
import { join } from 'node:path';
import { readStateText, stateFilesIn, writeStateText } from '../linux/state-directory.js';
import { lazy } from '../model/parse.js';
import { type Scope, scopeName } from '../reconcile/scope.js';
import type { LoadState } from './load.js';
import type { Tier } from './tiers.js';
import type { CheckState } from './verdict.js';

/** One check of one server, as `ipvs-ts health` shows it. Times are milliseconds since 1970. */
export interface CheckReport extends CheckState {
  /** The check's type: `tcp`. */
  readonly check: string;
  /** What is checked: `10.0.0.11:80`. */
  readonly target: string;
  /** Milliseconds that the last run took. */
  readonly took?: number;
  /** Why the last run could not be made. Absent if it could. */
  readonly notMeasured?: string;
  /** Something to look at soon: `the certificate ends in 3 days`. */
  readonly warning?: string;
  /** Percent of its weight that the server asks for. */
  readonly load?: number;
}

/** One real server of one service. */
export interface ServerReport {
  readonly service: string;
  readonly server: string;
  readonly role: 'server' | 'backup';
  /** `unchecked`: it has no checks. */
  readonly status: 'unknown' | 'up' | 'down' | 'unchecked';
  /** What health makes of it in the table: nothing, weight 0, or not there. */
  readonly action: 'none' | 'quiesce' | 'remove';
  /** When it came back last, from which its ramp goes. Absent: it was never away. */
  readonly returned?: number;
  readonly checks: readonly CheckReport[];
}

/** One service. */
export interface ServiceReport {
  readonly service: string;
  readonly tier: Tier;
  readonly hasQuorum: boolean;
  /** Who serves besides its own servers: `10.0.0.21:80`. */
  readonly standIns: readonly string[];
}

/** What a monitor knows. Plain JSON. */
export interface HealthReport {
  readonly version: 1;
  /** When it was written. */
  readonly written: number;
  /** The program's process. */
  readonly pid: number;
  /** Since when so many servers fell at once that the table is held. */
  readonly heldSince?: number;
  readonly services: readonly ServiceReport[];
  readonly servers: readonly ServerReport[];
  /** By the key of the check: what a program that is started again goes on with. */
  readonly states: Readonly<Record<string, CheckState>>;
  /** The same for loads that servers tell of themselves. */
  readonly loads: Readonly<Record<string, LoadState>>;
}

const PREFIX = 'health';
const SUFFIX = '.json';

/** Two programs that keep different scopes of one table have a file each. */
function pathOf(directory: string, scope: Scope | undefined): string {
  return join(directory, [PREFIX, scopeName(scope)].filter((part) => part !== '').join('-') + SUFFIX);
}

/** As much as whoever reads it relies upon. */
const reportSchema = lazy((z) => {
  const state = z.looseObject({
    status: z.enum(['unknown', 'up', 'down']),
    since: z.number(),
    passes: z.number(),
    failures: z.number(),
    penalty: z.number(),
  });
  return z.looseObject({
    version: z.literal(1),
    written: z.number(),
    heldSince: z.number().optional(),
    services: z.array(
      z.looseObject({
        service: z.string(),
        tier: z.enum(['primary', 'backups', 'sorry', 'fail-open', 'nobody']),
        hasQuorum: z.boolean().default(true),
        standIns: z.array(z.string()).default([]),
      }),
    ),
    servers: z.array(
      z.looseObject({
        service: z.string(),
        server: z.string(),
        status: z.string(),
        action: z.enum(['none', 'quiesce', 'remove']),
        returned: z.number().optional(),
        checks: z.array(state),
      }),
    ),
    states: z.record(z.string(), state),
    loads: z.record(z.string(), z.object({ smooth: z.number(), taken: z.number(), at: z.number() })).default({}),
  });
});

/**
 * The last report of whoever checks there; undefined if nobody has. A file that is none of ours counts as none: it is written
 * anew.
 * @param directory as `stateDirectory` gives it
 * @param scope of the program that checks; default: none
 * @throws {UnavailableError} if it can't be read.
 */
export function readHealthReport(directory: string, scope?: Scope): HealthReport | undefined {
  return readReport(pathOf(directory, scope));
}

/**
 * The last reports of all who check there: one for each scope, also of programs that have ended.
 * @param directory as `stateDirectory` gives it
 * @throws {UnavailableError} if they can't be read.
 */
export function readHealthReports(directory: string): HealthReport[] {
  return stateFilesIn(directory, SUFFIX)
    .filter((name) => name.startsWith(PREFIX))
    .flatMap((name) => readReport(join(directory, name)) ?? []);
}

function readReport(path: string): HealthReport | undefined {
  const text = readStateText(path);
  if (text === undefined) return undefined;
  try {
    return reportSchema().safeParse(JSON.parse(text)).data as HealthReport | undefined;
  } catch {
    return undefined;
  }
}

/** @throws {UnavailableError} if it can't be written. */
export function writeHealthReport(directory: string, scope: Scope | undefined, report: HealthReport): void {
  writeStateText(pathOf(directory, scope), `${JSON.stringify(report)}\n`);
}
