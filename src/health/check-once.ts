/**
 * Every check of a table, once.
 * @module
 */
import { type Check, parseCheck } from '../model/check.js';
import { type DesiredTable, type NormalDesiredTable, parseDesiredTable } from '../model/desired.js';
import { formatDestinationKey } from '../model/destination.js';
import { addressSchema, integer, lazy, parse, portSchema } from '../model/parse.js';
import { formatServiceKey, type ServiceKeyText } from '../model/service-key.js';
import type { CheckOutcome } from './check-outcome.js';
import { checkedServers, checkedServices, type Job } from './jobs.js';
import { runCheck } from './run-check.js';

/** What one check of one server found. Plain JSON. */
export interface CheckResult {
  /** The services that the server is checked for, by this check. */
  readonly services: readonly ServiceKeyText[];
  /** The real server: `10.0.0.11:80`. */
  readonly server: string;
  /** What was asked, if that is elsewhere: `10.0.0.11:8080`. */
  readonly target: string;
  /** The check's type: `tcp`. */
  readonly check: string;
  readonly result: CheckOutcome['result'];
  readonly reason: string;
  /** Milliseconds that it took. */
  readonly took: number;
}

/** What {@link checkOnce} takes. */
export interface CheckOnceOptions {
  /** How many run at once, 1 to 10000. Default 100. */
  readonly parallel?: number | undefined;
  /** Called as each ends. */
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
  /** Ends it with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

const optionsSchema = lazy((z) => z.object({ parallel: integer(1, 10_000).default(100) }));

/**
 * Runs every check that a table has (its section `health`), equal ones once, and gives their results in the table's order.
 * @throws {InvalidArgumentError} for a table that is none.
 *
 * @example
 * ```ts
 * import { loadStateFile } from 'ipvs-ts/config';
 * import { checkOnce } from 'ipvs-ts/health';
 *
 * const results = await checkOnce(await loadStateFile('director.yaml'));
 * for (const { server, result, reason } of results) console.log(server, result, reason);
 * ```
 */
export async function checkOnce(table: DesiredTable, options: CheckOnceOptions = {}): Promise<CheckResult[]> {
  const { parallel } = parse(optionsSchema, 'check', options);
  const { onProgress, signal = new AbortController().signal } = options;
  const wanted = wantedOf(parseDesiredTable(table));
  const results: CheckResult[] = [];
  let [next, done] = [0, 0];
  const work = async () => {
    while (next < wanted.length && !signal.aborted) {
      const index = next++;
      const entry = wanted[index];
      if (entry === undefined) break;
      results[index] = await resultOf(entry, signal);
      onProgress?.({ done: ++done, total: wanted.length });
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, wanted.length) }, work));
  signal.throwIfAborted();
  return results;
}

const targetSchema = lazy((z) => z.strictObject({ address: addressSchema(), port: portSchema().default(0) }));

/**
 * One run of one check against one real server. The check's own address and port come before the target's.
 * @throws {InvalidArgumentError} with the path of each field that is wrong.
 *
 * @example
 * ```ts
 * import { checkServer } from 'ipvs-ts/health';
 *
 * const { result, reason } = await checkServer({ address: '10.0.0.11', port: 80 }, { type: 'http', path: '/health' });
 * ```
 */
export async function checkServer(
  target: { readonly address: string; readonly port?: number | undefined },
  check: Check,
  { signal = new AbortController().signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<CheckOutcome> {
  const { address, port } = parse(targetSchema, 'target', target);
  const parsed = parseCheck(check);
  return runCheck({ address: parsed.address ?? address, port: parsed.port ?? port }, parsed, signal);
}

/** A check, with the services that it is for. */
interface Wanted {
  readonly job: Job;
  readonly server: string;
  readonly services: ServiceKeyText[];
}

function wantedOf({ services = [], health = [] }: NormalDesiredTable): Wanted[] {
  const wanted = new Map<string, Wanted>();
  for (const checked of checkedServices(services, health)) {
    const service = formatServiceKey(checked.service);
    for (const { destination, jobs } of checkedServers(checked)) {
      for (const job of jobs) {
        const known = wanted.get(job.key);
        if (known === undefined)
          wanted.set(job.key, { job, server: formatDestinationKey(destination), services: [service] });
        else known.services.push(service);
      }
    }
  }
  return [...wanted.values()];
}

async function resultOf({ job, server, services }: Wanted, signal: AbortSignal): Promise<CheckResult> {
  const started = performance.now();
  const { result, reason } = await runCheck(job.target, job.check, signal);
  const took = Math.round((performance.now() - started) * 10) / 10;
  return { services, server, target: formatDestinationKey(job.target), check: job.check.type, result, reason, took };
}
