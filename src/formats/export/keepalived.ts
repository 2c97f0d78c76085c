/**
 * Desired state -> keepalived.conf. Real servers without checkers are always up.
 * @module
 */
import { netmaskText } from '../../ipvsadm/rules.js';
import type { NormalDesiredService } from '../../model/desired.js';
import type { NormalDestination } from '../../model/destination.js';
import type { NormalServiceHealth } from '../../model/health.js';
import type { NormalService } from '../../model/service.js';
import { familyOfKey, formatServiceKey } from '../../model/service-key.js';
import type { Timeouts } from '../../model/timeouts.js';
import { KEEPALIVED_SCHEDULERS } from '../import/keepalived-virtual-server.js';
import { byService, checksOf, tellSorry } from './checked.js';
import { destinationName } from './expressible.js';
import { checkerLines, isNeverReached, policyLines } from './keepalived-checks.js';
import type { Language, ReportNotWritten } from './language.js';

/** keepalived 2.2.7 and later. */
export const keepalivedLanguage: Language = {
  capabilities: {
    protocols: ['tcp', 'udp', 'sctp', 'fwmark'],
    ipv6: true,
    schedulers: KEEPALIVED_SCHEDULERS,
    schedulerFlags: 'all',
    onePacket: 'all',
    persistence: true,
    persistenceEngine: 'persistent',
    highestThreshold: 0xffff_ffff,
    tunnels: 'all',
    crossFamily: true,
    timeouts: true,
    checks: true,
    // lvs_sync_daemon names a VRRP instance, and that instance says which role runs.
    daemons: false,
  },
  write: ({ services = [], timeouts, health = [] }, report) => {
    const checked = byService(health);
    return [
      ...(timeouts === undefined ? [] : [globals(timeouts)]),
      ...services.flatMap((entry) => virtualServer(entry, checked.get(formatServiceKey(entry.service)), report)),
    ].join('\n');
  },
};

function globals({ tcp, tcpFin, udp }: Partial<Timeouts>): string {
  const words = Object.entries({ tcp, tcpfin: tcpFin, udp }).flatMap(([name, seconds = 0]) =>
    seconds === 0 ? [] : [name, seconds],
  );
  return `global_defs {\n    lvs_timeouts ${words.join(' ')}\n}\n`;
}

function virtualServer(
  { service, destinations }: NormalDesiredService,
  health: NormalServiceHealth | undefined,
  report: ReportNotWritten,
): string[] {
  const servers = realServers(service, destinations, health, report);
  if (servers.length === 0) {
    report(formatServiceKey(service), 'left out: keepalived takes no virtual server without real servers');
    return [];
  }
  const policy = health === undefined ? [] : policyOf(service, destinations, health, report);
  const lines = [...settings(service), ...policy, ...servers].map((line) => `    ${line}\n`);
  return [`virtual_server ${target(service)} {\n${lines.join('')}}\n`];
}

function policyOf(
  service: NormalService,
  destinations: readonly NormalDestination[],
  health: NormalServiceHealth,
  report: ReportNotWritten,
): string[] {
  const name = formatServiceKey(service);
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  const lines = policyLines(health, total, (why) => report(name, why));
  const { sorry } = health;
  if (sorry === undefined) return lines;
  if (isNeverReached(health, total)) {
    report(name, 'without its sorry server: it would take the place of real servers that do not reach the quorum');
    return lines;
  }
  tellSorry(name, sorry, report);
  const { address, port } = sorry;
  return [...lines, `sorry_server ${endpoint(address, port)}`, `sorry_server_lvs_method ${method(sorry)}`];
}

function target(service: NormalService): string {
  return service.protocol === 'fwmark' ? `fwmark ${service.mark}` : endpoint(service.address, service.port);
}

function endpoint(address: string, port: number): string {
  return port === 0 ? address : `${address} ${port}`;
}

function settings(service: NormalService): string[] {
  const { protocol, scheduler, schedulerFlags = [], onePacket, persistence, persistenceEngine } = service;
  const mask = netmaskText(service);
  return [
    protocol === 'fwmark'
      ? `ip_family ${familyOfKey(service) === 'ipv6' ? 'inet6' : 'inet'}`
      : `protocol ${protocol.toUpperCase()}`,
    // Flags stand behind their scheduler, or do not count.
    `lb_algo ${scheduler}`,
    ...schedulerFlags,
    ...(onePacket ? ['ops'] : []),
    ...(persistence === undefined ? [] : [`persistence_timeout ${persistence.timeout}`]),
    ...(mask === undefined ? [] : [`persistence_granularity ${mask}`]),
    ...(persistenceEngine === undefined ? [] : [`persistence_engine ${persistenceEngine}`]),
  ];
}

function realServers(
  service: NormalService,
  destinations: readonly NormalDestination[],
  health: NormalServiceHealth | undefined,
  report: ReportNotWritten,
): string[] {
  const checkers = (destination: NormalDestination, port: number) =>
    checkerLines(checksOf(destination, health), destination, port, (why) =>
      report(destinationName(service, destination), why),
    );
  const withPort = destinations.filter((destination) => !losesPort(service, destination));
  const taken = new Set(withPort.map(({ address, port }) => endpoint(address, port)));
  return destinations.flatMap((destination) => {
    const name = destinationName(service, destination);
    const { address, port, forward } = destination;
    if (service.protocol !== 'fwmark' && forward === 'nat' && port === 0 && service.port !== 0) {
      report(name, `left out: keepalived takes port 0 for the service's (${service.port})`);
      return [];
    }
    if (!losesPort(service, destination))
      return realServer(endpoint(address, port), destination, checkers(destination, port));
    if (taken.has(address)) {
      report(name, `left out: ${forward} of a mark has no port, and ${address} without one is there already`);
      return [];
    }
    taken.add(address);
    report(name, `without its port: ${forward} of a mark has none`);
    return realServer(address, destination, checkers(destination, 0));
  });
}

/** The kernel does not heed it either; ipvsadm stores it. */
function losesPort({ protocol }: NormalService, { forward, port }: NormalDestination): boolean {
  return protocol === 'fwmark' && forward !== 'nat' && port !== 0;
}

function realServer(
  place: string,
  { weight, upperThreshold, lowerThreshold, ...way }: NormalDestination,
  checkers: readonly string[],
): string[] {
  return [
    `real_server ${place} {`,
    `    weight ${weight}`,
    `    lvs_method ${method(way)}`,
    ...(upperThreshold === undefined ? [] : [`    uthreshold ${upperThreshold}`]),
    ...(lowerThreshold === undefined ? [] : [`    lthreshold ${lowerThreshold}`]),
    ...checkers.map((line) => `    ${line}`),
    '}',
  ];
}

function method({ forward, tunnel }: Pick<NormalDestination, 'forward' | 'tunnel'>): string {
  if (tunnel?.type === 'gue') return `TUN type gue port ${tunnel.port} ${CHECKSUMS[tunnel.checksum]}`;
  if (tunnel?.type === 'gre') return `TUN type gre ${CHECKSUMS[tunnel.checksum]}`;
  return forward.toUpperCase();
}

const CHECKSUMS = { none: 'nocsum', csum: 'csum', remcsum: 'remcsum' } as const;
