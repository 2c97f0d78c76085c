/**
 * What a program handed in, checked: every mistake by its path, before a line is written.
 * @module
 */
import { InvalidArgumentError, type Issue } from '../errors.js';
import { asObject, issuesOf, joinPath, readList } from '../model/fields.js';
import { integer, lazy, parse } from '../model/parse.js';
import { whole } from '../model/rules.js';
import type { Counters } from '../model/stats.js';
import { parseSyncDaemon, type SyncDaemon } from '../model/sync-daemon.js';
import { readHeldTimeouts } from '../model/timeouts.js';
import { STEP_CAUSES } from './keep-counters.js';
import { METRICS_FORMATS } from './text.js';

/** The subject of every error. */
const SUBJECT = 'metrics';

/** Gathers what is wrong, under the path of the part. */
export class Gathered {
  readonly #issues: Issue[] = [];

  /** Undefined for what is wrong. */
  attempt<T>(path: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      for (const issue of issuesOf(error)) this.#issues.push({ ...issue, path: joinPath(path, issue.path) });
      return undefined;
    }
  }

  /** @throws {InvalidArgumentError} with everything that is wrong. */
  end(): void {
    if (this.#issues.length > 0) throw new InvalidArgumentError(SUBJECT, this.#issues);
  }
}

/** @throws {InvalidArgumentError} */
export function refuse(path: string, message: string): never {
  throw new InvalidArgumentError(SUBJECT, [{ path, message }]);
}

/** A list, whose items are checked later. */
export function asList(path: string, input: unknown): readonly unknown[] {
  return Array.isArray(input) ? input : refuse(path, 'must be a list');
}

/** @throws {InvalidArgumentError} unless it is an object with fields. */
export function asFields(input: unknown): Readonly<Record<string, unknown>> {
  return asObject(SUBJECT, input);
}

const CONNECTIONS = whole(0, 0xffffffff);

/** A number of connections, which the kernel counts in 32 bits. */
export function readConnections(path: string, input: unknown): number {
  return CONNECTIONS.read(input) ?? refuse(path, CONNECTIONS.problem(input));
}

const COUNTERS = ['connections', 'inPackets', 'outPackets', 'inBytes', 'outBytes'] as const;

/** Counters as they are: a table has a hundred thousand of them. */
export function readCounters(input: unknown): Counters {
  const counters = asFields(input);
  for (const name of COUNTERS) {
    const value = counters[name];
    if (typeof value !== 'bigint' || value < 0n) refuse(name, 'must be a bigint, 0n or more');
  }
  return counters as unknown as Counters;
}

const count = () => integer(0, Number.MAX_SAFE_INTEGER);
/** Milliseconds, of a span or since 1970. */
export const milliseconds = lazy((z) => z.number().min(0, { error: 'must be milliseconds, 0 or more' }));

const optionsSchema = lazy((z) =>
  z.looseObject({
    format: z.enum(METRICS_FORMATS, { error: 'must be prometheus, openmetrics' }).default('prometheus'),
    names: z.enum(['ipvs', 'node_exporter'], { error: 'must be ipvs, node_exporter' }).default('ipvs'),
    top: integer(0, 1_000_000, ' services').optional(),
    serviceNames: z
      .union([z.map(z.string(), z.string()), z.record(z.string(), z.string())], {
        error: 'must be a Map or an object of texts',
      })
      .optional(),
  }),
);

/** Options with their defaults. */
export function readOptions(input: unknown) {
  return parse(optionsSchema, 'metrics options', asObject('metrics options', input));
}

const partsSchema = lazy((z) =>
  z.looseObject({
    countsTraffic: z.boolean({ error: 'must be true or false' }).optional(),
    info: z.looseObject({ version: z.string(), connectionTableSize: count() }).optional(),
    overrides: z.array(z.looseObject({ kind: z.enum(['weight', 'drain']) })).optional(),
    checker: z
      .strictObject({ lag: milliseconds().optional(), running: count().optional(), waiting: count().optional() })
      .optional(),
    healthCounts: z
      .looseObject({ up: count(), down: count(), massFailures: count(), late: milliseconds(), unmeasured: count() })
      .optional(),
    keep: z
      .looseObject({
        ready: integer(0, 1),
        applied: count(),
        drift: count(),
        refused: count(),
        badSource: count(),
        failed: count(),
        steps: z.record(z.enum(STEP_CAUSES), count()),
      })
      .optional(),
  }),
);

/** What of the input is small, with its values checked. */
export function readParts(input: unknown, gathered: Gathered) {
  const fields = asFields(input);
  const { totals, timeouts, daemons } = fields;
  const given = <T>(path: string, value: unknown, read: (value: unknown) => T) =>
    value === undefined ? undefined : gathered.attempt(path, () => read(value));
  const { table: _, desired: _desired, ...rest } = fields;
  const parts = gathered.attempt('', () => parse(partsSchema, SUBJECT, rest));
  return {
    ...parts,
    totals: given('totals', totals, readCounters),
    timeouts: given('timeouts', timeouts, readHeldTimeouts),
    daemons: given('daemons', daemons, (list) =>
      readList(SUBJECT, list, (daemon) => parseSyncDaemon(daemon as SyncDaemon)),
    ),
  };
}
