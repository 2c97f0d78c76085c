/**
 * From the table as it is to the table that is wanted: the steps, in an order that harms no connection.
 *
 * What has the same key is changed in place: the kernel takes every other field of a service (SET_SERVICE) and of a destination
 * (SET_DEST) anew, and connections and counters stay. Only sync daemons have no such command; one that changes is stopped and
 * started again.
 * @module
 */
import { InvalidArgumentError, type Issue } from '../errors.js';
import { type NormalChange, objectOf } from '../model/change.js';
import {
  type DesiredTable,
  type NormalDesiredService,
  type NormalDesiredTable,
  type OddWish,
  readDesiredTable,
} from '../model/desired.js';
import {
  addDestinationOddities,
  formatDestinationKey,
  makeDestination,
  type NormalDestination,
} from '../model/destination.js';
import { addOddities } from '../model/service.js';
import {
  formatServiceKey,
  makeServiceKey,
  type NormalServiceKey,
  type ServiceKey,
  type ServiceKeyText,
} from '../model/service-key.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import type { NormalTableService } from '../model/table.js';
import type { Timeouts } from '../model/timeouts.js';
import { daemonDifference, destinationDifference, serviceDifference, timeoutsDifference } from './difference.js';
import { type Scope, scopeMatcher } from './scope.js';
import { type NormalState, readGivenState, type State } from './state.js';

/**
 * The parts of a plan, in their order; each is over before the next begins, so that nothing is taken away before what takes
 * its place is there.
 *
 * - `stop`: sync daemons, which would keep destinations of another address family out.
 * - `timeouts`
 * - `add`: services with their destinations, and destinations. The kernel has no command for a service with its destinations:
 *   for some microseconds a new service has none.
 * - `change`: destinations whose weight does not fall.
 * - `settings`: of services. Where the scheduler changes, the service has none for the length of an RCU grace period, a few
 *   milliseconds on a machine of several processors, and the kernel refuses new connections meanwhile (ip_vs_edit_service in
 *   ip_vs_ctl.c, since 3.10); connections that are there go on.
 * - `lower`: destinations whose weight falls.
 * - `remove`: destinations and services.
 * - `start`: sync daemons.
 */
export const STAGES = ['stop', 'timeouts', 'add', 'change', 'settings', 'lower', 'remove', 'start'] as const;
/** One of {@link STAGES}. */
export type Stage = (typeof STAGES)[number];

/** One thing to do. Plain JSON. */
export interface Step {
  readonly stage: Stage;
  readonly change: NormalChange;
  /** `update destination 10.0.0.2:80 of tcp://192.0.2.1:80` */
  readonly what: string;
  /** `weight 1 -> 5` */
  readonly why: string;
  /** What takes it back, in order. */
  readonly undo: readonly NormalChange[];
}

/** What is to be done, in order. Plain JSON; it changes nothing until it is applied. */
export interface Plan {
  readonly steps: readonly Step[];
  /** Services within the scope that nobody wants, left alone for want of `prune`. */
  readonly unmanaged: readonly ServiceKeyText[];
}

/** What a plan is about. */
export interface PlanOptions {
  /**
   * The services that the desired table is about; default all. Those outside are neither compared nor touched. Timeouts and
   * sync daemons belong to the whole director, and count wherever they are wanted.
   */
  readonly scope?: Scope | undefined;
  /** Whether services within the scope that are not wanted are deleted. Default false. */
  readonly prune?: boolean | undefined;
}

/**
 * Compares. Equal tables give no steps.
 * @throws {InvalidArgumentError} with the path of everything that is wrong: a value that no kernel takes, a wanted service
 *   outside the scope, one thing wanted twice; and for a state without the timeouts or daemons that it is to be compared with.
 * @throws {UnavailableError} for a state read from /proc, which does not tell enough.
 *
 * @example
 * ```ts
 * import { loadStateFile } from 'ipvs-ts/config';
 * import { plan, readState } from 'ipvs-ts/reconcile';
 * const wanted = await loadStateFile('/etc/ipvs.yaml');
 * for (const { what, why } of plan(await readState(ipvs, wanted), wanted).steps) console.log(what, why);
 * ```
 */
