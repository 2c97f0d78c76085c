/**
 * A director whose daemon (`ipvs-ts serve`) is asked by its API.
 * @module
 */
import type { z } from 'zod';
import type { Finding } from '../doctor/finding.js';
import { type LockHolder, ProtocolError, RemoteError } from '../errors.js';
import type { HealthReport } from '../health/journal.js';
import {
  changedConnectionsSchema,
  connectionSchema,
  type DaemonReadiness,
  type DaemonState,
  type DaemonVersion,
  type DocumentResult,
  destinationsSchema,
  documentSchema,
  endedSchema,
  failuresSchema,
  type HistoryRecord,
  healthSchema,
  historySchema,
  overrideSchema,
  overridesSchema,
  type PlanJson,
  planSchema,
  putSchema,
  readySchema,
  servicesSchema,
  stateSchema,
  type ValidDocument,
  validSchema,
  versionSchema,
  whatIfSchema,
  wholeServiceSchema,
} from '../json/api.js';
import { errorOf } from '../json/error.js';
import { findingsJsonSchema } from '../json/findings.js';
import { settingsJsonSchema, statsJsonSchema, tableJsonSchema } from '../json/table.js';
import type { MetricsOptions } from '../metrics/input.js';
import { metricsMediaType } from '../metrics/text.js';
import type { CallOptions } from '../model/call-options.js';
import type { Change, ChangeFailure } from '../model/change.js';
import type { Connection } from '../model/connection.js';
import type { ChangeConnectionsOptions, ChangedConnections } from '../model/connection-changes.js';
import { type ConnectionFilter, connectionMatcher, parseServer } from '../model/connection-filter.js';
import {
  type DestinationEntry,
  type DestinationKey,
  formatDestinationKey,
  parseDestinationKey,
} from '../model/destination.js';
import type { ServiceEntry } from '../model/service.js';
import { formatServiceKey, parseServiceKey, type ServiceKey, type ServiceKeyText } from '../model/service-key.js';
import type { Stats } from '../model/stats.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import type { Info, Source, Table } from '../model/table.js';
import type { TableAccess } from '../model/table-access.js';
import type { Timeouts } from '../model/timeouts.js';
import type { DrainSettings } from '../reconcile/drain.js';
import type { DrainOverride, Override, WeightOverride } from '../reconcile/override.js';
import type { OverrideWeightOptions } from '../reconcile/weight.js';
import type { Traffic, WhatIf, WhatIfOptions } from '../simulator/index.js';
import { type ConnectOptions, placeOf } from './address.js';
import { type DaemonEvent, eventsOf } from './events.js';
import { parsed, path, type Question, query, Requests } from './requests.js';
import { destinationOf, serviceOf, statsOf, tableOf } from './table-of.js';

/** How to put a document in force. */
export interface PutOptions extends CallOptions {
  /** The revision that is to be replaced, as `desired()` gave it. Default: whatever stands there. */
  readonly revision?: string | undefined;
  /** Only tell what would be done. Default false. */
  readonly dryRun?: boolean | undefined;
  /** Why, for the history; at most 1000 characters. */
  readonly reason?: string | undefined;
}

/** A weight for a real server, in the place of the file's or of a percentage of it. */
export type WeightWish = Omit<OverrideWeightOptions, 'directory'>;

/** How a real server is drained. */
export interface DrainWish extends DrainSettings {
  /** Whether the server is removed in the end; default true. */
  readonly remove?: boolean | undefined;
  /** Who wants it; default: the name of the token. */
  readonly owner?: string | undefined;
  readonly reason?: string | undefined;
}

/** What is asked of {@link RemoteDirector.simulate}. */
export interface SimulateOptions extends Omit<WhatIfOptions, 'service' | 'signal'> {
  /** The service that is called: `tcp://192.0.2.1:80`. Default: the only one of the table. */
  readonly service?: ServiceKeyText;
  /** A document, YAML or JSON, in the place of `changes`. */
  readonly desired?: string;
}

