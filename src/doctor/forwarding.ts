/**
 * The ways of packets to real servers and of answers back. What a plan prepares for them is in steps.ts.
 * @module
 */

import type { HostSetup } from '../host/setup.js';
import type { DestinationFields } from '../model/destination.js';
import { commandLine, serverCommand } from './command-line.js';
import { isCutOff } from './devices.js';
import { type Finding, finding } from './finding.js';
import { distinctServers, type Picture, serversOf } from './picture.js';
import { isLocal, routeTo } from './routes.js';

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
      what: 'Whether these real servers send their answers back through this director cannot be seen from here.',
      why: 'With NAT every answer must come back through the director. The client drops an answer that does not.',
      fix: {
        command: 'ipvs-ts doctor realserver --mode nat --gateway ADDRESS-OF-THE-DIRECTOR',
        on: 'each real server',
      },
    }),
  ];
}

function masquerades({ description }: HostSetup): boolean {
  return 'inside' in description && description.inside.masquerade === true;
}

/** Real servers that no route leads to. */
export function serverUnreachable(picture: Picture): Finding[] {
  return distinctServers(picture)
    .filter(({ destination: { address } }) => !isLocal(address, picture.host) && !isCutOff(address, picture))
    .filter(({ destination: { address } }) => !routeTo(address, picture.host))
    .map(({ destination: { address } }) =>
      finding('server-unreachable', 'error', {
        subject: address,
        what: `There is no route to the real server ${address}.`,
        why: 'Its connections are lost.',
        fix: { command: commandLine([['ip', 'route', 'get', address]], picture.netns) },
      }),
    );
}

/** DR leaves the virtual IP in the packet: a router on the way would send it back to the director. */
export function drBehindRouter(picture: Picture): Finding[] {
  return distinctServers(picture).flatMap(({ destination, service }) => {
    const { address, forward } = destination;
    const gateway = forward === 'dr' ? routeTo(address, picture.host)?.gateway : undefined;
    if (gateway === undefined || isLocal(address, picture.host)) return [];
    const tunnelled: DestinationFields = { ...destination, forward: 'tun', tunnel: { type: 'ipip' } };
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
