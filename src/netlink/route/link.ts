/**
 * Network devices, and the message that switches one on.
 * @module
 */
import { familyOf, formatIP, parseIP } from '../../address/ip.js';
import { formatMac } from '../../address/mac.js';
import { AttributeReader, Bytes } from '../attributes.js';
import type { Request } from '../connection.js';
import { type Message, NLM_F_CREATE, NLM_F_EXCL } from '../message.js';
import { parseLink, request } from './codec.js';
import { AF_UNSPEC } from './constants.js';

/** A network device. */
export interface LinkEntry {
  /** The kernel's number of it: 1 and up, another one after it was made anew. */
  readonly index: number;
  /** `eth0` */
  readonly name: string;
  /** `52:54:00:12:34:56`; absent where addresses are not six bytes long: tunnels, PPP. */
  readonly mac?: string;
  /** Bytes. */
  readonly mtu: number;
  /** IFF_UP: switched on by the administrator. */
  readonly up: boolean;
  /** IFF_LOWER_UP: there is a carrier. */
  readonly lowerUp: boolean;
  /** IFF_LOOPBACK */
  readonly loopback: boolean;
  /** IFF_NOARP: nobody is asked for addresses through it. */
  readonly noarp: boolean;
  /** The kind of a virtual device: `ipip`, `bridge`, `veth`, `dummy`; absent for hardware and lo. */
  readonly kind?: string;
  /** GRE devices: takes only packets with a checksum (`icsum`), or only those without one. */
  readonly greChecksum?: boolean;
  /** GRE devices: the address of this host that it takes packets to; absent: any. */
  readonly greLocal?: string;
  /** Packets that came in by it since it is there and were dropped for their checksum, or for having one or none. */
  readonly checksumErrors: number;
  /** The index of the bridge, bond or VRF that it belongs to. */
  readonly masterIndex?: number;
  /** The name of that. */
  readonly master?: string;
}

/** A dump of all devices. */
export function getLinks(): Request {
  const content = { kind: 'link', data: { family: AF_UNSPEC }, attrs: {} } as const;
  return request({ type: 'GETLINK', command: 'list links' }, content);
}

/** Answered by one device. `command` and `object` are what it is for, for errors. */
export function getLink(name: string, command: string, object: string): Request {
  const content = { kind: 'link', data: { family: AF_UNSPEC }, attrs: { ifname: name } } as const;
  return request({ type: 'GETLINK', command, object }, content);
}

/** Switches a device on or off. */
export function setLinkUp(index: number, device: string, up: boolean): Request {
  const data = { family: AF_UNSPEC, index, flags: up ? { up } : {}, change: { up: true } } as const;
  const parts = { type: 'NEWLINK', command: `set link ${up ? 'up' : 'down'}`, object: device } as const;
  return request(parts, { kind: 'link', data, attrs: {} });
}

/** Makes a device that leads nowhere (the module dummy), switched off. */
export function addDummy(name: string, mtu: number): Request {
  return addDevice('add dummy device', { ifname: name, mtu, linkinfo: attribute(IFLA_INFO_KIND, text('dummy')) });
}

/**
 * Makes a device that takes GRE packets with checksums and without keys, to a local address from anybody, switched off. Answers
 * do not go out by it.
 */
export function addGre(name: string, local: string): Request {
  const address = parseIP(local) ?? new Uint8Array();
  const data = [attribute(IFLA_GRE_IFLAGS, Uint8Array.of(GRE_CSUM, 0)), attribute(IFLA_GRE_LOCAL, address)];
  const kind = attribute(IFLA_INFO_KIND, text(familyOf(local) === 'ipv4' ? 'gre' : 'ip6gre'));
  const linkinfo = Buffer.concat([kind, attribute(IFLA_INFO_DATA, Buffer.concat(data))]);
  return addDevice('add GRE device', { ifname: name, linkinfo });
}

