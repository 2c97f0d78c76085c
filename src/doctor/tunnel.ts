/**
 * Room for the headers that tunnels put before packets. What a real server's tunnel needs is in its plan (steps.ts).
 * @module
 */
import { familyOf } from '../address/ip.js';
import type { NormalDestination } from '../model/destination.js';
import { commandLine } from './command-line.js';
import { type Finding, finding } from './finding.js';
import { distinctServers, type Picture, plannedVips, type Server, serversOf, tableVips } from './picture.js';
import { deviceTowards, routeTo } from './routes.js';

/** IP and TCP headers without options, in bytes. */
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const TCP_HEADER = 20;
/** What clients beyond the own networks send at most. */
const ETHERNET_MTU = 1500;

/**
 * A client sends packets as large as the real server says it takes, and that does not know of the tunnel. What does not fit
 * the director refuses with "fragmentation needed", or cuts into pieces where pmtu_disc is 0 (ensure_mtu_is_adequate in
 * ip_vs_xmit.c). By the devices: the MTU of the whole path is not known here.
 */
export function tunnelMtu(picture: Picture): Finding[] {
  const servers = serversOf(picture).filter(({ destination }) => destination.forward === 'tun');
  const byAddress = new Map(servers.map((server) => [server.destination.address, server]));
  return [...byAddress.values()].flatMap((server) => tooNarrow(server, picture));
}

function tooNarrow({ destination, service }: Server, picture: Picture): Finding[] {
  const { host, sysctls } = picture;
  const vip = service.protocol === 'fwmark' ? tableVips(picture)[0] : service.address;
  const mtuOf = (device: string | undefined) => host.links.find(({ name }) => name === device)?.mtu;
  const incoming = vip === undefined ? undefined : mtuOf(deviceOfClients(vip, picture));
  const outgoing = mtuOf(routeTo(destination.address, host)?.device);
  if (vip === undefined || incoming === undefined || outgoing === undefined) return [];
  const room = outgoing - overheadOf(destination);
  const largest = Math.min(incoming, ETHERNET_MTU);
  if (room >= largest) return [];
  const refused = familyOf(vip) === 'ipv6' || sysctls['net.ipv4.vs.pmtu_disc'] !== '0';
  const mss = room - (familyOf(vip) === 'ipv4' ? IPV4_HEADER : IPV6_HEADER) - TCP_HEADER;
  return [
    finding('tunnel-mtu', 'note', {
      subject: destination.address,
      what: `Packets of ${largest} bytes may come in, and packets of at most ${room} bytes fit into the tunnel to ${destination.address}.`,
      why: refused
        ? 'Large requests hang where a firewall keeps the message "fragmentation needed" from the client.'
        : 'Larger ones are cut into pieces, which costs time and is lost where fragments are filtered.',
      fix: { command: commandLine([clamp(vip, mss)]), on: destination.address },
    }),
  ];
}

/**
 * A GRE device takes only packets with checksums (icsum), or only those without (ip_tunnel_rcv in net/ipv4/ip_tunnel.c); gre0
 * takes those without.
 */
export function tunnelChecksum(picture: Picture): Finding[] {
  return picture.role === 'director' ? checksumsSent(picture) : checksumsDropped(picture);
}

function checksumsSent(picture: Picture): Finding[] {
  return distinctServers(picture)
    .filter(
      ({ destination: { forward, tunnel } }) =>
        forward === 'tun' && tunnel?.type === 'gre' && tunnel.checksum === 'csum',
    )
    .map(({ destination: { address } }) =>
      finding('tunnel-checksum', 'note', {
        subject: address,
        what: `Packets to the real server ${address} have GRE checksums. Whether it takes them cannot be seen from here.`,
        why: 'The device gre0 drops every packet with a checksum; only a device with icsum takes them (realserver up --tunnel gre --checksum).',
        fix: { command: 'ipvs-ts doctor realserver', on: address },
      }),
    );
}

function checksumsDropped(picture: Picture): Finding[] {
  const { host, netns } = picture;
  const vips = plannedVips(picture);
  const bearers = new Set(host.addresses.filter(({ address }) => vips.includes(address)).map(({ device }) => device));
  return host.links
    .filter(
      ({ name, greChecksum, checksumErrors }) => bearers.has(name) && greChecksum !== undefined && checksumErrors > 0,
    )
    .map(({ name, greChecksum, checksumErrors }) =>
      finding('tunnel-checksum', 'error', {
        subject: name,
        what: `${name} has dropped ${checksumErrors} packets because of their checksums: it takes only packets ${greChecksum ? 'with' : 'without'} one.`,
        why: `The director sends packets ${greChecksum ? 'without' : 'with'} checksums, or something on the way spoils them.`,
        fix: { command: commandLine([['ip', '-d', '-s', '-s', 'link', 'show', 'dev', name]], netns) },
      }),
    );
}

function deviceOfClients(vip: string, { host }: Picture): string | undefined {
  const bearer = host.addresses.find(({ address, device }) => address === vip && device !== 'lo')?.device;
  return bearer ?? deviceTowards(vip, host);
}

/** Bytes before the client's packet: the outer IP header, and what the kind of tunnel adds (linux/ip_vs.h, ip_vs_xmit.c). */
function overheadOf({ address, tunnel }: NormalDestination): number {
  const outer = familyOf(address) === 'ipv4' ? IPV4_HEADER : IPV6_HEADER;
  const checksum = tunnel !== undefined && 'checksum' in tunnel ? tunnel.checksum : 'none';
  switch (tunnel?.type) {
    case 'gue':
      // UDP and GUE headers; for remote checksums, the private flags and the offsets too.
      return outer + 8 + 4 + (checksum === 'remcsum' ? 4 + 4 : 0);
    case 'gre':
      return outer + 4 + (checksum === 'csum' ? 4 : 0);
    default:
      return outer;
  }
}

/** The answer to a client's SYN then asks for smaller packets. */
function clamp(vip: string, mss: number): readonly string[] {
  const tool = familyOf(vip) === 'ipv4' ? 'iptables' : 'ip6tables';
  const match = ['-s', vip, '-p', 'tcp', '--tcp-flags', 'SYN,RST', 'SYN'];
  return [tool, '-t', 'mangle', '-A', 'OUTPUT', ...match, '-j', 'TCPMSS', '--set-mss', String(mss)];
}
