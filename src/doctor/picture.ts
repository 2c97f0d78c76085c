/**
 * Everything that was seen of a host at one time: what the checks look at. They need no kernel.
 * @module
 */
import { familyOf } from '../address/ip.js';
import type { HostPlan } from '../host/plan.js';
import { planFor } from '../host/plan-for.js';
import type { HostSetup, Role } from '../host/setup.js';
import type { HostState } from '../host/state.js';
import type { AddressStep, HostStep } from '../host/step.js';
import { deviceSysctl } from '../linux/sysctl.js';
import type { Connection } from '../model/connection.js';
import type { NormalDesiredTable } from '../model/desired.js';
import type { DestinationEntry } from '../model/destination.js';
import type { IpvsStatus } from '../model/ipvs-status.js';
import type { ServiceEntry } from '../model/service.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import type { Info, Table, TableService } from '../model/table.js';
import type { PacketRoute } from '../netlink/route/lookup.js';
import type { NeighbourEntry } from '../netlink/route/neighbour.js';
import type { Ruleset } from './firewall-rules.js';

/** IPVS on a host. */
export interface IpvsPicture {
  readonly table: Table;
  readonly info: Info;
  /** Absent before Linux 7.1, and without the right to read it. */
  readonly status?: IpvsStatus;
  /** Absent where only /proc could be read. */
  readonly daemons?: readonly NormalSyncDaemon[];
  /** Why only /proc could be read. */
  readonly problem?: string;
}

/** A packet of a connection from a client to a virtual IP. */
export interface JudgedPacket {
  readonly purpose: 'request' | 'answer';
  readonly client: string;
  /** Whether the caller named the client. Otherwise it stands for every client that only a default route leads to. */
  readonly named: boolean;
  readonly source?: string;
  readonly destination: string;
  /** The device that it comes in by; absent for what this host sends. */
  readonly from?: string;
  /** The virtual IP that the connection is for, as far as it matters here. */
  readonly vip?: string;
}

/** A packet, and what the kernel would do with it. */
export interface Passage extends JudgedPacket {
  readonly route?: PacketRoute;
  /** The errno's name, where it would drop the packet: `EXDEV` by the source filter, `ENETUNREACH` without a route. */
  readonly refusal?: string;
}

/** A host, as it is. */
export interface Picture {
  /** The namespace that was looked at, for commands; absent: the process's own. */
  readonly netns?: string;
  /** Said by the caller, or guessed by what there is. Absent where nothing tells. */
  readonly role?: Role;
  readonly setups: readonly HostSetup[];
  /** Whether the set-ups are guesses. They then say nothing of gateways, masquerading and addresses inside. */
  readonly guessed: boolean;
  readonly host: HostState;
  readonly neighbours: readonly NeighbourEntry[];
  /** net.ipv4.vs.*, net.netfilter.nf_conntrack_* and others, by dotted name; undefined for those that are not there. */
  readonly sysctls: Readonly<Record<string, string | undefined>>;
  /** As of uname: `6.1.176-1`. */
  readonly release: string;
  /** Absent where there is no ip_vs in the kernel. */
  readonly ipvs?: IpvsPicture;
  /** Names of the schedulers that the kernel has or could load; absent where its modules can't be seen from here. */
  readonly schedulers?: readonly string[];
  /** Schedulers that are going to be used. */
  readonly wantedSchedulers: readonly string[];
  /** The first connections of the table, at most {@link MAX_CONNECTIONS}. */
  readonly connections: readonly Connection[];
  /** The clients that the caller named. */
  readonly clients: readonly string[];
  /** Packets of clients and answers to them, and what the kernel would do with each. */
  readonly passages: readonly Passage[];
  /** Why the network could not be asked, where it was to be. */
  readonly probeProblem?: string;
  /** By address: the Ethernet addresses of all who say they have it. Of real servers and routers that were asked for. */
  readonly answers: Readonly<Record<string, readonly string[]>>;
  /** The chains of the firewall's filters; absent where they were not looked at. */
  readonly firewall?: readonly Ruleset[];
  /** By virtual IP: Ethernet addresses of the other hosts that say they have it. Only of those that were asked for. */
  readonly owners: Readonly<Record<string, readonly string[]>>;
  /** By Ethernet address: the real servers of the table that have it. */
  readonly servers: Readonly<Record<string, readonly string[]>>;
  /** The sync daemons of another director, where they are given. */
  readonly peer?: readonly NormalSyncDaemon[];
  /** The state file that is kept, where it is given. */
  readonly wanted?: NormalDesiredTable;
  /** What health checks found, where it is given. */
  readonly checked?: CheckedPicture;
}

/** What health checks found: a `HealthReport` of `ipvs-ts/health` is one. Times are milliseconds since 1970. */
export interface CheckedPicture {
  readonly servers: readonly {
    readonly checks: readonly {
      /** Its type: `tcp`. */
      readonly check: string;
      /** `10.0.0.11:80` */
      readonly target: string;
      readonly status: 'unknown' | 'up' | 'down';
      readonly reason?: string;
      /** When it passed last. Absent: never. */
      readonly passed?: number;
    }[];
  }[];
}

/** Rows of the connection table that are looked at: enough to see what kinds there are, in a tenth of a second. */
export const MAX_CONNECTIONS = 65_536;

/** The plans of the set-ups, each step with whether it holds. */
export function plansOf({ setups, host }: Picture): HostPlan[] {
  return setups.map((setup) => planFor(setup, host));
}

/** A real server of a service, as checks want it. */
export interface Server extends DestinationEntry {
  readonly service: ServiceEntry['service'];
}

/** The services of the table; none where it can't be read. */
export function servicesOf({ ipvs }: Picture): readonly TableService[] {
  return ipvs?.table.services ?? [];
}

/** Every real server of every service. */
export function serversOf(picture: Picture): Server[] {
  return servicesOf(picture).flatMap(({ service, destinations }) =>
    destinations.map((entry) => ({ ...entry, service })),
  );
}

/** Each real server once for each way of forwarding, however many services it has; of weights, the largest. */
export function distinctServers(picture: Picture): Server[] {
  const servers = serversOf(picture).toSorted((left, right) => left.destination.weight - right.destination.weight);
  const byName = servers.map((one) => [`${one.destination.address} ${one.destination.forward}`, one] as const);
  return [...new Map(byName).values()];
}

/** The virtual IPs of the table; services by mark have none. */
export function tableVips(picture: Picture): string[] {
  const vips = servicesOf(picture).flatMap(({ service }) => (service.protocol === 'fwmark' ? [] : [service.address]));
  return [...new Set(vips)];
}

/** The value that rules a device, where the larger one of its own and that of `all` does (ip-sysctl.rst). */
export function ruling(name: 'arp_ignore' | 'rp_filter', device: string, { sysctls }: HostState): number {
  return Math.max(...['all', device].map((one) => Number(sysctls[deviceSysctl('ipv4', one, name)] ?? 0)));
}

/** Whether a step adds a virtual IP. */
export function isVipStep<Step extends HostStep>(step: Step): step is Step & AddressStep {
  return step.id === 'vip' && step.kind === 'address';
}

/** The virtual IPs that steps of the plans add. */
export function plannedVips(picture: Picture): string[] {
  return plansOf(picture).flatMap(({ steps }) => steps.flatMap((step) => (isVipStep(step) ? [step.address] : [])));
}

/** 32 or 128: the prefix of an address alone. */
export function wholePrefix(address: string): number {
  return familyOf(address) === 'ipv4' ? 32 : 128;
}