/** How the metrics of a daemon are written. */
export type RemoteMetricsOptions = Omit<MetricsOptions, 'serviceNames'> & CallOptions;

/** The document in a daemon's file. */
export interface DesiredDocument {
  /** SHA-256 of the file, in hexadecimal. */
  readonly revision: string;
  /** As it was written. */
  readonly text: string;
}

/** Overrides in force, and who keeps the table. */
export interface DaemonOverrides {
  readonly keepers: readonly LockHolder[];
  readonly overrides: readonly Override[];
}

/** An override that was ended, and what came of it. */
export interface EndedOverride {
  readonly override: Override;
  readonly outcome: z.infer<typeof endedSchema>['outcome'];
}

/**
 * A director by its API: the same `TableAccess` that `Ipvs` is, and what the daemon does beside. Calls throw as those of `Ipvs` do;
 * besides, `UnavailableError` where the daemon cannot be reached, and `RemoteError` with the status where it refuses (401, 403, 404, 412).
 *
 * The daemon keeps its table as its file says: `apply` and `applyAll` change what the file says nothing about, and anything else is
 * refused with `KeptError`. `putDesired` changes the file, `overrideWeight` and `drain` come before what it says.
 */
export class RemoteDirector implements TableAccess, AsyncDisposable {
  readonly source: Source;
  /** The daemon, as it was when this client was opened, and who it takes this client for. */
  readonly daemon: DaemonVersion;
  readonly #requests: Requests;

  private constructor(requests: Requests, daemon: DaemonVersion) {
    this.#requests = requests;
    this.daemon = daemon;
    this.source = daemon.source;
  }

  /** Used by `connect`. */
  static async open(url: string, options: ConnectOptions & Pick<CallOptions, 'signal'>): Promise<RemoteDirector> {
    const requests = new Requests(placeOf(url, options));
    const { signal } = options;
    try {
      return new RemoteDirector(requests, await requests.json(versionSchema, { path: '/v1/version' }, { signal }));
    } catch (error) {
      requests.close();
      throw error;
    }
  }

