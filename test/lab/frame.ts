/**
 * Ethernet frames of a capture, read as far as the exercises look: VLAN, ARP and neighbour discovery, IPv4 and IPv6, one
 * layer of tunnel, TCP, UDP and ICMP. Written for the tests alone: what they prove must not rest on the code under test.
 *
 * @module
 */

/** One end of an IP packet. */
export interface End {
  readonly address: string;
  /** Of TCP and UDP. */
  readonly port?: number;
}

/** What all frames have. */
interface FrameHeader {
  /** 1 for a frame without a tag. */
  readonly vlan: number;
  readonly sourceMac: string;
  readonly destinationMac: string;
}

/** A question for, or a word on, the owner of an address: ARP, or IPv6 neighbour discovery. */
export interface NeighbourFrame extends FrameHeader {
  readonly kind: 'neighbour';
  readonly operation: 'request' | 'reply';
  /** Whose owner is asked for, or told. */
  readonly target: string;
  /** Who asks or tells, as the frame says; with `mac` absent where it doesn't. */
  readonly sender: { readonly address: string; readonly mac?: string };
}

/** An IP packet. */
export interface IPFrame extends FrameHeader {
  readonly kind: 'ip';
  /** The header around it, if it travels in a tunnel. */
  readonly tunnel?: { readonly type: 'ipip' | 'gre'; readonly source: string; readonly destination: string };
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'other';
  readonly source: End;
  readonly destination: End;
  readonly hops: number;
  /** Of TCP. */
  readonly tcp?: { readonly sequence: number; readonly acknowledgement: number; readonly flags: readonly TcpFlag[] };
  /** Of ICMP and ICMPv6: `3/1`. */
  readonly icmp?: string;
}

export type Frame = NeighbourFrame | IPFrame;

const TCP_FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack'] as const;
export type TcpFlag = (typeof TCP_FLAGS)[number];

const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, ipv6: 0x86dd };
const PROTOCOL = { icmp: 1, ipip: 4, tcp: 6, udp: 17, ipv6: 41, gre: 47, icmpv6: 58 };
const SOLICITATION = 135;
const ADVERTISEMENT = 136;

/** Reads a frame; undefined for one of a kind that the exercises don't look at. */
export function readFrame(bytes: Buffer): Frame | undefined {
  const tagged = bytes.readUInt16BE(12) === ETHERTYPE.vlan;
  const start = tagged ? 18 : 14;
  const header = {
    vlan: tagged ? bytes.readUInt16BE(14) & 0xfff : 1,
    destinationMac: mac(bytes, 0),
    sourceMac: mac(bytes, 6),
  };
  const content = readContent(bytes.readUInt16BE(start - 2), bytes.subarray(start));
  return content && { ...header, ...content };
}

type Content<F extends Frame> = F extends Frame ? Omit<F, keyof FrameHeader> : never;

function readContent(ethertype: number, bytes: Buffer): Content<Frame> | undefined {
  if (ethertype === ETHERTYPE.arp) return readArp(bytes);
  return ethertype === ETHERTYPE.ipv4 || ethertype === ETHERTYPE.ipv6 ? readIP(bytes) : undefined;
}

function readArp(bytes: Buffer): Content<NeighbourFrame> {
  return {
    kind: 'neighbour',
    operation: bytes.readUInt16BE(6) === 1 ? 'request' : 'reply',
    sender: { mac: mac(bytes, 8), address: ipv4(bytes, 14) },
    // Who answers tells of itself.
    target: bytes.readUInt16BE(6) === 1 ? ipv4(bytes, 24) : ipv4(bytes, 14),
  };
}

interface IPHeader {
  readonly protocol: number;
  readonly source: string;
  readonly destination: string;
  readonly hops: number;
  readonly payload: Buffer;
}

function readIPHeader(bytes: Buffer): IPHeader {
  if (bytes.readUInt8(0) >> 4 === 4) {
    const [length, total] = [4 * (bytes.readUInt8(0) & 0xf), bytes.readUInt16BE(2)];
    return {
      protocol: bytes.readUInt8(9),
      source: ipv4(bytes, 12),
      destination: ipv4(bytes, 16),
      hops: bytes.readUInt8(8),
      payload: bytes.subarray(length, total),
    };
  }
  return {
    protocol: bytes.readUInt8(6),
    source: ipv6(bytes, 8),
    destination: ipv6(bytes, 24),
    hops: bytes.readUInt8(7),
    payload: bytes.subarray(40),
  };
}

function readIP(bytes: Buffer): Content<Frame> {
  const header = readIPHeader(bytes);
  const inner = insideTunnel(header);
  if (inner !== undefined) {
    const { source, destination } = header;
    const type = header.protocol === PROTOCOL.gre ? 'gre' : 'ipip';
    return { ...readTransport(readIPHeader(inner)), tunnel: { type, source, destination } };
  }
  return readDiscovery(header) ?? readTransport(header);
}

/** The packet that travels in this one. */
function insideTunnel({ protocol, payload }: IPHeader): Buffer | undefined {
  if (protocol === PROTOCOL.ipip || protocol === PROTOCOL.ipv6) return payload;
  // Without the optional fields, of which the exercises use none.
  return protocol === PROTOCOL.gre ? payload.subarray(4) : undefined;
}

function readDiscovery({ protocol, source, payload }: IPHeader): Content<NeighbourFrame> | undefined {
  const type = protocol === PROTOCOL.icmpv6 ? payload.readUInt8(0) : 0;
  if (type !== SOLICITATION && type !== ADVERTISEMENT) return undefined;
  // The options of both hold one address at most, that of the sender.
  const linkAddress = payload.length >= 32 ? { mac: mac(payload, 26) } : {};
  const operation = type === SOLICITATION ? 'request' : 'reply';
  return { kind: 'neighbour', operation, target: ipv6(payload, 8), sender: { address: source, ...linkAddress } };
}

function readTransport({ protocol, source, destination, hops, payload }: IPHeader): Content<IPFrame> {
  const ends = { kind: 'ip', source: { address: source }, destination: { address: destination }, hops } as const;
  if (protocol === PROTOCOL.icmp || protocol === PROTOCOL.icmpv6) {
    return { ...ends, protocol: 'icmp', icmp: `${payload.readUInt8(0)}/${payload.readUInt8(1)}` };
  }
  if (protocol !== PROTOCOL.tcp && protocol !== PROTOCOL.udp) return { ...ends, protocol: 'other' };
  const ported = {
    ...ends,
    source: { address: source, port: payload.readUInt16BE(0) },
    destination: { address: destination, port: payload.readUInt16BE(2) },
  };
  if (protocol === PROTOCOL.udp) return { ...ported, protocol: 'udp' };
  const bits = payload.readUInt8(13);
  const flags = TCP_FLAGS.filter((_, index) => bits & (1 << index));
  const tcp = { sequence: payload.readUInt32BE(4), acknowledgement: payload.readUInt32BE(8), flags };
  return { ...ported, protocol: 'tcp', tcp };
}

function mac(bytes: Buffer, offset: number): string {
  return bytes.toString('hex', offset, offset + 6).replace(/..(?!$)/g, '$&:');
}

function ipv4(bytes: Buffer, offset: number): string {
  return bytes.subarray(offset, offset + 4).join('.');
}

/** RFC 5952 by way of the URL parser, which knows it. */
function ipv6(bytes: Buffer, offset: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(offset + 2 * index).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
