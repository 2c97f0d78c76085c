/**
 * The host's own firewall: IPVS sees a request after the chain INPUT, and with NAT an answer after the chain FORWARD
 * (ip_vs_ops in ip_vs_core.c).
 * @module
 */
import { type Family, familyOf } from '../address/ip.js';
import { formatServiceKey } from '../model/service-key.js';
import type { TableService } from '../model/table.js';
import { commandLine } from './command-line.js';
import { type Finding, finding } from './finding.js';
import { droppingChain, type FilteredPacket } from './firewall-rules.js';
import { arrivalDevice } from './packets.js';
import { type Picture, servicesOf } from './picture.js';
import { deviceTowards, isLocal } from './routes.js';

/** A chain that drops every request for a service, or every answer of its real servers. */
export function firewallDrops(picture: Picture): Finding[] {
  const { firewall = [], netns } = picture;
  if (picture.role !== 'director' || firewall.length === 0) return [];
  const found = servicesOf(picture).flatMap((service) => packetsOf(service, picture));
  return found.flatMap(({ packet, service }) => {
    const chain = droppingChain(firewall, packet);
    if (chain === undefined) return [];
    const isRequest = packet.hook === 'input';
    const name = formatServiceKey(service.service);
    return [
      finding('firewall', 'error', {
        subject: isRequest ? name : `answers of ${name}`,
        what: isRequest
          ? `The firewall drops requests for ${name} (${chain}).`
          : `The firewall drops the answers of ${packet.source} (${chain}).`,
        why: isRequest
          ? 'IPVS gets packets only after the chain INPUT.'
          : 'With NAT the director forwards answers: they pass the chain FORWARD before IPVS gives them the virtual IP again. Docker sets its policy to DROP.',
        fix: { command: commandLine([acceptCommand(packet)], netns) },
      }),
    ];
  });
}

interface ServicePacket {
  readonly packet: FilteredPacket;
  readonly service: TableService;
}

/** One request, and an answer of each real server for NAT. */
function packetsOf(entry: TableService, picture: Picture): ServicePacket[] {
  const { service, destinations } = entry;
  if (service.protocol === 'fwmark') return [];
  const { host, sysctls, clients } = picture;
  const { protocol, address: vip, port } = service;
  const family = familyOf(vip);
  const client = clients.find((one) => familyOf(one) === family);
  const common = (hook: FilteredPacket['hook']) => ({ hook, family, protocol });
  const outside = arrivalDevice(vip, host);
  const request: FilteredPacket = {
    ...common('input'),
    destination: vip,
    ...(port !== 0 && { destinationPort: port }),
    ...(client !== undefined && { source: client }),
    ...(outside !== undefined && { incoming: outside }),
    state: 'new',
  };
  const answers = destinations.flatMap(({ destination }): FilteredPacket[] => {
    const { address: source, port: sourcePort, forward } = destination;
    if (forward !== 'nat' || isLocal(source, host)) return [];
    const incoming = deviceTowards(source, host);
    const way = picture.passages.find(
      ({ purpose, from, destination }) => purpose === 'answer' && from === incoming && familyOf(destination) === family,
    );
    const outgoing = way?.route?.device ?? outside;
    return [
      {
        ...common('forward'),
        source,
        ...(sourcePort !== 0 && { sourcePort }),
        ...(client !== undefined && { destination: client }),
        ...(incoming !== undefined && { incoming }),
        ...(outgoing !== undefined && { outgoing }),
        // Without it, connection tracking never saw the request, and takes the answer for part of no connection.
        state: sysctls['net.ipv4.vs.conntrack'] === '1' ? 'established' : protocol === 'tcp' ? 'invalid' : 'new',
      },
    ];
  });
  return [request, ...answers].map((packet) => ({ packet, service: entry }));
}

function acceptCommand({
  hook,
  family,
  protocol,
  source,
  destination,
  destinationPort,
  sourcePort,
}: FilteredPacket): readonly string[] {
  const tool: Readonly<Record<Family, string>> = { ipv4: 'iptables', ipv6: 'ip6tables' };
  const proto = protocol === undefined ? [] : ['-p', protocol];
  const port = hook === 'input' ? ['--dport', destinationPort] : ['--sport', sourcePort];
  const ends = hook === 'input' ? ['-d', destination ?? ''] : ['-s', source ?? ''];
  return [
    tool[family],
    '-I',
    hook.toUpperCase(),
    ...ends,
    ...proto,
    ...(port[1] === undefined ? [] : port.map(String)),
    '-j',
    'ACCEPT',
  ];
}
