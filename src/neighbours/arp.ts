/**
 * ARP on Ethernet (RFC 826, RFC 5227): the frames that ask for and announce an IPv4 address. Pure.
 * @module
 */
import { formatIP, parseIPv4 } from '../address/ip.js';
import { formatMac, macBytes } from '../address/mac.js';
import { BROADCAST, be16, type Claim, ETH_HLEN, ETH_P_ARP, ETH_P_IP, ethernetFrame } from './ethernet.js';

/** linux/if_arp.h */
const ARPHRD_ETHER = 1;
const ARPOP_REQUEST = 1;
const ARPOP_REPLY = 2;

/** Bytes of an ARP packet for Ethernet and IPv4. */
const LENGTH = 28;
const NOBODY = '00:00:00:00:00:00';

/** Asks everyone who has `target`. Without an address to ask from it is a probe: nobody learns anything from it. */
export function arpRequest(target: string, from: { mac: string; address?: string | undefined }): Buffer {
  const sender = { mac: from.mac, address: from.address ?? '0.0.0.0' };
  return arpFrame(ARPOP_REQUEST, sender, { mac: NOBODY, address: target });
}

/**
 * Tells everyone that `address` is at `mac`: a request and a reply, since some systems learn from the one only, some from
 * the other.
 */
export function arpAnnouncements(address: string, mac: string): Buffer[] {
  const owner = { mac, address };
  return [
    arpFrame(ARPOP_REQUEST, owner, { mac: NOBODY, address }),
    arpFrame(ARPOP_REPLY, owner, { mac: BROADCAST, address }),
  ];
}

/** Who says in a frame which address is theirs; undefined for a frame that is no ARP for IPv4. */
export function readArp(frame: Uint8Array): Claim | undefined {
  const packet = frame.subarray(ETH_HLEN);
  if (packet.length < LENGTH || !HEADER.every((byte, index) => packet[index] === byte)) return undefined;
  return { address: formatIP(packet.subarray(14, 18)), mac: formatMac(packet.subarray(8, 14)) };
}

interface Party {
  readonly mac: string;
  readonly address: string;
}

/** Both kinds of address, and their lengths. */
const HEADER = Uint8Array.of(...be16(ARPHRD_ETHER), ...be16(ETH_P_IP), 6, 4);

function arpFrame(operation: number, sender: Party, target: Party): Buffer {
  const packet = Buffer.concat([HEADER, be16(operation), partyBytes(sender), partyBytes(target)]);
  return ethernetFrame(BROADCAST, sender.mac, ETH_P_ARP, packet);
}

function partyBytes({ mac, address }: Party): Buffer {
  return Buffer.concat([macBytes(mac), parseIPv4(address) ?? new Uint8Array(4)]);
}
