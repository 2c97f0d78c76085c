/**
 * Looking at a host: everything is read once, and nothing is changed. The network is asked for virtual IPs, if allowed.
 * @module
 */
import { closeSync, constants, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { familyOf, formatIP, parseIP } from '../address/ip.js';
import { InvalidArgumentError, KernelError } from '../errors.js';
import { type Answers, otherOwners } from '../host/other-owners.js';
import { needsFou } from '../host/plan-for.js';
import type { HostSetup } from '../host/setup.js';
import { readHostState } from '../host/state.js';
import { Ipvs } from '../ipvs.js';
import { type NamespaceOptions, openFile } from '../linux/namespace.js';
import { readSysctls } from '../linux/sysctl.js';
import type { Connection } from '../model/connection.js';
import { type DesiredTable, parseDesiredTable } from '../model/desired.js';
import { type Director, type NormalDirector, parseDirector } from '../model/director.js';
import { withoutUndefined } from '../model/parse.js';
import { type NormalRealServer, parseRealServer, type RealServer } from '../model/real-server.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import { RouteClient } from '../netlink/route/client.js';
import { readFirewall } from './firewall-reader.js';
import { guess } from './guess.js';
import { asksNeighbours, packetsOf } from './packets.js';
import {
  type CheckedPicture,
  type IpvsPicture,
  type JudgedPacket,
  MAX_CONNECTIONS,
  type Passage,
  type Picture,
  plannedVips,
  serversOf,
} from './picture.js';
import { deviceTowards, isLocal, nextHop } from './routes.js';
import { gatewaysInUse } from './ways.js';

/** What a host is to be; several descriptions where it is several things, as for IPv4 and IPv6. */
export type RoleOptions =
  | { readonly role?: undefined; readonly description?: undefined }
  | { readonly role: 'director'; readonly description?: OneOrSeveral<Director | NormalDirector> }
  | { readonly role: 'real-server'; readonly description?: OneOrSeveral<RealServer | NormalRealServer> };

/** A description, or several of them. */
export type OneOrSeveral<T> = T | readonly T[] | undefined;

/** What to look at. Without a role or description, they are guessed by what there is. */
export type ExamineOptions = NamespaceOptions &
  RoleOptions & {
    /**
     * Ask the network (ARP, neighbour discovery) who has the virtual IPs, and whether real servers and routers answer, which
     * takes CAP_NET_RAW and half a second. Default true.
     */
    readonly probe?: boolean | undefined;
    /** The address of a client, IPv4 or IPv6, whose requests and answers are looked at; default: any. */
    readonly client?: string | undefined;
    /** Schedulers that must be available: a missing one is a finding. */
    readonly schedulers?: readonly string[] | undefined;
    /** The sync daemons of the other director (its `ipvs.daemons()`), to be compared with those here. */
    readonly peer?: readonly NormalSyncDaemon[] | undefined;
    /** The table that is kept (`loadStateFile`), whose health checks are looked at. */
    readonly wanted?: DesiredTable | undefined;
    /** What health checks found (`readHealthReport`). */
    readonly checked?: CheckedPicture | undefined;
  };

/**
 * Looks at a host.
 * @throws {InvalidArgumentError} for a description that is wrong.
 * @throws {UnavailableError} without the addon, or if the namespace can't be entered.
 */
export async function gather(options: ExamineOptions = {}): Promise<Picture> {
  const { netns, probe = true, schedulers: wantedSchedulers = [], peer, checked } = options;
  const wanted = options.wanted && parseDesiredTable(options.wanted);
  const described = setupsOf(options);
  const clients = options.client === undefined ? [] : [checkClient(options.client)];
  const host = await readHostState({ netns, masquerade: masqueradeFamilies(described), fou: described.some(needsFou) });
  const ipvs = await readIpvs(netns);
  const guessed = described.length === 0 ? guess(host, ipvs?.picture.table, options.role) : undefined;
  const role = options.role ?? guessed?.role;
  const available = readSchedulers(ipvs?.picture);
  await using client = await RouteClient.open({ netns });
  const picture: Picture = {
    ...(netns !== undefined && { netns }),
    ...(role !== undefined && { role }),
    setups: guessed?.setups ?? described,
    guessed: guessed !== undefined,
    host,
    neighbours: await client.neighbours(),
    sysctls: readSysctls(SYSCTLS, { netns }),
    release: release(),
    ...(ipvs !== undefined && { ipvs: ipvs.picture }),
    ...(available !== undefined && { schedulers: available }),
    wantedSchedulers,
    connections: ipvs?.connections ?? [],
    clients,
    passages: [],
    firewall: role === 'director' && ipvs !== undefined ? await readFirewall(netns) : [],
    answers: {},
    owners: {},
    servers: {},
    ...withoutUndefined({ peer, wanted, checked }),
  };
  const passages = await Promise.all(packetsOf(picture).map((packet) => lookUp(packet, client)));
  const seen = { ...picture, passages };
  return probe ? askTheNetwork(seen) : seen;
}

/** In this library's one form. */
function checkClient(client: string): string {
  const bytes = parseIP(client);
  if (bytes !== undefined) return formatIP(bytes);
  throw new InvalidArgumentError('doctor', [{ path: 'client', message: `"${client}" is not an IPv4 or IPv6 address` }]);
}

async function lookUp(packet: JudgedPacket, client: RouteClient): Promise<Passage> {
  try {
    return { ...packet, route: await client.lookUpRoute(packet) };
  } catch (error) {
    if (error instanceof KernelError) return { ...packet, refusal: error.code };
    throw error;
  }
}

function setupsOf({ role, description }: RoleOptions): HostSetup[] {
  if (role === undefined || description === undefined) return [];
  return role === 'director'
    ? asList<Director | NormalDirector>(description).map((one) => ({ role, description: parseDirector(one) }))
    : asList<RealServer | NormalRealServer>(description).map((one) => ({ role, description: parseRealServer(one) }));
}

function asList<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

function masqueradeFamilies(setups: readonly HostSetup[]) {
  return setups.flatMap(({ role, description }) => {
    if (role !== 'director' || description.mode !== 'nat' || !description.inside.masquerade) return [];
    const { network } = description.inside;
    return [familyOf(typeof network === 'string' ? (network.split('/')[0] ?? '') : network.address)];
  });
}

/** All that ipvs-sysctl.rst names and checks look at, and the size of connection tracking. */
const SYSCTLS = [
  ...['conntrack', 'conn_reuse_mode', 'expire_nodest_conn', 'expire_quiescent_template', 'pmtu_disc', 'backup_only'],
  ...['drop_entry', 'drop_packet', 'secure_tcp', 'am_droprate', 'run_estimation'],
  ...['conn_lfactor', 'conn_max', 'est_cpulist', 'svc_lfactor'],
  ...['sync_version', 'sync_qlen_max', 'sync_sock_size'],
]
  .map((name) => `net.ipv4.vs.${name}`)
  .concat('net.netfilter.nf_conntrack_count', 'net.netfilter.nf_conntrack_max', 'net.core.rmem_default');

/** Undefined where the module is not loaded. Opening a client would load it. */
async function readIpvs(
  netns: string | undefined,
): Promise<{ picture: IpvsPicture; connections: Connection[] } | undefined> {
  if (!isThere('/proc/thread-self/net/ip_vs', netns)) return undefined;
  await using ipvs = await Ipvs.open({ netns });
  const problem = ipvs.source === 'proc' ? ipvs.fallbackReason?.message : undefined;
  const status = await ipvs.status();
  const picture: IpvsPicture = {
    table: await ipvs.snapshot(),
    info: await ipvs.info(),
    ...(status !== undefined && { status }),
    ...(ipvs.source !== 'proc' && { daemons: await ipvs.daemons() }),
    ...(problem !== undefined && { problem }),
  };
  return { picture, connections: await firstConnections(ipvs) };
}

function isThere(path: string, netns: string | undefined): boolean {
  const descriptor = openFile(path, constants.O_RDONLY, netns);
  if (descriptor >= 0) closeSync(descriptor);
  return descriptor >= 0;
}

async function firstConnections(ipvs: Ipvs): Promise<Connection[]> {
  const rows: Connection[] = [];
  for await (const row of ipvs.connections()) if (rows.push(row) === MAX_CONNECTIONS) break;
  return rows;
}

/** By the files of the kernel's modules, those that are loaded, and those that services have. */
function readSchedulers(ipvs: IpvsPicture | undefined): string[] | undefined {
  const directory = `/lib/modules/${release()}`;
  const files = ['modules.dep', 'modules.builtin'].map((name) => readText(`${directory}/${name}`));
  if (files.every((text) => text === undefined)) return undefined;
  const texts = [...files, readText('/proc/modules')].join('\n');
  const names = Array.from(texts.matchAll(/\bip_vs_([a-z]+)\b/g), ([, name = '']) => name);
  const used = ipvs?.table.services.map(({ service }) => service.scheduler) ?? [];
  return [...new Set([...names, ...used])].filter((name) => !NO_SCHEDULERS.includes(name)).toSorted();
}

/** Modules that are called like schedulers, and `none`. */
const NO_SCHEDULERS = ['ftp', 'pe', 'none'];

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

/** The picture with what the network says of virtual IPs, real servers and routers. */
async function askTheNetwork(picture: Picture): Promise<Picture> {
  const { role, host } = picture;
  const vips = plannedVips(picture);
  const servers = role === 'director' ? serversOf(picture).map(({ destination }) => destination.address) : [];
  const remote = servers.filter((server) => !isLocal(server, host));
  const hops = [...remote.map((server) => nextHop(server, host)), ...gatewaysInUse(picture)];
  const { answers, problem } = await ask([...new Set([...vips, ...hops])], picture);
  const pick = (addresses: readonly string[]) =>
    Object.fromEntries(addresses.flatMap((address) => (answers[address] ? [[address, answers[address]]] : [])));
  return {
    ...picture,
    owners: pick(vips),
    answers: pick(hops),
    servers: byMac(pick(remote)),
    ...(problem !== undefined && { probeProblem: problem }),
  };
}

/** The other hosts that have each of these addresses, of those that can be asked for, and why none could. */
function ask(addresses: readonly string[], { host, netns }: Picture): Promise<Answers> {
  const questions = addresses.flatMap((address) => {
    const device = deviceTowards(address, host);
    return device !== undefined && asksNeighbours(device, host) ? [{ address, device }] : [];
  });
  return otherOwners(questions, host, netns);
}

function byMac(answers: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  const addresses: Record<string, string[]> = {};
  for (const [address, macs] of Object.entries(answers)) {
    for (const mac of macs) addresses[mac] = [...(addresses[mac] ?? []), address];
  }
  return addresses;
}
