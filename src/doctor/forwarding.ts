/**
 * The ways of packets to real servers and of answers back. What a plan prepares for them is in steps.ts.
 * @module
 */

import { deviceSysctl } from '../linux/sysctl.js';
import type { NormalDestination } from '../model/destination.js';
import { commandLine, serverCommand, sysctlCommand } from './command-line.js';
import { type Finding, finding } from './finding.js';
import { type Picture, ruling, type Server, type Setup, serversOf, tableVips } from './picture.js';
import { isLocal, routeTo } from './routes.js';

/** Strict filtering drops packets whose answer would leave by another device (rp_filter in ip-sysctl.rst). */
export function rpFilterDirector(picture: Picture): Finding[] {
  const { role, host, netns } = picture;
  if (role !== 'director') return [];
  const defaults = host.routes.filter(({ table, destination }) => table === 'main' && destination === '0.0.0.0/0');
  const [way] = defaults;
  if (way?.device === undefined) return [];
  return vipDevices(picture)
    .filter((device) => ruling('rp_filter', device, host) === 1 && defaults.every((route) => route.device !== device))
    .map((device) =>
      finding('rp-filter-director', 'warning', {
        subject: device,
        what: `${device} has a virtual IP and filters strictly (rp_filter is 1), but the default route is by ${way.device}.`,
        why: 'Packets of clients beyond the own networks that come in by it are dropped without a word.',
        fix: { command: commandLine([sysctlCommand(deviceSysctl('ipv4', device, 'rp_filter'), '2')], netns) },
      }),
    );
}

/** The devices with IPv4 virtual IPs that clients' packets can come in by. */
function vipDevices(picture: Picture): string[] {
  const vips = tableVips(picture);
  const devices = picture.host.addresses.filter(({ family, address }) => family === 'ipv4' && vips.includes(address));
  return [...new Set(devices.map(({ device }) => device))].filter((device) => device !== 'lo');
}

/** From a director nobody can see what gateway its real servers have. */
export function natGatewayUnseen(picture: Picture): Finding[] {
  if (picture.setups.some(masquerades)) return [];
  const servers = serversOf(picture).filter(({ destination }) => destination.forward === 'nat');
  const addresses = [...new Set(servers.map(({ destination }) => destination.address))];
  const elsewhere = addresses.filter((address) => !isLocal(address, picture.host));
  if (elsewhere.length === 0) return [];
  return [
    finding('nat-gateway-unseen', 'note', {
      subject: elsewhere.join(', '),
      what: 'Whether these real servers send their answers back through this director can not be seen from here.',
      why: 'With NAT every answer must come back through the director; the client drops one that does not.',
      fix: {
        command: 'ipvs-ts doctor realserver --mode nat --gateway ADDRESS-OF-THE-DIRECTOR',
        on: 'each real server',
      },
    }),
  ];
}

function masquerades({ description }: Setup): boolean {
  return 'inside' in description && description.inside.masquerade === true;
}

/** Real servers that no route leads to. */
export function serverUnreachable(picture: Picture): Finding[] {
  return distinct(picture)
    .filter(({ destination: { address } }) => !isLocal(address, picture.host) && !routeTo(address, picture.host))
    .map(({ destination: { address } }) =>
      finding('server-unreachable', 'error', {
        subject: address,
        what: `There is no route to the real server ${address}.`,
        why: 'Connections that are given to it go nowhere.',
        fix: { command: commandLine([['ip', 'route', 'get', address]], picture.netns) },
      }),
    );
}

/** DR leaves the virtual IP in the packet: a router on the way would send it back to the director. */
export function drBehindRouter(picture: Picture): Finding[] {
  return distinct(picture).flatMap(({ destination, service }) => {
    const { address, forward } = destination;
    const gateway = forward === 'dr' ? routeTo(address, picture.host)?.gateway : undefined;
    if (gateway === undefined || isLocal(address, picture.host)) return [];
    const tunnelled: NormalDestination = { ...destination, forward: 'tun', tunnel: { type: 'ipip' } };
    return [
      finding('dr-behind-router', 'error', {
        subject: address,
        what: `The real server ${address} is used with DR, but is behind the router ${gateway}.`,
        why:
          'The packet still has the virtual IP as its destination: the router sends it back to the director. ' +
          'TUN gets there, where the real server is set up for it.',
        fix: { command: commandLine([serverCommand('edit', service, tunnelled)], picture.netns) },
      }),
    ];
  });
}

/** The kernel asked for its Ethernet address, and nobody answered (NUD_FAILED). */
export function serverSilent(picture: Picture): Finding[] {
  const failed = picture.neighbours.filter(({ state }) => state === 'failed').map(({ address }) => address);
  return distinct(picture)
    .filter(({ destination }) => failed.includes(destination.address) && destination.weight > 0)
    .map(({ destination }) =>
      finding('server-silent', 'warning', {
        subject: destination.address,
        what: `The real server ${destination.address} did not answer when the network was asked for it.`,
        why: `It is down or gone, and still gets connections: its weight is ${destination.weight}.`,
        fix: { command: commandLine([['ping', '-c', '3', destination.address]], picture.netns) },
      }),
    );
}

/** Each real server once for each way of forwarding, however many services it has; of weights, the largest. */
function distinct(picture: Picture): Server[] {
  const servers = serversOf(picture).toSorted((left, right) => left.destination.weight - right.destination.weight);
  const byName = servers.map((one) => [`${one.destination.address} ${one.destination.forward}`, one] as const);
  return [...new Map(byName).values()];
}
