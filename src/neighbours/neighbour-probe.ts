/**
 * Asking the network who has an address, and telling it. Both by frames of our own, for the kernel's neighbour table knows
 * one owner of an address at most, and never a second one beside it.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { familyOf, formatIP, parseIP } from '../address/ip.js';
import { inNetwork } from '../address/network.js';
import { InvalidArgumentError } from '../errors.js';
import type { NamespaceOptions } from '../linux/namespace.js';
import { type ByteTest, PacketSocket } from '../linux/packet-socket.js';
import { deviceSysctl, readSysctl } from '../linux/sysctl.js';
import type { AddressEntry } from '../netlink/route/address.js';
import { RouteClient } from '../netlink/route/client.js';
import { arpAnnouncements, arpRequest, readArp } from './arp.js';
import { type Claim, ETH_HLEN, ETH_P_ARP, ETH_P_IPV6 } from './ethernet.js';
import {
  NEIGHBOUR_ADVERTISEMENT,
  neighbourSolicitation,
  readAdvertisement,
  unsolicitedAdvertisement,
} from './neighbour-discovery.js';

/** Milliseconds that answers are waited for; a host on the link takes a few at most. */
const WAIT = 1000;
/** Requests are not repeated by anyone, and may be lost. */
const REQUESTS = 2;
/** Requests without a pause for answers, of which a socket's default buffer holds some hundreds. */
const BURST = 64;

/** Where to speak. */
export interface NeighbourOptions extends NamespaceOptions {
  /** The device of the network that is asked: `eth0`. It must be up and have Ethernet addresses. */
  readonly device: string;
}

