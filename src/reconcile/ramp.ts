/**
 * Giving a real server another weight in steps: a slow start for a new one, or less and less for one that is to be relieved.
 * @module
 */
import { KernelError } from '../errors.js';
import { type DestinationKey, formatDestinationKey, INT_MAX, parseDestinationKey } from '../model/destination.js';
import { integer, lazy, parse } from '../model/parse.js';
import { parseServiceKey, type ServiceKey, type ServiceKeyText } from '../model/service-key.js';
import type { TableAccess } from '../model/table-access.js';
import { pause } from './pause.js';

/** How far a ramp is. */
export interface RampProgress {
  readonly done: number;
  readonly total: number;
  /** The weight that the server has now. */
  readonly weight: number;
}

/** What {@link ramp} takes. */
export interface RampOptions {
  /** The weight in the end, 0 to 2147483647. */
  readonly to: number;
  /** Milliseconds from the first step to the last, 0 to 86400000 (a day). */
  readonly over: number;
  /** How many steps, 1 to 1000, the first at once. Default 10; steps that would change nothing are left out. */
  readonly steps?: number | undefined;
  /** Called after each step: how many are done, of how many, and the weight that this one set. */
  readonly onProgress?: ((progress: RampProgress) => void) | undefined;
  /** Ends it with `signal.reason`; the weight stays as it is then. */
  readonly signal?: AbortSignal | undefined;
}

/** `done`; `gone`, the server is not there (any more); `taken over`, somebody else gave it a weight, which is respected. */
export type RampOutcome = 'done' | 'gone' | 'taken over';

const rampSchema = lazy((z) =>
  z.object({
    to: integer(0, INT_MAX),
    over: integer(0, 86_400_000, ' milliseconds'),
    steps: integer(1, 1000).default(10),
  }),
);

/**
 * Changes a weight in equal steps at equal intervals, beginning with the weight that the server has. Nothing else of it changes.
 * @throws {InvalidArgumentError} for a key or an option that is none.
 * @throws {KernelError} if the kernel refuses.
 *
 * @example
 * ```ts
 * import { ramp } from 'ipvs-ts/reconcile';
 * await ramp(ipvs, 'tcp://192.0.2.1:80', { address: '10.0.0.11' }, { to: 100, over: 60_000 });
 * ```
 */
export async function ramp(
  table: TableAccess,
  service: ServiceKey | ServiceKeyText,
  destination: DestinationKey,
  options: RampOptions,
): Promise<RampOutcome> {
  const { to, over, steps } = parse(rampSchema, 'ramp', options);
  const { signal, onProgress } = options;
  const key = parseServiceKey(service);
  const name = formatDestinationKey(parseDestinationKey(key, destination));
  const find = async () =>
    (await table.listDestinations(key, { signal })).find((entry) => formatDestinationKey(entry.destination) === name);
  let weight = (await find())?.destination.weight;
  if (weight === undefined) return 'gone';
  const weights = weightsBetween(weight, to, steps);
  for (const [index, next] of weights.entries()) {
    if (index > 0) await pause(over / (weights.length - 1), signal);
    signal?.throwIfAborted();
    const found = (await find())?.destination;
    if (found === undefined) return 'gone';
    if (found.weight !== weight) return 'taken over';
    try {
      await table.apply({ verb: 'update-destination', key, destination: { ...found, weight: next } });
    } catch (error) {
      if (error instanceof KernelError && (error.code === 'ENOENT' || error.code === 'ESRCH')) return 'gone';
      throw error;
    }
    weight = next;
    onProgress?.({ done: index + 1, total: weights.length, weight: next });
  }
  return 'done';
}

/** The weights to set, each once; the last is `to`. */
function weightsBetween(from: number, to: number, steps: number): number[] {
  const weights = Array.from({ length: steps }, (_, index) => Math.round(from + ((to - from) * (index + 1)) / steps));
  return weights.filter((weight, index) => weight !== (weights[index - 1] ?? from));
}
