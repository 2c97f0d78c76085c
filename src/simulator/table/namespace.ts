/**
 * IPVS in one network namespace (struct netns_ipvs): all its state, and what changes it, in the words of ip_vs_ctl.c of
 * Linux 6.1 to 6.12. Methods that can be refused return 0 or an errno.
 * @module
 */
import type { Family } from '../../address/ip.js';
import { IP_VS_SVC_F_HASHED } from '../../kernel/constants.js';
import { EEXIST, EINVAL, ENOENT, ERANGE } from '../netlink/errno.js';
import type { ReleaseTraits } from '../release.js';
import type { SchedulerEnvironment, SchedulerFactory } from '../schedulers/scheduler.js';
import { copyAddress, word } from '../traffic/address-key.js';
import { Destination, type DestinationSettings } from './destination.js';
import { Meter } from './estimator.js';
import { type Host, isUnicastIPv6 } from './host.js';
import { type Encoding, Service } from './service.js';
import type { ServiceIdentity } from './service-identity.js';
import { Statistics } from './statistics.js';
import { SyncDaemons } from './sync-daemons.js';
import { ServiceTable } from './table.js';
import { Trash } from './trash.js';

const INT_MAX = 0x7fffffff;
const TUNNEL_TYPE_GUE = 1;

/** What NEW_SERVICE and SET_SERVICE set. */
export interface ServiceSettings {
  schedulerName: string;
  /** '' for none. */
  engine: string;
  serviceFlags: number;
  /** Seconds. */
  timeout: number;
  /** As in {@link Service.netmask}. */
  netmask: number;
  /** The prefix length that {@link netmask} is for IPv6. */
  prefix: number;
}

/** What names a destination of a service. */
export interface DestinationIdentity {
  readonly family: Family;
  /** 16 bytes. */
  readonly address: Uint8Array;
  readonly port: number;
}

/** Seconds; an argument of 0 keeps what is set. */
export interface ConnectionTimeouts {
  tcp: number;
  tcpFin: number;
  udp: number;
}

/** What a namespace is made of. */
export interface NamespaceOptions {
  readonly traits: ReleaseTraits;
  readonly host: Host;
  readonly environment: SchedulerEnvironment;
  readonly schedulers: ReadonlyMap<string, SchedulerFactory>;
  readonly engines: ReadonlySet<string>;
  readonly encoding: Encoding;
  /** Buckets of the connection table. */
  readonly connectionTableSize: number;
  /** IP_VS_VERSION_CODE: 0x010201 is 1.2.1. */
  readonly version: number;
  /** Of the order of services, 0 to 255. */
  readonly seed: number;
  /** Whether the kernel has IPv6. */
  readonly ipv6: boolean;
}

/** One namespace. */
export class Namespace {
  readonly options: NamespaceOptions;
  readonly services: ServiceTable;
  readonly trash: Trash;
  readonly daemons: SyncDaemons;
  readonly totals = new Statistics();
  readonly meter = new Meter(this.totals);
  readonly timeouts: ConnectionTimeouts = { tcp: 15 * 60, tcpFin: 2 * 60, udp: 5 * 60 };
  /** Destinations of another family than their service: daemons and they exclude each other. */
  mixedDestinations = 0;
  /** Grows whenever a service comes or goes. */
  serviceChanges = 0;
  /** Called after destinations were taken out of their service (`ip_vs_enqueue_expire_nodest_conns`). */
  onRemoval: (() => void) | undefined;

  constructor(options: NamespaceOptions) {
    this.options = options;
    this.services = new ServiceTable(options.seed);
    this.trash = new Trash(() => options.environment.now());
    this.daemons = new SyncDaemons(options.host);
  }

  addService(identity: ServiceIdentity, settings: ServiceSettings): number {
    const errno = this.#checkService(identity.family, settings);
    if (errno !== 0) return errno;
    const service = new Service({ ...identity, address: copyAddress(identity.family, identity.address) });
    this.#configure(service, settings);
    this.#bind(service, settings.schedulerName);
    this.services.add(service);
    this.serviceChanges++;
    return 0;
  }

  editService(service: Service, settings: ServiceSettings): number {
    const errno = this.#checkService(service.family, settings);
    if (errno !== 0) return errno;
    if (settings.schedulerName !== service.schedulerName) this.#bind(service, settings.schedulerName);
    this.#configure(service, settings);
    return 0;
  }

  deleteService(service: Service): void {
    this.services.delete(service);
    this.serviceChanges++;
    service.scheduler = undefined;
    for (const destination of service.unlinkAll()) this.#discard(service, destination);
    this.onRemoval?.();
  }

