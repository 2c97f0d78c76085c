/**
 * What a change would do to traffic: how connections spread, and how many clients move, under each scheduler.
 * @module
 */
import { InvalidArgumentError } from '../../errors.js';
import { NetlinkSource } from '../../kernel/netlink-source.js';
import {
  type Destination,
  type DestinationKey,
  formatDestinationKey,
  makeDestination,
  type NormalDestination,
  parseDestination,
} from '../../model/destination.js';
import { type NormalService, parseService, type Scheduler } from '../../model/service.js';
import {
  familyOfKey,
  formatServiceKey,
  parseServiceKey,
  type ServiceKey,
  type ServiceKeyText,
} from '../../model/service-key.js';
import { readWrittenTable, type WrittenTable } from '../../model/table.js';
import { SimulatedKernel } from '../simulated-kernel.js';
import { Run, type ServerTally } from './run.js';
import { Chance, type CheckedTraffic, checkTraffic, type Traffic } from './traffic.js';

/** One change to the real servers of the service. */
export type ServerChange =
  | { readonly change: 'add'; readonly server: Destination }
  | { readonly change: 'remove'; readonly server: DestinationKey }
  | { readonly change: 'weight'; readonly server: DestinationKey; readonly weight: number };

/** What is asked. */
export interface WhatIfOptions {
  /** The service that is called; default the only one of the table. */
  readonly service?: ServiceKey | ServiceKeyText;
  /** Made at once, in this order. */
  readonly changes?: readonly ServerChange[];
  /** When, in seconds from the start; default half of the traffic's. */
  readonly at?: number;
  /** Which are compared; default the service's own. */
  readonly schedulers?: readonly Scheduler[];
  /** Ends it with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** One real server of a {@link WhatIf}. */
export interface ServerShare {
  readonly address: string;
  readonly port: number;
  /** In the end; 0 where it was removed. */
  readonly weight: number;
  /** That started there. */
  readonly connections: number;
  /** Of all connections, 0 to 1. */
  readonly share: number;
  /** The most that lasted at the same time. */
  readonly peak: number;
}

/** What happens under one scheduler. */
export interface WhatIf {
  readonly scheduler: Scheduler;
  /** That started. */
  readonly connections: number;
  /** That no real server took. */
  readonly refused: number;
  /** In the order of the table's listing: the oldest first. */
  readonly servers: readonly ServerShare[];
  /** The connections of the real server that had the most for its weight, over what its weight is worth. 1 is even. */
  readonly imbalance: number;
  /** Absent where there are no changes. */
  readonly moved?: {
    /** Clients that called before the changes and after them. */
    readonly clients: number;
    /** Those whose first connection after them went to another real server than their last one before. */
    readonly changed: number;
    /** As many would have been anyway, had nothing been changed. */
    readonly anyway: number;
  };
}

/**
 * Sends traffic to a service of a table, in memory: nothing of the running kernel is asked or changed. Time is the traffic's
 * own, and passes as fast as it can, with turns of the event loop in between: some hundred thousand connections a second. Memory grows with the connections that are in
 * the table at once (of TCP: those that last, and two minutes' worth that are over), not with how many there were.
 *
 * @throws {InvalidArgumentError} naming the field that is wrong
 *
 * @example
 * ```ts
 * import { whatIf } from 'ipvs-ts/simulator';
 * const [result] = await whatIf(await ipvs.snapshot(), { clients: 1000, rate: 100, seconds: 60 }, { schedulers: ['sh'] });
 * ```
 */
export async function whatIf(table: WrittenTable, traffic: Traffic, options: WhatIfOptions = {}): Promise<WhatIf[]> {
  const { service, destinations } = find(table, options.service);
  const checked = checkTraffic(traffic, familyOfKey(service));
  const changes = (options.changes ?? []).map((change) => checkChange(service, change));
  const at = options.at ?? checked.seconds / 2;
  if (!(at >= 0 && at <= checked.seconds)) throw invalid('at', `${at} is no number from 0 to ${checked.seconds}`);
  const { signal } = options;
  const results: WhatIf[] = [];
  for (const scheduler of options.schedulers ?? [service.scheduler]) {
    const scheduled = withScheduler(service, scheduler);
    const run = await simulate(scheduled, destinations, checked, { changes, at, signal });
    const isChanged = changes.length > 0;
    const without = isChanged
      ? await simulate(scheduled, destinations, checked, { changes: [], at, signal })
      : undefined;
    results.push(report(scheduler, run, without));
  }
  return results;
}

type CheckedChange =
  | { readonly change: 'add'; readonly server: NormalDestination }
  | { readonly change: 'remove'; readonly server: { readonly address: string; readonly port: number } }
  | {
      readonly change: 'weight';
      readonly server: { readonly address: string; readonly port: number };
      readonly weight: number;
    };

function find(table: WrittenTable, key: ServiceKey | ServiceKeyText | undefined) {
  const services = readWrittenTable('table', table).services.map(({ service, destinations }) => ({
    service,
    destinations: destinations.map(({ destination }) => destination),
  }));
  const name = key === undefined ? undefined : formatServiceKey(parseServiceKey(key));
  const names = services.map(({ service }) => formatServiceKey(service));
  const [found, ...others] = services.filter((_, index) => name === undefined || names[index] === name);
  if (found !== undefined && others.length === 0) return found;
  const what = name === undefined ? 'must be given where there is not one service' : `${name} is not in the table`;
  throw invalid('service', `${what}; there are ${names.length === 0 ? 'none' : names.join(', ')}`);
}

function checkChange(service: NormalService, change: ServerChange): CheckedChange {
  if (change.change === 'add') return { change: 'add', server: parseDestination(service, change.server) };
  const server = parseDestination(service, { forward: 'nat', ...change.server });
  const { address, port } = server;
  if (change.change === 'remove') return { change: 'remove', server: { address, port } };
  const { weight } = parseDestination(service, { forward: 'nat', address, port, weight: change.weight });
  return { change: 'weight', server: { address, port }, weight };
}

/** Flags are the scheduler's: another one does not get them. */
function withScheduler(service: NormalService, scheduler: Scheduler): NormalService {
  if (scheduler === service.scheduler) return service;
  const { schedulerFlags: _, ...rest } = service;
  return parseService({ ...rest, scheduler });
}

async function simulate(
  service: NormalService,
  destinations: readonly NormalDestination[],
  traffic: CheckedTraffic,
  { changes, at, signal }: { changes: readonly CheckedChange[]; at: number; signal: AbortSignal | undefined },
): Promise<Run> {
  const chance = new Chance(traffic.seed);
  const kernel = new SimulatedKernel({ now: () => 0, random: () => chance.whole() });
  const netlink = await NetlinkSource.open(kernel.socket(), {});
  try {
    await netlink.change({ verb: 'add-service', service });
    const run = new Run(kernel, service, traffic);
    for (const destination of destinations.toReversed()) {
      await netlink.change({ verb: 'add-destination', key: service, destination });
      run.setServer(destination);
    }
    await run.until(at, signal);
    run.startAnew();
    for (const change of changes) await make(netlink, run, service, change);
    await run.until(traffic.seconds, signal);
    return run;
  } finally {
    netlink.close();
  }
}

async function make(netlink: NetlinkSource, run: Run, key: NormalService, change: CheckedChange): Promise<void> {
  if (change.change === 'add') {
    await netlink.change({ verb: 'add-destination', key, destination: change.server });
    run.setServer(change.server);
    return;
  }
  const known = run.server(change.server);
  if (known === undefined) {
    throw invalid('changes', `${formatDestinationKey(change.server)} is no real server of ${formatServiceKey(key)}`);
  }
  if (change.change === 'remove') {
    await netlink.change({ verb: 'delete-destination', key, destination: change.server });
    run.setServer(makeDestination({ ...known, weight: 0 }));
  } else {
    const destination = makeDestination({ ...known, weight: change.weight });
    await netlink.change({ verb: 'update-destination', key, destination });
    run.setServer(destination);
  }
}

function report(scheduler: Scheduler, run: Run, without?: Run): WhatIf {
  const { connections, refused, tallies } = run;
  const servers = tallies.map(
    ({ destination: { address, port, weight }, count, peak }): ServerShare => ({
      address,
      port,
      weight,
      connections: count,
      share: connections === 0 ? 0 : count / connections,
      peak,
    }),
  );
  return {
    scheduler,
    connections,
    refused,
    servers,
    imbalance: Math.max(0, ...tallies.map(excess)),
    ...(without !== undefined && { moved: { ...run.moved, anyway: without.moved.changed } }),
  };
}

function excess({ count, fair }: ServerTally): number {
  return fair === 0 ? 0 : count / fair;
}

function invalid(path: string, message: string): InvalidArgumentError {
  return new InvalidArgumentError('what-if', [{ path, message }]);
}