  /** Lets go of the connections. Calls under way end with `ClosedError`. */
  async close(): Promise<void> {
    this.#requests.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  // The table

  async snapshot(options?: CallOptions): Promise<Table> {
    return tableOf(await this.#requests.json(tableJsonSchema, { path: '/v1/table' }, options));
  }

  async getService(key: ServiceKey | ServiceKeyText, options?: CallOptions): Promise<ServiceEntry | undefined> {
    const question = { path: path`/v1/services/${nameOf(key)}` };
    const found = await unlessAbsent(this.#requests.json(wholeServiceSchema, question, options));
    return found && serviceOf(found);
  }

  async listServices(options?: CallOptions): Promise<ServiceEntry[]> {
    return (await this.#requests.json(servicesSchema, { path: '/v1/services' }, options)).map(serviceOf);
  }

  async listDestinations(key: ServiceKey | ServiceKeyText, options?: CallOptions): Promise<DestinationEntry[]> {
    const service = parseServiceKey(key);
    const question = { path: path`/v1/services/${formatServiceKey(service)}/destinations` };
    return ((await unlessAbsent(this.#requests.json(destinationsSchema, question, options))) ?? []).map((entry) =>
      destinationOf(service, entry),
    );
  }

  async info(options?: CallOptions): Promise<Info> {
    return (await this.#requests.json(versionSchema, { path: '/v1/version' }, options)).ipvs;
  }

  async totals(options?: CallOptions): Promise<Stats> {
    return statsOf(await this.#requests.json(statsJsonSchema, { path: '/v1/totals' }, options));
  }

  async timeouts(options?: CallOptions): Promise<Timeouts> {
    return (await this.#requests.json(settingsJsonSchema, { path: '/v1/settings' }, options)).timeouts;
  }

  async daemons(options?: CallOptions): Promise<NormalSyncDaemon[]> {
    const { daemons } = await this.#requests.json(settingsJsonSchema, { path: '/v1/settings' }, options);
    return daemons as NormalSyncDaemon[];
  }

  /** Whether the kernel there counts traffic, as it was when this client was opened; undefined: not known. */
  countsTraffic(): boolean | undefined {
    return this.daemon.countsTraffic;
  }

  // Changes

  async apply(change: Change, options?: CallOptions): Promise<void> {
    const [failure] = await this.applyAll([change], options);
    if (failure !== undefined) throw failure.error;
  }

  async applyAll(changes: readonly Change[], options?: CallOptions): Promise<ChangeFailure[]> {
    const question = { method: 'POST', path: '/v1/changes', body: { changes } } as const;
    const { failures } = await this.#requests.json(failuresSchema, question, options);
    return failures.flatMap(({ place, error }) => {
      const change = changes[place];
      return change === undefined ? [] : [{ place, change, error: errorOf(error) }];
    });
  }

  // Connections

  async *connections(filter: ConnectionFilter = {}): AsyncGenerator<Connection, void, undefined> {
    const { service, server, client, state } = textsOf(filter);
    const question = { path: `/v1/connections${query({ service, server, client, state })}` };
    let rest = '';
    for await (const chunk of this.#requests.stream(question)) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield parsed(connectionSchema, line, question) as Connection;
    }
    if (rest !== '') throw new ProtocolError('the list of connections was cut off');
  }

  async listConnections(filter: ConnectionFilter = {}): Promise<Connection[]> {
    const rows: Connection[] = [];
    for await (const row of this.connections(filter)) rows.push(row);
    return rows;
  }

  async endConnections(filter: ConnectionFilter, options: ChangeConnectionsOptions = {}): Promise<ChangedConnections> {
    return this.#changeConnections({ path: '/v1/connections/end', body: { filter: textsOf(filter) } }, options);
  }

  /** Moves the connections that a filter matches to another real server: `10.0.0.2`, `10.0.0.2:80`. */
  async moveConnections(
    filter: ConnectionFilter,
    to: string | { readonly address: string; readonly port?: number | undefined },
    options: ChangeConnectionsOptions = {},
  ): Promise<ChangedConnections> {
    const body = { filter: textsOf(filter), to: serverText(to) };
    return this.#changeConnections({ path: '/v1/connections/move', body }, options);
  }

  // The daemon

  /** Whether the table is applied and every check ran once. */
  async ready(options?: CallOptions): Promise<DaemonReadiness> {
    const question = { path: '/readyz', accepts: 503 };
    return this.#requests.json(readySchema, question, options);
  }

  /** What the daemon knows, on one page. */
  async state(options?: CallOptions): Promise<DaemonState> {
    return this.#requests.json(stateSchema, { path: '/v1/state' }, options);
  }

  /** What the health checks found. */
  async health(options?: CallOptions): Promise<Omit<HealthReport, 'states' | 'loads'>> {
    return (await this.#requests.json(healthSchema, { path: '/v1/health' }, options)) as unknown as Awaited<
      ReturnType<RemoteDirector['health']>
    >;
  }

  /** What is wrong with the director's host. */
  async doctor(options?: CallOptions): Promise<Finding[]> {
    return this.#requests.json(findingsJsonSchema, { path: '/v1/doctor' }, options) as Promise<Finding[]>;
  }

  /** The metrics, as text. */
  async metrics({ format, names, top, ...options }: RemoteMetricsOptions = {}): Promise<string> {
    const place = `/metrics${query({ names, top: top?.toString() })}`;
    const headers = { accept: format && metricsMediaType(format) };
    return (await this.#requests.ask({ path: place, headers }, options)).text;
  }

  /** The document in the daemon's file. */
  async desired(options?: CallOptions): Promise<DesiredDocument> {
    const headers = { accept: 'application/yaml' };
    const { headers: answered, text } = await this.#requests.ask({ path: '/v1/desired', headers }, options);
    return { revision: String(answered.etag ?? '').replaceAll('"', ''), text };
  }

  /** The same as a value. */
  async desiredValue(options?: CallOptions): Promise<Record<string, unknown>> {
    return this.#requests.json(documentSchema, { path: '/v1/desired' }, options);
  }

  /**
   * Replaces the document in the daemon's file, which then makes its table so.
   * @param document YAML or JSON, whose variables are the daemon's
   * @throws {ConfigError} with everything that is wrong with it. {@link RemoteError} 412: another document stands there by now.
   *
   * @example
   * ```ts
   * import { connect } from 'ipvs-ts/daemon';
   * await using director = await connect('unix:/run/ipvs-ts/api.sock');
   * const { revision, text } = await director.desired();
   * await director.putDesired(text.replace('weight: 1', 'weight: 2'), { revision, reason: 'new disks' });
   * ```
   */
  async putDesired(
    document: string,
    { revision, dryRun, reason, ...options }: PutOptions = {},
  ): Promise<DocumentResult> {
    const headers = { ...matchOf(revision), 'x-reason': reason };
    const question = { method: 'PUT', path: `/v1/desired${query({ dryRun })}`, headers, body: document } as const;
    return this.#requests.json(putSchema, question, options);
  }

  /** Checks a document. @throws {ConfigError} with everything that is wrong with it. */
  async validate(document: string, options?: CallOptions): Promise<ValidDocument> {
    return this.#requests.json(validSchema, { method: 'POST', path: '/v1/desired/validate', body: document }, options);
  }

  /** What would make the table as a document says; without one, as the daemon's file says. */
  async plan(document?: string, options?: CallOptions): Promise<PlanJson> {
    return this.#requests.json(planSchema, { method: 'POST', path: '/v1/plan', body: document }, options);
  }

  /** The documents that were in force, newest first. */
  async history(options?: CallOptions): Promise<HistoryRecord[]> {
    return this.#requests.json(historySchema, { path: '/v1/history' }, options);
  }

  /** Puts a document of the history in force again. @throws as {@link RemoteDirector.putDesired} does. */
  async rollback(number: number, { revision, dryRun, reason, ...options }: PutOptions = {}): Promise<DocumentResult> {
    const headers = { ...matchOf(revision), 'x-reason': reason };
    const place = path`/v1/history/${String(number)}/rollback` + query({ dryRun });
    return this.#requests.json(putSchema, { method: 'POST', path: place, headers }, options);
  }

  /**
   * What traffic would do to real servers, and a change to clients: those of `changes`, or what the document `desired` changes of the real
   * servers and the scheduler of the service. Nothing is sent, and nothing is changed. At most 1,000,000 connections and as many clients.
   */
  async simulate(traffic: Traffic, what: SimulateOptions = {}, options?: CallOptions): Promise<WhatIf[]> {
    const question = { method: 'POST', path: '/v1/simulate', body: { traffic, ...what } } as const;
    return (await this.#requests.json(whatIfSchema, question, options)) as unknown as WhatIf[];
  }

  // Overrides

  /** Weights and drains that operators set. */
  async overrides(options?: CallOptions): Promise<DaemonOverrides> {
    const { keepers, overrides } = await this.#requests.json(overridesSchema, { path: '/v1/overrides' }, options);
    return { keepers, overrides: overrides as unknown as Override[] };
  }

  /** Overrides the weight of a real server, whatever was set before. @throws {RemoteError} 404 if there is no such server. */
  async overrideWeight(
    service: ServiceKey | ServiceKeyText,
    server: DestinationKey,
    wish: WeightWish,
    options?: CallOptions,
  ): Promise<WeightOverride> {
    return (await this.#put('weight', service, server, wish, options)) as WeightOverride;
  }

  /**
   * Begins to drain a real server: weight 0, and removed once its connections have ended. The daemon goes on with it, whatever becomes of this
   * client; `getOverride` tells how far it is. @throws {RemoteError} 404 if there is no such server, 409 if it is being drained.
   */
  async drain(
    service: ServiceKey | ServiceKeyText,
    server: DestinationKey,
    wish: DrainWish = {},
    options?: CallOptions,
  ): Promise<DrainOverride> {
    return (await this.#put('drain', service, server, wish, options)) as DrainOverride;
  }

  /** The weight or the drain of a real server; undefined where there is none. */
  async getOverride(
    kind: Override['kind'],
    service: ServiceKey | ServiceKeyText,
    server: DestinationKey,
    options?: CallOptions,
  ): Promise<Override | undefined> {
    const question = { path: overridePath(kind, service, server) };
    return (await unlessAbsent(this.#requests.json(overrideSchema, question, options))) as Override | undefined;
  }

  /** Ends the weight or the drain of a real server, which gets its weight back; undefined where there was none. */
  async endOverride(
    kind: Override['kind'],
    service: ServiceKey | ServiceKeyText,
    server: DestinationKey,
    options?: CallOptions,
  ): Promise<EndedOverride | undefined> {
    const headers = { 'if-match': '*' };
    const question = { method: 'DELETE', path: overridePath(kind, service, server), headers } as const;
    return (await unlessAbsent(this.#requests.json(endedSchema, question, options))) as unknown as
      | EndedOverride
      | undefined;
  }

  /**
   * What happens from now on, or after the event of an id, until the signal. The daemon keeps the last 10,000; an event `gap` says that some
   * are missing.
   */
  async *events({
    after,
    ...options
  }: CallOptions & { readonly after?: string } = {}): AsyncGenerator<DaemonEvent, void, undefined> {
    const headers = { 'last-event-id': after };
    yield* eventsOf(this.#requests.stream({ path: '/v1/events', headers }, options));
  }

  async #changeConnections(
    question: Question,
    { onProgress, ...options }: ChangeConnectionsOptions,
  ): Promise<ChangedConnections> {
    const asked = { method: 'POST', ...question } as const;
    const result = (await this.#requests.json(changedConnectionsSchema, asked, options)) as ChangedConnections;
    onProgress?.({ done: result.changed, total: result.matched });
    return result;
  }

  async #put(
    kind: Override['kind'],
    service: ServiceKey | ServiceKeyText,
    server: DestinationKey,
    wish: object,
    options: CallOptions | undefined,
  ): Promise<Override> {
    const place = overridePath(kind, service, server);
    const there = await unlessAbsent(this.#requests.ask({ path: place }, options));
    const headers = there === undefined ? { 'if-none-match': '*' } : { 'if-match': there.headers.etag };
    return (await this.#requests.json(
      overrideSchema,
      { method: 'PUT', path: place, headers, body: wish },
      options,
    )) as unknown as Override;
  }
}

function nameOf(key: ServiceKey | ServiceKeyText): string {
  return formatServiceKey(parseServiceKey(key));
}

function overridePath(kind: Override['kind'], service: ServiceKey | ServiceKeyText, server: DestinationKey): string {
  const key = parseServiceKey(service);
  const name = formatDestinationKey(parseDestinationKey(key, server));
  return path`/v1/overrides/${formatServiceKey(key)}/${name}/${kind}`;
}

function matchOf(revision: string | undefined): { readonly 'if-match': string } {
  return { 'if-match': revision === undefined ? '*' : `"${revision}"` };
}

/** A filter as texts. @throws {InvalidArgumentError} with the path of every wrong field. */
function textsOf(
  filter: ConnectionFilter,
): Readonly<Record<'service' | 'server' | 'client' | 'state', string | undefined>> {
  connectionMatcher(filter);
  const { service, server, client, state } = filter;
  return {
    service: service === undefined ? undefined : nameOf(service),
    server: server === undefined ? undefined : serverText(server),
    client,
    state,
  };
}

function serverText(server: Parameters<typeof parseServer>[0]): string {
  const { address, port } = parseServer(server);
  return port === undefined ? address : formatDestinationKey({ address, port });
}

/** Undefined for 404. */
async function unlessAbsent<Value>(answer: Promise<Value>): Promise<Value | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RemoteError && error.status === 404) return undefined;
    throw error;
  }
}