export function plan(current: State, desired: DesiredTable, { scope, prune = false }: PlanOptions = {}): Plan {
  const state = readGivenState(current);
  const wanted = wantedOf(state, desired);
  const inScope = scopeMatcher(scope);
  refuseOutside(wanted, inScope);
  const here = state.services.filter(({ service }) => inScope(service));
  const unwanted = wanted.services === undefined ? [] : without(here, wanted.services);
  const steps = [
    ...timeoutsSteps(state, wanted),
    ...daemonSteps(state, wanted),
    ...servicesSteps(here, wanted.services ?? []),
    ...(prune ? unwanted.map(deleteService) : []),
  ];
  return {
    steps: inOrder(steps),
    unmanaged: prune ? [] : unwanted.map(({ service }) => formatServiceKey(service)),
  };
}

/** Steps of a table in the order of their stages. */
export function inOrder(steps: readonly Step[]): Step[] {
  return STAGES.flatMap((stage) => steps.filter((step) => step.stage === stage));
}

/** The wanted table, checked. What no program should write may be wanted only where it is so already. */
function wantedOf(state: NormalState, desired: DesiredTable): NormalDesiredTable {
  const { table, odd } = readDesiredTable(desired);
  const issues = odd.filter((wish) => !isHeld(state, wish)).map(({ path, message }) => ({ path, message }));
  if (issues.length > 0) throw new InvalidArgumentError('desired table', issues);
  return table;
}

function isHeld(state: NormalState, { service, destination, message }: OddWish): boolean {
  const name = formatServiceKey(service);
  const entry = state.services.find((one) => formatServiceKey(one.service) === name);
  const odd: Issue[] = [];
  if (entry !== undefined && destination === undefined) addOddities(entry.service, odd);
  if (entry !== undefined && destination !== undefined) {
    const key = formatDestinationKey(destination);
    const held = entry.destinations.find((one) => formatDestinationKey(one.destination) === key);
    if (held !== undefined) addDestinationOddities(entry.service, held.destination, odd);
  }
  return odd.some((issue) => issue.message === message);
}

function refuseOutside({ services = [] }: NormalDesiredTable, inScope: (key: ServiceKey) => boolean): void {
  const issues = services.flatMap(({ service }, index) => {
    const message = `${formatServiceKey(service)} is outside the scope`;
    return inScope(service) ? [] : [{ path: `services[${index}]`, message }];
  });
  if (issues.length > 0) throw new InvalidArgumentError('desired table', issues);
}

function without(here: readonly NormalTableService[], wanted: readonly NormalDesiredService[]): NormalTableService[] {
  const names = new Set(wanted.map(({ service }) => formatServiceKey(service)));
  return here.filter(({ service }) => !names.has(formatServiceKey(service)));
}

const WANTED = 'wanted, and not there';
const UNWANTED = 'there, and not wanted';

function makeStep(stage: Stage, change: NormalChange, why: string, ...undo: readonly NormalChange[]): Step {
  const words = [change.verb.replace('-', ' '), objectOf(change)];
  return { stage, change, what: words.filter((word) => word !== undefined).join(' '), why, undo };
}

function timeoutsSteps(current: NormalState, { timeouts: wanted }: NormalDesiredTable): Step[] {
  if (wanted === undefined) return [];
  const from = needed('timeouts', current.timeouts);
  const why = timeoutsDifference(from, wanted);
  if (why === '') return [];
  const names = ['tcp', 'tcpFin', 'udp'] as const;
  const differing = names.filter((name) => wanted[name] !== undefined && wanted[name] !== from[name]);
  const only = (all: Partial<Timeouts>) => Object.fromEntries(differing.map((name) => [name, all[name]]));
  const undo: NormalChange = { verb: 'set-timeouts', timeouts: only(from) };
  return [makeStep('timeouts', { verb: 'set-timeouts', timeouts: only(wanted) }, why, undo)];
}

function daemonSteps(current: NormalState, { daemons: wanted }: NormalDesiredTable): Step[] {
  if (wanted === undefined) return [];
  const running = needed('daemons', current.daemons);
  const stopped = running.filter(({ role }) => !wanted.some((daemon) => daemon.role === role));
  return [
    ...stopped.map((daemon) => stopDaemon('stop', daemon, UNWANTED)),
    ...wanted.flatMap((daemon) =>
      daemonStep(
        running.find(({ role }) => role === daemon.role),
        daemon,
      ),
    ),
  ];
}