/** How to ask. */
export interface WhoHasOptions extends NeighbourOptions {
  /** Milliseconds to wait for answers, all of which pass, since there may always be another one; default 1000. */
  readonly timeout?: number | undefined;
  /** Ends the wait with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The Ethernet addresses of all hosts that say they have an address, in the order of their answers: none, one, or more
 * where several fight for it. This host itself is never among them. It is asked by ARP or by neighbour solicitation, twice,
 * from an address of the device in the same network (IPv6: of the link) where there is one, else from none, as those do who
 * are about to take an address (RFC 5227).
 * @throws {InvalidArgumentError} for what is no address, or a device that is not there or has no Ethernet address.
 * @throws {UnavailableError} without the addon, CAP_NET_RAW or the namespace.
 * @throws {KernelError} `ENETDOWN` if the device is down.
 */
export async function whoHas(address: string, options: WhoHasOptions): Promise<string[]> {
  const owners = await whoHave([address], options);
  return [...owners.values()].flat();
}

/**
 * The same for many addresses of one network at once, in the time of one: a map from each, in this library's one form, to
 * its owners.
 * @throws as {@link whoHas}.
 */
export async function whoHave(addresses: readonly string[], options: WhoHasOptions): Promise<Map<string, string[]>> {
  options.signal?.throwIfAborted();
  const targets = [...new Set(addresses.map(checkAddress))];
  const { device, addresses: own } = await lookAt(options);
  const [four, six] = [
    targets.filter((one) => familyOf(one) === 'ipv4'),
    targets.filter((one) => familyOf(one) === 'ipv6'),
  ];
  const answers = await Promise.all([
    ...(four.length > 0 ? [ask(four, arpTalk(device, own), device, options)] : []),
    ...(six.length > 0 ? [ask(six, discovery(device, own), device, options)] : []),
  ]);
  return new Map(answers.flatMap((owners) => [...owners]));
}

/** Asks for addresses of one family. */
async function ask(
  targets: readonly string[],
  talk: Talk,
  device: Device,
  { timeout = WAIT, signal, netns }: WhoHasOptions,
): Promise<Map<string, string[]>> {
  const owners = new Map<string, string[]>(targets.map((target) => [target, []]));
  const requests = targets.map((target) => talk.ask(target));
  const pause = (milliseconds: number) =>
    sleep(milliseconds, undefined, signal && { signal }).catch(() => signal?.throwIfAborted());
  using socket = PacketSocket.open({ device, ...talk, netns });
  socket.listen((frame) => {
    const { address = '', mac = '' } = talk.read(frame) ?? {};
    const macs = owners.get(address);
    if (macs !== undefined && !macs.includes(mac)) macs.push(mac);
  });
  for (let round = 0; round < REQUESTS; round++) {
    for (const [index, request] of requests.entries()) {
      if (index > 0 && index % BURST === 0) await pause(1);
      socket.send(request);
    }
    await pause(timeout / REQUESTS);
  }
  return owners;
}

/**
 * Tells everyone on the device's network that an address is here now, so that they send there at once, not when their own
 * knowledge ends: by a gratuitous ARP request and reply, or an unsolicited neighbour advertisement with the override flag.
 * Nobody answers. The address need not be on this host, and nothing keeps a host from ignoring this.
 * @throws as {@link whoHas}.
 */
export async function announce(address: string, options: NeighbourOptions): Promise<void> {
  const target = checkAddress(address);
  const { device } = await lookAt(options);
  const { netns } = options;
  const four = familyOf(target) === 'ipv4';
  using socket = PacketSocket.open({ device, protocol: four ? ETH_P_ARP : ETH_P_IPV6, where: NOTHING, netns });
  const frames = four
    ? arpAnnouncements(target, device.mac)
    : [unsolicitedAdvertisement(target, device.mac, isRouter(device.name, netns))];
  for (const frame of frames) socket.send(frame);
}

interface Device {
  readonly name: string;
  readonly index: number;
  readonly mac: string;
}

/** How the owners of addresses are asked in one family. */
interface Talk {
  readonly protocol: number;
  readonly where?: readonly ByteTest[];
  /** The frame that asks for an address. */
  ask(target: string): Uint8Array;
  /** Who says in a frame that an address is theirs; undefined for any other frame. */
  read(frame: Uint8Array): Claim | undefined;
}

/** Received by nobody: an Ethernet header has no byte with two values. */
const NOTHING: readonly ByteTest[] = [
  { offset: 0, value: 0 },
  { offset: 0, value: 1 },
];

/** An advertisement, by the next header in the IPv6 header and the type after it. */
const ADVERTISEMENTS: readonly ByteTest[] = [
  { offset: ETH_HLEN + 6, value: 58 },
  { offset: ETH_HLEN + 40, value: NEIGHBOUR_ADVERTISEMENT },
];

function arpTalk(device: Device, addresses: readonly AddressEntry[]): Talk {
  return {
    protocol: ETH_P_ARP,
    ask(target) {
      const near = addresses.find((own) => own.family === 'ipv4' && own.address !== target && inNetwork(target, own));
      return arpRequest(target, { mac: device.mac, address: near?.address });
    },
    read: readArp,
  };
}

function discovery(device: Device, addresses: readonly AddressEntry[]): Talk {
  return {
    protocol: ETH_P_IPV6,
    where: ADVERTISEMENTS,
    ask(target) {
      const near = addresses.find(
        ({ family, scope, flags, address }) =>
          family === 'ipv6' && scope === 'link' && !flags.includes('tentative') && address !== target,
      );
      return neighbourSolicitation(target, { mac: device.mac, address: near?.address });
    },
    read: readAdvertisement,
  };
}

async function lookAt({ device: name, netns }: NeighbourOptions): Promise<{
  device: Device;
  addresses: AddressEntry[];
}> {
  await using client = await RouteClient.open({ netns });
  const link = (await client.links()).find((one) => one.name === name);
  if (link === undefined) throw deviceProblem(`there is no device "${name}"`);
  if (link.mac === undefined || link.noarp || link.loopback) throw deviceProblem(`${name} has no Ethernet neighbours`);
  const addresses = (await client.addresses()).filter(({ device }) => device === name);
  return { device: { name, index: link.index, mac: link.mac }, addresses };
}

function deviceProblem(message: string): InvalidArgumentError {
  return new InvalidArgumentError('neighbour probe', [{ path: 'device', message }]);
}

/** The address in this library's one form. */
function checkAddress(address: string): string {
  const bytes = parseIP(address);
  if (bytes !== undefined) return formatIP(bytes);
  const message = `"${address}" is not an IPv4 or IPv6 address`;
  throw new InvalidArgumentError('neighbour probe', [{ path: 'address', message }]);
}

/** Whoever hears that a router is none any more drops its routes by it. */
function isRouter(device: string, netns: string | undefined): boolean {
  return readSysctl(deviceSysctl('ipv6', device, 'forwarding'), { netns }) === '1';
}
