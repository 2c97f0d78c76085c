/**
 * What IPVS does with packets: it finds their connection or schedules a new one, counts, moves states, and lets connections
 * expire (ip_vs_core.c and ip_vs_conn.c of Linux 6.1).
 * @module
 */
import { IP_VS_SVC_F_ONEPACKET, IP_VS_SVC_F_PERSISTENT } from '../../kernel/constants.js';
import { FTP, FTP_DATA, ServiceFinder } from '../netlink/find-service.js';
import { type Direction, INPUT, INPUT_ONLY, OUTPUT, type Protocol } from '../protocols/protocol.js';
import type { Clock } from '../table/clock.js';
import { Destination } from '../table/destination.js';
import { ESTIMATION_INTERVAL, type Meter } from '../table/estimator.js';
import type { Namespace } from '../table/namespace.js';
import type { Service } from '../table/service.js';
import { changeSysctls, DEFAULT_SYSCTLS, type Sysctls } from '../table/sysctls.js';
import { Connection, type ConnectionKey, type ConnectionKind } from './connection.js';
import { ConnectionTable } from './connection-table.js';
import type { Packet } from './packet.js';
import { isTemplateGood, templateKey, templatePort } from './persistence.js';
import { TimingWheel } from './timing-wheel.js';

/**
 * Why a packet did not reach a real server. `no-service`: it is for none, and goes on to the host itself. `not-scheduled`: it
 * goes there too, for it starts no connection (TCP without SYN, FTP data). `no-destination`: no real server takes it; the
 * client gets ICMP port unreachable. `dropped`: its real server was removed, and the client hears nothing.
 */
export type ConnectionRefusal = 'no-service' | 'not-scheduled' | 'no-destination' | 'dropped';

const UDP = 17;
/** Milliseconds that a template is kept at least once it was due while it has connections. */
const LATER = 60_000;
/** Milliseconds that a template is kept whose sync message does not say. */
const TEMPLATE_TIMEOUT = 180_000;

/** A connection as a sync message has it, with its real server found. */
export interface SynchronizedConnection {
  readonly key: ConnectionKey;
  readonly protocol: Protocol;
  readonly kind: ConnectionKind;
  /** One of a service, or one that stands for itself. */
  readonly destination: Destination;
  readonly destinationPort: number;
  readonly inactive: boolean;
  readonly state: number;
  /** Milliseconds; undefined for those of its state. */
  readonly timeout: number | undefined;
}

/** The connections of one namespace. */
export class Connections {
  readonly #namespace: Namespace;
  readonly #clock: Clock;
  readonly #services: ServiceFinder;
  readonly #table = new ConnectionTable();
  readonly #wheel: TimingWheel<Connection>;
  #nextEstimation: number;
  /** Nothing was counted since the last estimation, and all rates are 0. */
  #settled = true;
  sysctls: Sysctls = DEFAULT_SYSCTLS;

