/**
 * Services and real servers of the table.
 * @module
 */
import { formatDestinationKey, INT_MAX } from '../model/destination.js';
import { formatServiceKey } from '../model/service-key.js';
import { commandLine, serverCommand } from './command-line.js';
import { type Finding, finding } from './finding.js';
import { type Picture, type Server, serversOf, servicesOf } from './picture.js';

function nameOf({ destination, service }: Server): string {
  return `${formatDestinationKey(destination)} of ${formatServiceKey(service)}`;
}

/** DR and TUN leave the packet as it is, its port too; the kernel takes another one and ignores it (ip_vs_xmit.c). */
export function portMismatch(picture: Picture): Finding[] {
  return serversOf(picture).flatMap((server) => {
    const { destination, service } = server;
    const rewrites = destination.forward !== 'dr' && destination.forward !== 'tun';
    if (rewrites || service.protocol === 'fwmark' || destination.port === service.port) return [];
    const commands = [
      serverCommand('delete', service, destination),
      serverCommand('add', service, { ...destination, port: service.port }),
    ];
    return [
      finding('port-mismatch', 'error', {
        subject: nameOf(server),
        what: `The real server has the port ${destination.port}, and the service ${service.port}.`,
        why: `${destination.forward.toUpperCase()} does not change ports: the real server gets requests for port ${service.port}.`,
        fix: { command: commandLine(commands, picture.netns) },
      }),
    ];
  });
}

/** A service that has nobody to give connections to. */
export function noServers(picture: Picture): Finding[] {
  return servicesOf(picture)
    .filter(({ destinations }) => destinations.length === 0)
    .map(({ service }) => {
      const port = service.protocol === 'fwmark' ? 0 : service.port;
      const destination = {
        address: service.protocol !== 'fwmark' && service.address.includes(':') ? '2001:db8::11' : '192.0.2.11',
        port,
        weight: 1,
        forward: 'dr',
      } as const;
      return finding('no-servers', 'error', {
        subject: formatServiceKey(service),
        what: 'The service has no real servers.',
        why: 'Its clients are refused.',
        fix: { command: commandLine([serverCommand('add', service, destination)], picture.netns) },
      });
    });
}

/** Every real server is quiesced: no scheduler takes one of weight 0. */
export function allQuiesced(picture: Picture): Finding[] {
  return servicesOf(picture).flatMap(({ service, destinations }) => {
    const [first] = destinations;
    if (first === undefined || destinations.some(({ destination }) => destination.weight > 0)) return [];
    const words = serverCommand('edit', service, { ...first.destination, weight: 1 });
    return [
      finding('all-quiesced', 'error', {
        subject: formatServiceKey(service),
        what: 'All real servers of the service have the weight 0.',
        why: 'New connections are refused. Existing connections continue.',
        fix: { command: commandLine([words], picture.netns) },
      }),
    ];
  });
}

/** A quiesced real server without connections. /proc does not show persistence templates. */
export function quiescedIdle(picture: Picture): Finding[] {
  return serversOf(picture)
    .filter(({ destination, ...counts }) => destination.weight === 0 && isIdle(counts))
    .map((server) =>
      finding('quiesced-idle', 'note', {
        subject: nameOf(server),
        what: 'The real server is quiesced, and its last connection has ended.',
        why: 'It can be removed, or be given a weight again.',
        fix: { command: commandLine([serverCommand('delete', server.service, server.destination)], picture.netns) },
      }),
    );
}

function isIdle({
  activeConnections,
  inactiveConnections,
  persistentConnections,
}: Omit<Server, 'destination' | 'service'>): boolean {
  return activeConnections + inactiveConnections === 0 && persistentConnections === 0;
}

/** From the upper threshold on, it gets no new connections (ip_vs_bind_dest in ip_vs_conn.c). */
export function overloaded(picture: Picture): Finding[] {
  return serversOf(picture).flatMap((server) => {
    const { destination, service, activeConnections, inactiveConnections } = server;
    const { upperThreshold } = destination;
    const count = activeConnections + inactiveConnections;
    if (upperThreshold === undefined || count < upperThreshold) return [];
    const words = serverCommand('edit', service, { ...destination, upperThreshold: 2 * count });
    return [
      finding('overloaded', 'warning', {
        subject: nameOf(server),
        what: `The real server has ${count} connections, and its upper threshold is ${upperThreshold}.`,
        why: 'It gets no new connections until their number is below the lower threshold, or below three quarters of the upper threshold.',
        fix: { command: commandLine([words], picture.netns) },
      }),
    ];
  });
}

/**
 * Thresholds that nothing reaches: packets of a one-packet service leave no connection behind (ip_vs_conn.c), and kernels
 * before July 2026 take values above INT_MAX, which no count comes to.
 */
export function thresholdUnreachable(picture: Picture): Finding[] {
  return serversOf(picture).flatMap((server) => {
    const { destination, service } = server;
    const { upperThreshold, lowerThreshold: _, ...without } = destination;
    const reason = service.onePacket
      ? 'a one-packet service counts no connections'
      : (upperThreshold ?? 0) > INT_MAX && `no count of connections goes beyond ${INT_MAX}`;
    if (upperThreshold === undefined || !reason) return [];
    return [
      finding('threshold-unreachable', 'warning', {
        subject: nameOf(server),
        what: `The upper threshold ${upperThreshold} is never reached: ${reason}.`,
        why: 'The threshold limits nothing.',
        fix: { command: commandLine([serverCommand('edit', service, without)], picture.netns) },
      }),
    ];
  });
}
