/**
 * Where overrides are kept: a directory for each network namespace, a file for each override. Whatever program makes one, a
 * running `keep` sees it at once, and one that is started later finds it.
 * @module
 */
import { watch } from 'node:fs/promises';
import { join } from 'node:path';
import { ProtocolError } from '../errors.js';
import { Lock } from '../linux/lock.js';
import type { NamespaceOptions } from '../linux/namespace.js';
import { namespaceIdentity } from '../linux/namespace-identity.js';
import {
  makeDirectory,
  readStateText,
  removeStateFile,
  runDirectory,
  stateFilesIn,
  writeStateText,
} from '../linux/state-directory.js';
import type { NormalDesiredTable } from '../model/desired.js';
import { formatDestinationKey } from '../model/destination.js';
import { formatServiceKey, type ServiceKey } from '../model/service-key.js';
import { type DrainOverride, isUnderWay, type Override, serverName, type WeightOverride } from './override.js';

/**
 * Where programs keep what they agree upon about the table of a network namespace: `/run/ipvs-ts/net-4127`, in memory, since a
 * machine that starts again has an empty table. `IPVS_TS_RUN_DIRECTORY` names another directory than `/run/ipvs-ts`.
 * @throws {UnavailableError} if there is no such namespace, or it can't be entered.
 */
export function stateDirectory(options: NamespaceOptions = {}): string {
  return join(runDirectory(), namespaceIdentity(options));
}

/**
 * The overrides that are in force, sorted by service and server; none where there is no such directory.
 * @param directory as {@link stateDirectory} gives it
 * @throws {ProtocolError} if a file there is none of ours.
 * @throws {UnavailableError} if it can't be read.
 */
export function readOverrides(directory: string): Override[] {
  return new Overrides(directory).list();
}

/** Milliseconds that another program may hold the overrides: it writes one small file meanwhile. */
const PATIENCE = 5000;
const SUFFIX = '.json';

type OfKind<Kind extends Override['kind']> = Kind extends 'drain' ? DrainOverride : WeightOverride;

/** The overrides of a directory. */
export class Overrides {
  readonly #directory: string;

  /** @param directory as {@link stateDirectory} gives it */
  constructor(directory: string) {
    this.#directory = join(directory, 'overrides');
  }

  /** Those in force, sorted by service and server. @throws as {@link readOverrides}. */
  list(now = Date.now()): Override[] {
    return this.#all().filter(({ expires }) => expires === undefined || expires > now);
  }

  /** One of them; undefined if there is none. @throws as {@link readOverrides}. */
  read<Kind extends Override['kind']>(
    kind: Kind,
    service: ServiceKey,
    destination: Override['destination'],
  ): OfKind<Kind> | undefined {
    const found = readOverride(this.#path(kind, service, destination));
    return isOfKind(found, kind) ? found : undefined;
  }

  /**
   * Writes what comes of the one that is there; undefined removes it. Nobody else writes meanwhile.
   * @throws {LockedError} if somebody else holds the lock for 5 s.
   * @throws {UnavailableError} if it can't be written.
   */
  async update<Kind extends Override['kind']>(
    kind: Kind,
    service: ServiceKey,
    destination: Override['destination'],
    change: (earlier: OfKind<Kind> | undefined) => OfKind<Kind> | undefined,
  ): Promise<OfKind<Kind> | undefined> {
    using _lock = await Lock.take(join(this.#directory, 'lock'), { what: 'the overrides', wait: PATIENCE });
    const path = this.#path(kind, service, destination);
    const next = change(this.read(kind, service, destination));
    if (next === undefined) removeStateFile(path);
    else writeStateText(path, `${JSON.stringify(next)}\n`);
    return next;
  }

  /** Removes those whose time is over. */
  async dropExpired(now = Date.now()): Promise<void> {
    const isOver = ({ expires }: Override) => expires !== undefined && expires <= now;
    for (const { kind, service, destination } of this.#all().filter(isOver)) {
      await this.update(kind, service, destination, (current) => (current && isOver(current) ? undefined : current));
    }
  }

  /**
   * Removes drains that are over and whose server nobody wants any more: if it comes back, it comes back as new. Gives back those
   * that are in force then.
   */
  async dropSpent(wanted: NormalDesiredTable): Promise<Override[]> {
    const services = new Map(
      (wanted.services ?? []).map(({ service, destinations }) => [
        formatServiceKey(service),
        new Set(destinations.map(formatDestinationKey)),
      ]),
    );
    for (const { service, backups, sorry } of wanted.health ?? []) {
      const servers = services.get(formatServiceKey(service));
      for (const standIn of sorry === undefined ? backups : [...backups, sorry])
        servers?.add(formatDestinationKey(standIn));
    }
    const isSpent = (override: Override) =>
      override.kind === 'drain' &&
      !isUnderWay(override) &&
      services.get(formatServiceKey(override.service))?.has(formatDestinationKey(override.destination)) === false;
    const all = this.list();
    const spent = all.filter(isSpent);
    for (const { kind, service, destination } of spent) {
      await this.update(kind, service, destination, (current) => (current && isSpent(current) ? undefined : current));
    }
    return all.filter((override) => !spent.includes(override));
  }

  /**
   * A value whenever something changes here, until the signal. It ends where the kernel has no watches left: whoever waits looks
   * again now and then in any case.
   */
  async *changes(signal: AbortSignal): AsyncGenerator<unknown, void, undefined> {
    makeDirectory(this.#directory);
    try {
      for await (const { filename } of watch(this.#directory, { signal }))
        if (filename?.endsWith(SUFFIX)) yield filename;
    } catch {
      // Aborted, or the directory cannot be watched.
    }
  }

  #all(): Override[] {
    // A file may be gone by the time that it is read.
    return stateFilesIn(this.#directory, SUFFIX).flatMap((name) => readOverride(join(this.#directory, name)) ?? []);
  }

  #path(kind: Override['kind'], service: ServiceKey, destination: Override['destination']): string {
    return join(this.#directory, `${encodeURIComponent(serverName(service, destination))}.${kind}${SUFFIX}`);
  }
}

function isOfKind<Kind extends Override['kind']>(override: Override | undefined, kind: Kind): override is OfKind<Kind> {
  return override?.kind === kind;
}

function readOverride(path: string): Override | undefined {
  const text = readStateText(path);
  if (text === undefined) return undefined;
  try {
    const override = JSON.parse(text) as Override;
    if (override.version === 1) return override;
  } catch (cause) {
    throw new ProtocolError(`${path} is not an override`, { cause });
  }
  throw new ProtocolError(`${path} is an override of another version of ipvs-ts`);
}
