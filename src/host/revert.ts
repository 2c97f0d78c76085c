/**
 * Taking back what was done to a host.
 * @module
 */
import { InvalidArgumentError } from '../errors.js';
import { namespaceOfThisBoot } from '../linux/namespace-identity.js';
import { Journal, readJournal, setupText } from './journal.js';
import { Journals, type KnownJournal, type LockWaitOptions } from './journals.js';
import { isNeeded } from './needs.js';
import { HostClient, takeBack } from './perform.js';
import { addressesOf, bare, ofAnotherNamespace } from './plan.js';
import { masqueradeFamiliesOf, planFor } from './plan-for.js';
import type { AppliedStep, HostRecord } from './record.js';
import { parseHostRecord } from './schema.js';
import { checkName, checkRole, type HostSetup, parseHostSetup, type Role } from './setup.js';
import { type HostState, readHostState } from './state.js';
import type { HostStep } from './step.js';
import { type HostRunOptions, type RevertResult, stateOf, undoSteps } from './undo.js';

/**
 * What to take back: one set-up, by its description or its name; every set-up of a role, or of the host; or what a journal
 * says, by the path of its file or by its content, which then belongs to no file.
 */
export type RevertTarget =
  | HostSetup
  | { readonly role?: Role | undefined; readonly name?: string | undefined; readonly description?: undefined }
  | { readonly record: string | HostRecord };

/** How to take back. */
export interface RevertOptions extends HostRunOptions, LockWaitOptions {
  /**
   * Of a set-up by its description that no journal knows: also takes away its virtual IPs and its masquerade rules, though
   * nobody knows who set them up. Default false: they are left, and named.
   */
  readonly force?: boolean | undefined;
}

/** As `Host.revert`, in this namespace. */
export async function revertHost(
  target: RevertTarget,
  netns: string | undefined,
  options: RevertOptions = {},
): Promise<RevertResult> {
  const namespace = namespaceOfThisBoot({ netns });
  const find = finder(target, namespace);
  const journals = new Journals(namespace);
  using _lock = await journals.lock(options);
  await using host = await HostClient.open(netns);
  const all = journals.all();
  if ('record' in target && typeof target.record !== 'string') {
    return await undoSteps(
      () => true,
      { host, journal: withoutFile(parseHostRecord(target.record)), others: all },
      options,
    );
  }
  const chosen = find(all);
  if (chosen.length === 0 && isDescribed(target)) return await revertUnrecorded(target, host, all, options);
  const undone: HostStep[] = [];
  const left: RevertResult['left'][number][] = [];
  for (const { path, record } of chosen.toReversed()) {
    const { version, role, name } = record;
    using journal = Journal.open(path, { version, namespace, role, name });
    // Those that were taken back before it need nothing any more, and have no file.
    const others = journals.all().filter((other) => other.path !== path);
    const result = await undoSteps(() => true, { host, journal, others }, options);
    journal.remove();
    journals.forget(path);
    undone.push(...result.undone);
    left.push(...result.left);
  }
  return { undone, left };
}

function isDescribed(target: RevertTarget): target is HostSetup {
  return 'description' in target && target.description !== undefined;
}

/** How the journals of a target are found. What is wrong with the target shows before anything is locked. */
function finder(target: RevertTarget, namespace: string): (all: readonly KnownJournal[]) => readonly KnownJournal[] {
  checkTarget(target);
  if ('record' in target) {
    const { record: path } = target;
    const record = typeof path === 'string' ? readJournal(path) : parseHostRecord(path);
    if (record !== undefined && record.namespace !== namespace) throw ofAnotherNamespace('what the journal says');
    return () => (record === undefined || typeof path !== 'string' ? [] : [{ path, record }]);
  }
  if (target.role !== undefined) checkRole(target.role);
  if (target.name !== undefined) checkName(target.name);
  const { role, name } = isDescribed(target) ? parseHostSetup(target) : target;
  return (all) =>
    all.filter(
      ({ record }) => (role === undefined || record.role === role) && (name === undefined || record.name === name),
    );
}

/** @throws {InvalidArgumentError} */
function checkTarget(target: unknown): void {
  if (typeof target !== 'object' || target === null) throw wrong('', 'must be an object');
  for (const field of Object.keys(target)) {
    if (!['role', 'name', 'description', 'record'].includes(field)) throw wrong(field, 'unknown field');
  }
  if ('record' in target && 'role' in target) throw wrong('record', 'names a set-up by itself: leave out the role');
}

function wrong(path: string, message: string): InvalidArgumentError {
  return new InvalidArgumentError('what to take back', [{ path, message }]);
}

function withoutFile(record: HostRecord): Pick<Journal, 'record' | 'restoring' | 'undone'> {
  return { record, restoring: () => undefined, undone: () => undefined };
}

/**
 * What was there before is not known. What is a set-up's alone, by its very nature, can be taken away if that is wanted so;
 * sysctls, routes and devices are left.
 */
async function revertUnrecorded(
  setup: HostSetup,
  host: HostClient,
  others: readonly KnownJournal[],
  { force = false, onProgress, signal }: RevertOptions,
): Promise<RevertResult> {
  const { netns } = host;
  const state = await readHostState({ netns, masquerade: masqueradeFamiliesOf(parseHostSetup(setup)) });
  const undone: HostStep[] = [];
  const left: RevertResult['left'][number][] = [];
  const standing = planFor(setup, state).steps.filter(({ done }) => done);
  for (const step of standing.map(bare).toReversed()) {
    signal?.throwIfAborted();
    const applied: AppliedStep = { step, sysctls: [], routes: [] };
    const needing = others.find(({ record }) => isNeeded(applied, record.needs));
    if (needing !== undefined) {
      left.push({ step, what: `${stateOf(step)} stays: ${setupText(needing.record)} needs it` });
    } else if (!(step.id === 'vip' || step.id === 'masquerade')) {
      left.push({ step, what: `${stateOf(step)} stays: no journal says what was there before` });
    } else if (!force) {
      left.push({ step, what: `${stateOf(step)} stays: no journal says who set it up; force takes it away` });
    } else {
      for (const one of actual(step, state)) await takeBack({ ...applied, step: one }, [], host);
      undone.push(step);
      onProgress?.({ done: undone.length, total: standing.length, step });
    }
  }
  return { undone, left };
}

/** A step as it stands on the host: a virtual IP may be on another device, or have another prefix. */
function actual(step: HostStep, state: HostState): HostStep[] {
  if (step.kind !== 'address') return [step];
  return addressesOf(step, state).map(({ device, prefix }) => ({ ...step, device, prefix }));
}
