/**
 * A virtual service around a scheduler of the simulator, as the kernel keeps one: the order of the list, the trash, thresholds
 * and the counts of connections that never end. No more than it takes to tell a scheduler what a real kernel is told.
 *
 * @module
 */
import { type Family, parseIP } from '../../src/address/ip.js';
import { SCHEDULERS } from '../../src/simulator/schedulers/registry.js';
import type {
  ScheduledDestination,
  ScheduledService,
  Scheduler,
  SchedulerEnvironment,
} from '../../src/simulator/schedulers/scheduler.js';
import { EDITS_COUNT, type Loaded, type OverloadRule } from '../../src/simulator/table/overload.js';

/** A new connection, with addresses as text. */
export interface Client {
  readonly protocol: 'tcp' | 'udp';
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

export interface ModelOptions {
  readonly family?: Family;
  /** As `ScheduledService.flags`. */
  readonly flags?: number;
  /** ms */
  readonly now?: () => number;
  readonly random?: () => number;
  /** ms */
  readonly expiration?: number;
  /** Default that of current kernels. */
  readonly overload?: OverloadRule;
}

/** A real server of a {@link ServiceModel}. */
export interface ServerModel extends ScheduledDestination, Loaded {
  readonly name: string;
  activeConnections: number;
  inactiveConnections: number;
  upperThreshold: number;
}

export class ServiceModel {
  readonly #destinations: ServerModel[] = [];
  readonly #trash = new Map<string, ServerModel>();
  readonly #family: Family;
  readonly #environment: SchedulerEnvironment;
  #scheduler: Scheduler;
  #flags = 0;
  readonly #overload: OverloadRule;

  constructor(scheduler: string, options: ModelOptions = {}) {
    const { family = 'ipv4', flags = 0, now, random, expiration, overload = EDITS_COUNT } = options;
    this.#overload = overload;
    this.#family = family;
    this.#environment = {
      now: now ?? (() => 0),
      random: random ?? (() => 0),
      ...(expiration !== undefined && { lblcExpiration: expiration, lblcrExpiration: expiration }),
    };
    this.#scheduler = this.#make(scheduler);
    this.#flags = flags;
  }

  #make(name: string): Scheduler {
    const factory = SCHEDULERS[name];
    if (factory === undefined) throw new Error(`There is no scheduler ${name}`);
    const model = this;
    const service: ScheduledService = {
      destinations: this.#destinations,
      family: this.#family,
      get flags() {
        return model.#flags;
      },
    };
    return factory(service, this.#environment);
  }

  /** Gives the service another scheduler, or the same one other flags, as editing it does. */
  change(scheduler: string, flags = 0): void {
    this.#flags = flags;
    this.#scheduler = this.#make(scheduler);
  }

  /** In the order of the kernel's list: the newest first. */
  get servers(): readonly ServerModel[] {
    return this.#destinations;
  }

  server(name: string): ServerModel {
    const server = this.#destinations.find((candidate) => candidate.name === name);
    if (server === undefined) throw new Error(`There is no real server ${name}`);
    return server;
  }

  /** Adds a real server; one from the trash has its connections still. The port is that of its first time. */
  add(name: string, weight: number, { port = 0, upperThreshold = 0 } = {}): void {
    const address = parseIP(name);
    if (address === undefined) throw new Error(`${name} is no address`);
    const server = this.#trash.get(name) ?? {
      name,
      family: address.length === 4 ? 'ipv4' : 'ipv6',
      address,
      port,
      weight,
      lastWeight: weight,
      activeConnections: 0,
      inactiveConnections: 0,
      overloaded: false,
      upperThreshold: 0,
      lowerThreshold: 0,
    };
    this.#trash.delete(name);
    server.lastWeight = weight;
    this.#set(server, weight, upperThreshold);
    this.#destinations.unshift(server);
    this.#scheduler.addDestination(server);
  }

  update(name: string, weight: number, { upperThreshold = 0 } = {}): void {
    const server = this.server(name);
    if (weight !== 0) server.lastWeight = weight;
    this.#set(server, weight, upperThreshold);
    this.#scheduler.updateDestination(server);
  }

  #set(server: ServerModel, weight: number, upperThreshold: number): void {
    server.weight = weight;
    const before = { upperThreshold: server.upperThreshold, lowerThreshold: 0 };
    server.upperThreshold = upperThreshold;
    this.#overload.configured(server, before);
  }

  delete(name: string): void {
    const server = this.server(name);
    this.#destinations.splice(this.#destinations.indexOf(server), 1);
    this.#trash.set(name, server);
    this.#scheduler.deleteDestination(server);
  }

  /** The name of the real server that a new connection gets; `undefined`: none. TCP connections are active at once. */
  connect(client: Client): string | undefined {
    const [source, destination] = [parseIP(client.source), parseIP(client.destination)];
    if (source === undefined || destination === undefined) throw new Error('The addresses of a client are wrong');
    const chosen = this.#scheduler.schedule({
      family: this.#family,
      protocol: client.protocol === 'tcp' ? 6 : 17,
      source,
      sourcePort: client.sourcePort,
      destination,
      destinationPort: client.destinationPort,
    });
    if (chosen === undefined) return undefined;
    const server = this.#destinations.find((candidate) => candidate === chosen);
    if (server === undefined) throw new Error('The scheduler chose a real server that is not in the list');
    if (client.protocol === 'tcp') server.activeConnections++;
    else server.inactiveConnections++;
    this.#overload.gained(server);
    return server.name;
  }
}
