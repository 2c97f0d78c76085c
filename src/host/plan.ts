/**
 * Plans: the steps of a set-up, and which of them a host has already.
 * @module
 */
import { type Family, familyOf } from '../address/ip.js';
import { UnavailableError } from '../errors.js';
import type { NamespaceOptions } from '../linux/namespace.js';
import type { Mode } from '../model/director.js';
import type { FouPort } from '../netlink/fou.js';
import type { AddressEntry, AddressKey } from '../netlink/route/address.js';
import type { LinkEntry } from '../netlink/route/link.js';
import type { RouteEntry } from '../netlink/route/route.js';
import { readMarks } from './masquerade.js';
import type { Role } from './setup.js';
import { type HostState, readHostState } from './state.js';
import type { AddressStep, FouPortStep, GreDeviceStep, HostStep } from './step.js';

/** A step, and whether the host has it already. */
export type PlannedStep = HostStep & { readonly done: boolean };

/** What keeps a plan from being carried out, and is not for this library to mend. */
export interface Obstacle {
  readonly id: 'no-device' | 'no-module' | 'no-masquerade' | 'no-ipv6' | 'vip-unusable' | 'no-local' | 'port-taken';
  /** `there is no device tunl0` */
  readonly what: string;
  /** What to do about it: `modprobe ipip`. */
  readonly hint: string;
}

/** What is to be done on a host, in order. A plan is plain JSON; it changes nothing until it is applied. */
export interface HostPlan {
  /** The network namespace that it was made for, by a name that is never used again. It can be applied to no other one. */
  readonly namespace: string;
  readonly role: Role;
  readonly mode: Mode;
  /** The name of the set-up. */
  readonly name: string;
  readonly steps: readonly PlannedStep[];
  /** While there is one, the plan can't be applied. */
  readonly obstacles: readonly Obstacle[];
}

/** The steps, each with whether it is so in this state. */
export function planned(steps: readonly HostStep[], state: HostState): PlannedStep[] {
  return steps.map((step) => ({ ...step, done: isApplied(step, state) }));
}

/** The step alone, as journals have it. */
export function bare({ done: _, ...step }: PlannedStep): HostStep {
  return step;
}

/** Whether a step is so in this state. */
export function isApplied(step: HostStep, state: HostState): boolean {
  switch (step.kind) {
    case 'sysctl':
      return [step.value, ...step.alsoGood].some((value) => value === state.sysctls[step.name]);
    case 'address':
      return addressesOf(step, state).length > 0;
    case 'address-removal':
      return !state.addresses.some((entry) => isSame(entry, step));
    case 'route':
      return bestRoute(step.destination, state)?.gateway === step.gateway;
    case 'link-up':
      return state.links.some(({ name, up }) => name === step.device && up);
    case 'gre-device':
      return state.links.some((link) => isGreDevice(link, step));
    case 'fou-port':
      return state.fou?.ports?.some((port) => isGuePort(port, step)) ?? false;
    case 'masquerade':
      return state.masquerade[familyOf(step.network)]?.marks.includes(step.mark) ?? false;
  }
}

/** Whether a device is one that such a step makes. */
export function isGreDevice({ name, greChecksum, greLocal }: LinkEntry, { device, local }: GreDeviceStep): boolean {
  return name === device && greChecksum === true && greLocal === local;
}

/** Whether a FOU port is one that such a step opens. */
export function isGuePort(found: FouPort, wanted: Pick<FouPortStep, 'port' | 'family'>): boolean {
  return isSamePort(found, wanted) && found.type === 'gue' && !found.bound;
}

/** Whether a FOU port has the number that such a step wants. */
export function isSamePort(found: FouPort, { port, family }: Pick<FouPortStep, 'port' | 'family'>): boolean {
  return found.port === port && found.family === family;
}

/** The addresses by which an address step is so. */
export function addressesOf(step: AddressStep, state: HostState): AddressEntry[] {
  return state.addresses.filter((entry) => isBearer(entry.device, step, state) && isServed(step, entry));
}

/** A real server may have a VIP on any device of which the network hears nothing: lo, a dummy, a tunnel. */
function isBearer(device: string, step: AddressStep, { links }: HostState): boolean {
  if (device === step.device) return true;
  return !step.announce && links.some(({ name, loopback, noarp, up }) => name === device && up && (loopback || noarp));
}

/**
 * Whether an address is as good as the step's. A director may have a VIP with the prefix of a network, and IPv6 has each
 * address once on a device. On a real server the prefix must be right: 10.0.0.100/24 on lo would make all of that network this
 * host itself.
 */
export function isServed(step: AddressStep, entry: { readonly address: string; readonly prefix: number }): boolean {
  if (entry.address !== step.address) return false;
  return entry.prefix === step.prefix || step.announce || familyOf(step.address) === 'ipv6';
}

function isSame(entry: AddressKey, { device, address, prefix }: AddressKey): boolean {
  return entry.device === device && entry.address === address && entry.prefix === prefix;
}

/** The route to a destination that is taken before all others, of the table main. */
function bestRoute(destination: string, { routes }: HostState): RouteEntry | undefined {
  return routes
    .filter((route) => route.table === 'main' && route.destination === destination)
    .toSorted((left, right) => (left.metric ?? 0) - (right.metric ?? 0))[0];
}

/** How to check a plan. */
export interface CheckPlanOptions extends NamespaceOptions {
  /** What is about to be taken back: by these addresses no step is done. */
  readonly going?: readonly HostStep[] | undefined;
}

/** A state in which the addresses of some steps are not there any more. */
export function withoutAddresses(state: HostState, going: readonly HostStep[]): HostState {
  const isGoing = (entry: AddressEntry) => going.some((step) => step.kind === 'address' && isSame(entry, step));
  return { ...state, addresses: state.addresses.filter((entry) => !isGoing(entry)) };
}

/**
 * The same plan with every `done` as the host is now.
 * @throws as `readHostState`; {UnavailableError} if the firewall's program fails.
 */
export async function checkPlan(plan: HostPlan, { netns, going = [] }: CheckPlanOptions = {}): Promise<HostPlan> {
  const fou = plan.steps.some(({ kind }) => kind === 'fou-port');
  const state = withoutAddresses(await readHostState({ netns, fou }), going);
  if (state.namespace !== plan.namespace) throw ofAnotherNamespace('the plan');
  const masquerade: Partial<Record<Family, { marks: string[] }>> = {};
  for (const step of plan.steps) {
    if (step.kind !== 'masquerade') continue;
    const family = familyOf(step.network);
    masquerade[family] = { marks: await readMarks(step.tool, family, netns) };
  }
  return { ...plan, steps: planned(plan.steps, { ...state, masquerade }) };
}

/** What was made for one network namespace, or before the machine started again, is nothing for this one. */
export function ofAnotherNamespace(what: string): UnavailableError {
  return new UnavailableError(`${what} was made for another network namespace, or before this machine started`);
}
