/**
 * Who keeps a table: one program for each network namespace and scope, so that no two undo each other's work.
 * @module
 */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { LockedError, type LockHolder } from '../errors.js';
import { Lock, lockHolder } from '../linux/lock.js';
import { removeStateFile, stateFilesIn } from '../linux/state-directory.js';
import type { ServiceKey } from '../model/service-key.js';
import { type Scope, scopeMatcher, scopesOverlap } from './scope.js';

/** Milliseconds that another program may take to begin. */
const PATIENCE = 5000;
const SUFFIX = '.keeper';
const directoryIn = (directory: string) => join(directory, 'keepers');

/** How to claim. */
export interface ClaimOptions {
  /** The services that are meant; default all. */
  readonly scope?: Scope | undefined;
  /** The program, for whoever comes later: `ipvs-ts keep /etc/ipvs-ts.yaml`. Default: the name of this process's script. */
  readonly program?: string | undefined;
}

/**
 * Claims the services of a scope, until what comes back is disposed of or the process ends, however it ends.
 * @param directory as `stateDirectory` gives it
 * @throws {LockedError} if another program keeps a service that could be one of them.
 * @throws {UnavailableError} if the directory can't be written.
 */
export async function claimServices(directory: string, { scope, program }: ClaimOptions = {}): Promise<Disposable> {
  const keepers = directoryIn(directory);
  // Two that begin at once would else not see each other.
  using _gate = await Lock.take(join(keepers, 'gate'), { what: 'the list of keepers', wait: PATIENCE });
  for (const { path, holder } of claimsIn(keepers)) {
    if (holder === undefined) removeStateFile(path);
    else if (scopesOverlap(scope, scopeOf(holder))) throw new LockedError('the table', holder);
  }
  return Lock.take(join(keepers, `${randomUUID()}${SUFFIX}`), { what: 'a claim', program, about: { scope } });
}

/**
 * Who keeps a service; undefined if nobody does.
 * @param directory as `stateDirectory` gives it
 * @throws {UnavailableError} if that can't be found out.
 */
export function keeperOf(directory: string, service: ServiceKey): LockHolder | undefined {
  return keepersOf(directory).find((holder) => scopeMatcher(scopeOf(holder))(service));
}

/**
 * Everybody who keeps services of a table.
 * @param directory as `stateDirectory` gives it
 * @throws {UnavailableError} if that can't be found out.
 */
export function keepersOf(directory: string): LockHolder[] {
  return claimsIn(directoryIn(directory)).flatMap(({ holder }) => holder ?? []);
}

function claimsIn(keepers: string): { path: string; holder: LockHolder | undefined }[] {
  return stateFilesIn(keepers, SUFFIX).map((name) => {
    const path = join(keepers, name);
    return { path, holder: lockHolder(path) };
  });
}

/** What a claim is about was written by this file, unless its writer died in between: then it is all. */
function scopeOf({ about }: LockHolder): Scope | undefined {
  return (about as { readonly scope?: Scope } | undefined)?.scope;
}