function addDevice(
  command: string,
  attrs: { readonly ifname: string; readonly mtu?: number; readonly linkinfo: Buffer },
): Request {
  const parts = { type: 'NEWLINK', flags: NLM_F_CREATE | NLM_F_EXCL, command, object: attrs.ifname } as const;
  return request(parts, { kind: 'link', data: { family: AF_UNSPEC }, attrs });
}

/** struct nlattr, in the machine's order: length and type, the payload, and bytes up to the next multiple of 4. */
function attribute(type: number, payload: Uint8Array): Buffer {
  const header = Buffer.from(Uint16Array.of(NLA_HDRLEN + payload.length, type).buffer);
  return Buffer.concat([header, payload, Buffer.alloc(-payload.length & 3)]);
}

function text(word: string): Buffer {
  return Buffer.from(`${word}\0`);
}

/** Deletes a virtual device. */
export function deleteLink(index: number, device: string): Request {
  const content = { kind: 'link', data: { family: AF_UNSPEC, index }, attrs: {} } as const;
  return request({ type: 'DELLINK', command: 'delete device', object: device }, content);
}

/** Reads an answer to GETLINK; the master's name is not in it. */
export function readLink(message: Message): LinkEntry {
  const { data, attrs } = parseLink(message);
  const { kind, greChecksum, greLocal } = readLinkInfo(attrs.linkinfo ?? new Uint8Array());
  return {
    index: data.index ?? 0,
    name: attrs.ifname ?? '',
    ...(attrs.address?.length === 6 && { mac: formatMac(attrs.address) }),
    mtu: attrs.mtu ?? 0,
    up: data.flags?.up ?? false,
    lowerUp: data.flags?.lowerUp ?? false,
    loopback: data.flags?.loopback ?? false,
    noarp: data.flags?.noarp ?? false,
    ...(kind !== undefined && { kind }),
    ...(greChecksum !== undefined && { greChecksum }),
    ...(greLocal !== undefined && { greLocal }),
    checksumErrors: Number(attrs.stats64?.rxCrcErrors ?? 0),
    ...(attrs.master !== undefined && { masterIndex: attrs.master }),
  };
}

/** The length of an attribute's header. */
const NLA_HDRLEN = 4;
/** linux/if_link.h: in the nest IFLA_LINKINFO, which the codec leaves as it is. */
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
/** linux/if_tunnel.h: in IFLA_INFO_DATA of GRE devices, and its bit for checksums, both in network order. */
const IFLA_GRE_IFLAGS = 2;
const IFLA_GRE_LOCAL = 6;
const GRE_CSUM = 0x80;
const GRE_KINDS: readonly string[] = ['gre', 'ip6gre', 'gretap', 'ip6gretap'];

function readLinkInfo(linkInfo: Uint8Array): Pick<LinkEntry, 'kind' | 'greChecksum' | 'greLocal'> {
  const reader = new AttributeReader(new Bytes(linkInfo), 0, linkInfo.length, 'IFLA_LINKINFO');
  let kind: string | undefined;
  let data = new Uint8Array();
  while (reader.next()) {
    if (reader.type === IFLA_INFO_KIND) kind = reader.string();
    if (reader.type === IFLA_INFO_DATA) data = Uint8Array.from(reader.payload());
  }
  if (kind === undefined) return {};
  return GRE_KINDS.includes(kind) ? { kind, ...readGre(data) } : { kind };
}

function readGre(data: Uint8Array): Pick<LinkEntry, 'greChecksum' | 'greLocal'> {
  const reader = new AttributeReader(new Bytes(data), 0, data.length, 'IFLA_INFO_DATA');
  let greChecksum = false;
  let local = new Uint8Array();
  while (reader.next()) {
    if (reader.type === IFLA_GRE_IFLAGS) greChecksum = ((reader.payload()[0] ?? 0) & GRE_CSUM) !== 0;
    if (reader.type === IFLA_GRE_LOCAL) local = Uint8Array.from(reader.payload());
  }
  return local.some((byte) => byte !== 0) ? { greChecksum, greLocal: formatIP(local) } : { greChecksum };
}