function daemonStep(running: NormalSyncDaemon | undefined, wanted: NormalSyncDaemon): Step[] {
  if (running === undefined) return [startDaemon(wanted, WANTED)];
  const why = daemonDifference(running, wanted);
  return why === '' ? [] : [stopDaemon('start', running, why), startDaemon(wanted, why)];
}

function stopDaemon(stage: Stage, daemon: NormalSyncDaemon, why: string): Step {
  return makeStep(stage, { verb: 'stop-daemon', role: daemon.role }, why, { verb: 'start-daemon', daemon });
}

function startDaemon(daemon: NormalSyncDaemon, why: string): Step {
  return makeStep('start', { verb: 'start-daemon', daemon }, why, { verb: 'stop-daemon', role: daemon.role });
}

function needed<T>(name: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new InvalidArgumentError('state', [{ path: name, message: 'is needed, since the desired table has them' }]);
}

function servicesSteps(here: readonly NormalTableService[], wanted: readonly NormalDesiredService[]): Step[] {
  const there = new Map(here.map((entry) => [formatServiceKey(entry.service), entry]));
  return wanted.flatMap((entry) => {
    const found = there.get(formatServiceKey(entry.service));
    return found === undefined ? addService(entry) : changeService(found, entry);
  });
}

function addService({ service, destinations }: NormalDesiredService): Step[] {
  const key = makeServiceKey(service);
  return [
    makeStep('add', { verb: 'add-service', service }, WANTED, { verb: 'delete-service', key }),
    ...destinations.map((destination) => addDestination(key, destination)),
  ];
}

function changeService(found: NormalTableService, { service, destinations }: NormalDesiredService): Step[] {
  const key = makeServiceKey(service);
  const there = new Map(found.destinations.map(({ destination }) => [formatDestinationKey(destination), destination]));
  const steps: Step[] = [];
  for (const destination of destinations) {
    const name = formatDestinationKey(destination);
    const old = there.get(name);
    there.delete(name);
    steps.push(...(old === undefined ? [addDestination(key, destination)] : changeDestination(key, old, destination)));
  }
  const why = serviceDifference(found.service, service);
  const undo: NormalChange = { verb: 'update-service', service: found.service };
  if (why !== '') steps.push(makeStep('settings', { verb: 'update-service', service }, why, undo));
  return [...steps, ...Array.from(there.values(), (old) => deleteDestination(key, old))];
}

function addDestination(key: NormalServiceKey, destination: NormalDestination): Step {
  const undo: NormalChange = { verb: 'delete-destination', key, destination: endpointOf(destination) };
  return makeStep('add', { verb: 'add-destination', key, destination }, WANTED, undo);
}

function changeDestination(key: NormalServiceKey, from: NormalDestination, to: NormalDestination): Step[] {
  const why = destinationDifference(from, to);
  if (why === '') return [];
  const stage = to.weight < from.weight ? 'lower' : 'change';
  const undo: NormalChange = { verb: 'update-destination', key, destination: from };
  return [makeStep(stage, { verb: 'update-destination', key, destination: to }, why, undo)];
}

/** A step that lowers a weight in the place of one that removes the server. */
export function lowerWeight(key: NormalServiceKey, from: NormalDestination, weight: number, why: string): Step {
  const undo: NormalChange = { verb: 'update-destination', key, destination: from };
  const change: NormalChange = { verb: 'update-destination', key, destination: makeDestination({ ...from, weight }) };
  return makeStep('lower', change, `weight ${from.weight} -> ${weight}: ${why}`, undo);
}

function deleteDestination(key: NormalServiceKey, destination: NormalDestination): Step {
  const undo: NormalChange = { verb: 'add-destination', key, destination };
  const change: NormalChange = { verb: 'delete-destination', key, destination: endpointOf(destination) };
  return makeStep('remove', change, UNWANTED, undo);
}

/** The kernel tells the newest destination first: they come back oldest first, and so in the order they had. */
function deleteService({ service, destinations }: NormalTableService): Step {
  const key = makeServiceKey(service);
  const servers = destinations.map(({ destination }): NormalChange => ({ verb: 'add-destination', key, destination }));
  const undo: NormalChange[] = [{ verb: 'add-service', service }, ...servers.toReversed()];
  return makeStep('remove', { verb: 'delete-service', key }, UNWANTED, ...undo);
}

function endpointOf({ address, port }: NormalDestination): { address: string; port: number } {
  return { address, port };
}