  flush(): void {
    for (const service of [...this.services.list()]) this.deleteService(service);
  }

  addDestination(service: Service, identity: DestinationIdentity, settings: DestinationSettings): number {
    const errno = this.#checkDestination(settings);
    if (errno !== 0) return errno;
    const { family, address, port } = identity;
    if (service.destination(family, address, port) !== undefined) return EEXIST;
    const old = this.trash.take(service, family, address, port);
    if (old === undefined && !this.#isUnicast(identity)) return EINVAL;
    const { overload } = this.options.traits;
    const destination = old ?? new Destination(family, copyAddress(family, address), port, service, overload);
    if (destination.service !== service) {
      destination.service = service;
      destination.statistics.zero();
    }
    if (family !== service.family) this.mixedDestinations++;
    destination.configure(settings, true);
    service.link(destination);
    service.scheduler?.addDestination(destination);
    return 0;
  }

  editDestination(service: Service, identity: DestinationIdentity, settings: DestinationSettings): number {
    const errno = this.#checkDestination(settings);
    if (errno !== 0) return errno;
    const destination = service.destination(identity.family, identity.address, identity.port);
    if (destination === undefined) return ENOENT;
    destination.configure(settings, false);
    service.scheduler?.updateDestination(destination);
    return 0;
  }

  deleteDestination(service: Service, { family, address, port }: DestinationIdentity): number {
    const destination = service.destination(family, address, port);
    if (destination === undefined) return ENOENT;
    service.unlink(destination);
    service.scheduler?.deleteDestination(destination);
    this.#discard(service, destination);
    this.onRemoval?.();
    return 0;
  }

  zero(): void {
    for (const service of this.services.list()) zeroService(service);
    this.totals.zero();
  }

  /** Seconds as signed 32-bit numbers; 0 keeps what is set. Nothing changes where one is refused. */
  setTimeouts(timeouts: Readonly<ConnectionTimeouts>): number {
    const largest = Math.floor(INT_MAX / this.options.encoding.ticksPerSecond);
    for (const seconds of [timeouts.tcp, timeouts.tcpFin, timeouts.udp]) {
      if (seconds < 0 || seconds > largest) return EINVAL;
    }
    if (timeouts.tcp !== 0) this.timeouts.tcp = timeouts.tcp;
    if (timeouts.tcpFin !== 0) this.timeouts.tcpFin = timeouts.tcpFin;
    if (timeouts.udp !== 0) this.timeouts.udp = timeouts.udp;
    return 0;
  }

  /** In the kernel's order: the scheduler, the engine, the netmask. */
  #checkService(family: Family, { schedulerName, engine, prefix }: ServiceSettings): number {
    const { schedulers, engines } = this.options;
    if (schedulerName !== 'none' && !schedulers.has(schedulerName)) return ENOENT;
    if (engine !== '' && !engines.has(engine)) return ENOENT;
    return family === 'ipv6' && (prefix < 1 || prefix > 128) ? EINVAL : 0;
  }

  #configure(service: Service, settings: ServiceSettings): void {
    service.serviceFlags = (settings.serviceFlags | IP_VS_SVC_F_HASHED) >>> 0;
    service.timeout = Math.imul(settings.timeout, this.options.encoding.ticksPerSecond) >>> 0;
    service.netmask = settings.netmask;
    service.engine = settings.engine === '' ? undefined : settings.engine;
  }

  #bind(service: Service, name: string): void {
    service.schedulerName = name;
    service.scheduler = this.options.schedulers.get(name)?.(service, this.options.environment);
  }

  /** What is out of its service's list goes to the trash. */
  #discard(service: Service, destination: Destination): void {
    destination.available = false;
    if (destination.family !== service.family) this.mixedDestinations--;
    this.trash.put(destination);
  }

  /** In the kernel's order. Forwarding methods are not looked at: an upper threshold without a lower one is fine. */
  #checkDestination({ weight, lowerThreshold, upperThreshold, tunnelType, tunnelPort }: DestinationSettings): number {
    if (weight < 0 || lowerThreshold > upperThreshold) return ERANGE;
    if (upperThreshold > this.options.traits.largestThreshold) return EINVAL;
    return tunnelType === TUNNEL_TYPE_GUE && tunnelPort === 0 ? EINVAL : 0;
  }

  #isUnicast({ family, address }: DestinationIdentity): boolean {
    return family === 'ipv4' ? this.options.host.isUnicastIPv4(word(address, 0)) : isUnicastIPv6(address);
  }
}

/** Starts the counters of a service and its destinations anew. */
export function zeroService(service: Service): void {
  for (const destination of service.destinations) destination.statistics.zero();
  service.statistics.zero();
}