  constructor(namespace: Namespace, clock: Clock, sysctls: Partial<Sysctls> = {}) {
    this.#namespace = namespace;
    this.#clock = clock;
    this.#services = new ServiceFinder(namespace);
    this.sysctls = changeSysctls(this.sysctls, sysctls);
    this.#nextEstimation = clock.time + ESTIMATION_INTERVAL;
    this.#wheel = new TimingWheel(clock.time, (connection, time) => {
      clock.time = time;
      this.#expire(connection);
    });
    namespace.onRemoval = () => this.#expireOrphans();
  }

  /** Connections and templates. */
  get size(): number {
    return this.#table.size;
  }

  [Symbol.iterator](): Iterator<Connection> {
    return this.#table[Symbol.iterator]();
  }

  /** Milliseconds until a connection expires. */
  left(connection: Connection): number {
    return Math.max(0, connection.expires - this.#clock.time);
  }

  /** Does what timers would have done until now. */
  catchUp(): void {
    const { target } = this.#clock;
    while (this.#nextEstimation <= target) {
      this.#runUntil(this.#nextEstimation);
      this.#estimate();
      this.#nextEstimation += this.#settled ? this.#settledFor(target) : ESTIMATION_INTERVAL;
    }
    this.#runUntil(target);
  }

  /** From the last estimation to the first after `target`: between them are only more that change nothing. */
  #settledFor(target: number): number {
    return ESTIMATION_INTERVAL * (Math.floor((target - this.#nextEstimation) / ESTIMATION_INTERVAL) + 1);
  }

  #runUntil(time: number): void {
    this.#wheel.run(time);
    this.#clock.time = time;
  }

  #estimate(): void {
    const { services, meter, totals } = this.#namespace;
    if (this.sysctls.run_estimation === 0) return;
    if (this.#settled && meter.counters.inPackets === totals.counters.inPackets) return;
    let changes = meter.estimate();
    for (const service of services.list()) {
      changes = service.meter.estimate() || changes;
      for (const destination of service.destinations) changes = destination.meter.estimate() || changes;
    }
    this.#settled = !changes;
  }

  /** A packet from a client (`ip_vs_in`). */
  receive(packet: Packet): Connection | ConnectionRefusal {
    const known = this.#table.find(packet);
    let connection = known;
    if (connection !== undefined && this.#isToExpire(connection, packet)) connection = undefined;
    else if (connection?.destination.available === false) return 'dropped';
    if (connection === undefined) {
      const scheduled = this.#schedule(packet);
      if (known !== undefined) this.#expire(known);
      if (typeof scheduled === 'string') return scheduled;
      connection = scheduled;
    }
    this.#count(connection, INPUT, packet.bytes);
    this.#setState(connection, INPUT, packet.signal);
    this.#release(connection);
    return connection;
  }

  /** A packet from the real server that passes the director (`handle_response`). False where the connection has expired. */
  respond(connection: Connection, signal: number, bytes: number): boolean {
    if (!connection.listed) return false;
    this.#count(connection, OUTPUT, bytes);
    this.#setState(connection, OUTPUT, signal);
    this.#release(connection);
    return true;
  }

  /**
   * What a backup daemon does with a connection of a sync message (`ip_vs_proc_conn`): it takes over the state of the one that is
   * there, or ends one that leads elsewhere, and adds it otherwise.
   */
  synchronize(entry: SynchronizedConnection): void {
    const { key, protocol, kind, destination, destinationPort, inactive, state, timeout } = entry;
    const isTemplate = kind === 'template';
    const known = isTemplate ? this.#table.findTemplate(key) : this.#table.find(key);
    const leadsElsewhere =
      known !== undefined && !isTemplate && !(known.destinationPort === destinationPort && known.leadsTo(destination));
    if (leadsElsewhere && inactive) return;
    if (leadsElsewhere) this.#expire(known);
    const connection =
      known === undefined || leadsElsewhere ? this.#add(key, protocol, destination, destinationPort, kind) : known;
    if (!isTemplate) connection.setInactive(inactive);
    connection.state = state;
    connection.timeout = timeout ?? this.#synchronizedTimeout(connection);
    this.#release(connection);
  }

  /** Version 0 has no timeouts. */
  #synchronizedTimeout({ kind, protocol, state }: Connection): number {
    return kind === 'template' ? TEMPLATE_TIMEOUT : protocol.timeout(state, this.#namespace.timeouts) * 1000;
  }

  /** Whether a packet that belongs to a known connection is a new one's first, or has lost its real server. */
  #isToExpire({ destination, control, state, noOutput }: Connection, { transport, signal }: Packet): boolean {
    const { expire_nodest_conn, conn_reuse_mode } = this.sysctls;
    if (expire_nodest_conn !== 0 && !destination.available) return true;
    if (!transport.isOpening(signal)) return false;
    if (expire_nodest_conn !== 0 && destination.weight === 0) return true;
    return conn_reuse_mode !== 0 && control === undefined && transport.givesWay(state, conn_reuse_mode, noOutput);
  }

  /** `conn_schedule` of the protocols, and `ip_vs_schedule`. */
  #schedule(packet: Packet): Connection | ConnectionRefusal {
    const { transport, virtualPort } = packet;
    if (!transport.isScheduled(packet.signal, this.sysctls)) return transport.stray;
    const service = this.#services.find(packet);
    if (service === undefined) return 'no-service';
    if (packet.clientPort === FTP_DATA) return 'not-scheduled';
    if ((service.serviceFlags & IP_VS_SVC_F_PERSISTENT) !== 0) return this.#schedulePersistent(service, packet);
    if (service.mark === 0 && virtualPort !== service.port) return refuse(service, packet);
    const destination = choose(service, packet);
    if (destination === undefined) return refuse(service, packet);
    return this.#open(service, packet, destination, destination.port || virtualPort);
  }

  /** `ip_vs_sched_persist`. The one engine there is finds no call in packets without contents: they are dropped. */
  #schedulePersistent(service: Service, packet: Packet): Connection | ConnectionRefusal {
    if (service.engine !== undefined) return 'dropped';
    const key = templateKey(packet, service);
    const template = this.#goodTemplate(key) ?? this.#makeTemplate(key, service, packet);
    if (template === undefined) return refuse(service, packet);
    const { destination } = template;
    const { virtualPort } = packet;
    const port = virtualPort === service.port && destination.port !== 0 ? destination.port : virtualPort;
    const connection = this.#open(service, packet, destination, port);
    connection.control = template;
    template.controlled++;
    this.#release(template);
    return connection;
  }

  #goodTemplate(key: ConnectionKey): Connection | undefined {
    const template = this.#table.findTemplate(key);
    if (template === undefined || isTemplateGood(template, this.sysctls)) return template;
    // It stays until its timer is over, or until its last connection is gone.
    this.#table.delete(template);
    template.invalidate(this.#namespace.options.traits.templatesKeepPort);
    this.#table.add(template);
    return undefined;
  }

  #makeTemplate(key: ConnectionKey, service: Service, packet: Packet): Connection | undefined {
    const destination = choose(service, packet);
    if (destination === undefined) return undefined;
    const port = templatePort(packet, service, destination.port);
    const template = this.#add(key, packet.transport, destination, port, 'template');
    template.timeout = (service.timeout * 1000) / this.#namespace.options.encoding.ticksPerSecond;
    return template;
  }

  #open(service: Service, packet: Packet, destination: Destination, port: number): Connection {
    const isOnePacket = (service.serviceFlags & IP_VS_SVC_F_ONEPACKET) !== 0 && packet.protocolNumber === UDP;
    const kind = isOnePacket ? 'one-packet' : 'connection';
    const connection = this.#add(packet, packet.transport, destination, port, kind);
    destination.meter.counters.connections++;
    service.meter.counters.connections++;
    this.#namespace.meter.counters.connections++;
    return connection;
  }

  /** `ip_vs_conn_new`. */
  #add(
    key: ConnectionKey,
    protocol: Protocol,
    destination: Destination,
    port: number,
    kind: ConnectionKind,
  ): Connection {
    const connection = new Connection(key, protocol, destination, port, kind);
    connection.bind();
    if (kind !== 'one-packet') this.#table.add(connection);
    return connection;
  }

  /** `ip_vs_in_stats` and `ip_vs_out_stats`. */
  #count({ destination }: Connection, direction: typeof INPUT | typeof OUTPUT, bytes: number): void {
    if (!destination.available) return;
    const add = direction === INPUT ? countIn : countOut;
    add(destination.meter, bytes);
    add(destination.service.meter, bytes);
    add(this.#namespace.meter, bytes);
    this.#settled = false;
  }

  /** `set_tcp_state` and its like. */
  #setState(connection: Connection, direction: typeof INPUT | typeof OUTPUT, signal: number): void {
    const { protocol, state, control } = connection;
    if (direction === OUTPUT) connection.noOutput = false;
    const way: Direction = connection.noOutput ? INPUT_ONLY : direction;
    const next = protocol.next(way, state, signal);
    connection.state = next;
    if (next !== state) connection.setInactive(!protocol.isActive(next));
    if (control !== undefined && protocol.assures(direction, state, next)) control.state = 1;
    connection.timeout = protocol.timeout(next, this.#namespace.timeouts) * 1000;
  }

  /** `ip_vs_conn_put`. */
  #release(connection: Connection): void {
    if (connection.kind === 'one-packet') this.#expire(connection);
    else this.#wheel.start(connection, this.#clock.time + connection.timeout);
  }

  /** `ip_vs_conn_expire`: a template stays while it has connections. */
  #expire(connection: Connection): void {
    if (connection.controlled > 0) {
      connection.timeout = LATER;
      this.#release(connection);
      return;
    }
    this.#wheel.stop(connection);
    this.#table.delete(connection);
    const template = connection.control;
    if (template !== undefined) {
      template.controlled--;
      connection.control = undefined;
      const isUnused = template.controlled === 0 && template.state === 0;
      if (connection.timeout === 0 && isUnused) this.#remove(template);
    }
    // Who waits in the trash for its last connection starts waiting anew.
    if (!connection.destination.available) this.#namespace.trash.expire();
    connection.unbind();
  }

  /** `ip_vs_conn_del`: with a template that nobody used in earnest. */
  #remove(connection: Connection): void {
    if (connection.control !== undefined) connection.timeout = 0;
    this.#expire(connection);
  }

  /** `ip_vs_expire_nodest_conn_flush`; the kernel runs it a tick later. */
  #expireOrphans(): void {
    if (this.sysctls.expire_nodest_conn === 0) return;
    for (const connection of [...this.#table]) {
      if (!connection.listed || connection.destination.available || connection.controlled > 0) continue;
      const { control } = connection;
      this.#remove(connection);
      if (control?.listed && control.controlled === 0) this.#remove(control);
    }
  }
}

/** The real server that the scheduler names. */
function choose({ scheduler }: Service, packet: Packet): Destination | undefined {
  const chosen = scheduler?.schedule(packet);
  return chosen instanceof Destination ? chosen : undefined;
}

/** `ip_vs_leave`: what an FTP service gets beside FTP is not meant for it. */
function refuse(service: Service, { virtualPort }: Packet): ConnectionRefusal {
  return service.port === FTP && virtualPort !== FTP ? 'not-scheduled' : 'no-destination';
}

function countIn({ counters }: Meter, bytes: number): void {
  counters.inPackets++;
  counters.inBytes += bytes;
}

function countOut({ counters }: Meter, bytes: number): void {
  counters.outPackets++;
  counters.outBytes += bytes;
}
