/**
 * Looking at a host: everything is read once, and nothing is changed. The network is asked for virtual IPs, if allowed.
 * @module
 */
import { closeSync, constants, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { familyOf } from '../address/ip.js';
import { IpvsError } from '../errors.js';
import { type HostState, readHostState } from '../host/state.js';
import { Ipvs } from '../ipvs.js';
import { type NamespaceOptions, openFile } from '../linux/namespace.js';
import { readSysctls } from '../linux/sysctl.js';
import type { Connection } from '../model/connection.js';
import { type Director, type NormalDirector, parseDirector } from '../model/director.js';
import { type NormalRealServer, parseRealServer, type RealServer } from '../model/real-server.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import { whoHas } from '../neighbours/neighbour-probe.js';
import { RouteClient } from '../netlink/route/client.js';
import { guess } from './guess.js';
import { type IpvsPicture, MAX_CONNECTIONS, type Picture, plansOf, type Setup } from './picture.js';
import { deviceTowards } from './routes.js';

/** What a host is to be; several descriptions where it is several things, as for IPv4 and IPv6. */
export type RoleOptions =
  | { readonly role?: undefined; readonly description?: undefined }
  | { readonly role: 'director'; readonly description?: Describing<Director | NormalDirector> }
  | { readonly role: 'real-server'; readonly description?: Describing<RealServer | NormalRealServer> };

type Describing<T> = T | readonly T[] | undefined;

/** What to look at. Without a role or description, they are guessed by what there is. */
export type ExamineOptions = NamespaceOptions &
  RoleOptions & {
    /** Ask the network who has the virtual IPs, which takes CAP_NET_RAW and half a second. Default true. */
    readonly probe?: boolean | undefined;
    /** Schedulers that are going to be used, to be told whether the kernel has them. */
    readonly schedulers?: readonly string[] | undefined;
    /** The sync daemons of the other director (its `ipvs.daemons()`), to be compared with those here. */
    readonly peer?: readonly NormalSyncDaemon[] | undefined;
  };

/** Milliseconds that answers of the network are waited for. */
const PROBE_TIMEOUT = 500;
/** Virtual IPs that are asked for at once. */
const PROBES = 64;

/**
 * Looks at a host.
 * @throws {InvalidArgumentError} for a description that is wrong.
 * @throws {UnavailableError} without the addon, or if the namespace can't be entered.
 */
export async function gather(options: ExamineOptions = {}): Promise<Picture> {
  const { netns, probe = true, schedulers: wantedSchedulers = [], peer } = options;
  const described = setupsOf(options);
  const host = await readHostState({ netns, masquerade: masqueradeFamilies(described) });
  const ipvs = await readIpvs(netns);
  const guessed = described.length === 0 ? guess(host, ipvs?.picture.table, options.role) : undefined;
  const role = options.role ?? guessed?.role;
  const available = readSchedulers(ipvs?.picture);
  const picture: Picture = {
    ...(netns !== undefined && { netns }),
    ...(role !== undefined && { role }),
    setups: guessed?.setups ?? described,
    guessed: guessed !== undefined,
    host,
    neighbours: await readNeighbours(netns),
    sysctls: readSysctls(SYSCTLS, { netns }),
    release: release(),
    ...(ipvs !== undefined && { ipvs: ipvs.picture }),
    ...(available !== undefined && { schedulers: available }),
    wantedSchedulers,
    connections: ipvs?.connections ?? [],
    owners: {},
    servers: {},
    ...(peer !== undefined && { peer }),
  };
  return probe ? askTheNetwork(picture) : picture;
}

function setupsOf({ role, description }: RoleOptions): Setup[] {
  if (role === undefined || description === undefined) return [];
  return role === 'director'
    ? asList<Director | NormalDirector>(description).map((one) => ({ role, description: parseDirector(one) }))
    : asList<RealServer | NormalRealServer>(description).map((one) => ({ role, description: parseRealServer(one) }));
}

function asList<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

function masqueradeFamilies(setups: readonly Setup[]) {
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
]
  .map((name) => `net.ipv4.vs.${name}`)
  .concat('net.netfilter.nf_conntrack_count', 'net.netfilter.nf_conntrack_max');

/** Undefined where the module is not loaded. Opening a client would load it. */
async function readIpvs(
  netns: string | undefined,
): Promise<{ picture: IpvsPicture; connections: Connection[] } | undefined> {
  if (!isThere('/proc/thread-self/net/ip_vs', netns)) return undefined;
  await using ipvs = await Ipvs.open({ netns });
  const problem = ipvs.fallbackReason?.message;
  const picture: IpvsPicture = {
    table: await ipvs.snapshot(),
    info: await ipvs.info(),
    ...(ipvs.source === 'netlink' && { daemons: await ipvs.daemons() }),
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

async function readNeighbours(netns: string | undefined): Promise<Picture['neighbours']> {
  await using client = await RouteClient.open({ netns });
  return await client.neighbours();
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

/** The picture with what the network says of the virtual IPs, and of the real servers where someone else has one. */
async function askTheNetwork(picture: Picture): Promise<Picture> {
  const vips = plansOf(picture)
    .flatMap(({ steps }) => steps)
    .flatMap((step) => (step.id === 'vip' && step.kind === 'address' ? [step.address] : []));
  const owners = await ask([...new Set(vips)], picture);
  const foreign = new Set(Object.values(owners).flat());
  return { ...picture, owners, servers: foreign.size === 0 ? {} : await findServers(picture) };
}

/** The other hosts that have each of these addresses, of those that can be asked for. */
async function ask(addresses: readonly string[], { host, netns }: Picture): Promise<Record<string, string[]>> {
  const own = new Set(host.links.map(({ mac }) => mac));
  const owners: Record<string, string[]> = {};
  for (let first = 0; first < addresses.length; first += PROBES) {
    await Promise.all(
      addresses.slice(first, first + PROBES).map(async (address) => {
        const macs = await askFor(address, host, netns);
        // A device of this host on the same wire answers as well, which is no one else.
        if (macs !== undefined) owners[address] = macs.filter((mac) => !own.has(mac));
      }),
    );
  }
  return owners;
}

/** Undefined where there is nobody to ask, or no right to. */
async function askFor(address: string, host: HostState, netns: string | undefined): Promise<string[] | undefined> {
  const device = host.links.find(({ name }) => name === deviceTowards(address, host));
  if (!device?.up || device.mac === undefined || device.noarp || device.loopback) return undefined;
  try {
    return await whoHas(address, { device: device.name, netns, timeout: PROBE_TIMEOUT });
  } catch (error) {
    if (error instanceof IpvsError) return undefined;
    throw error;
  }
}

/** The real servers of the table by their Ethernet addresses. */
async function findServers(picture: Picture): Promise<Record<string, string[]>> {
  const destinations = picture.ipvs?.table.services.flatMap((service) => service.destinations) ?? [];
  const addresses = [...new Set(destinations.map(({ destination }) => destination.address))];
  const servers: Record<string, string[]> = {};
  for (const [address, macs] of Object.entries(await ask(addresses, picture))) {
    for (const mac of macs) servers[mac] = [...(servers[mac] ?? []), address];
  }
  return servers;
}
