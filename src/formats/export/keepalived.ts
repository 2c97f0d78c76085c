/**
 * Desired state -> keepalived.conf. Real servers without checkers are always up.
 * @module
 */
import { netmaskText } from '../../ipvsadm/rules.js';
import type { NormalDesiredService } from '../../model/desired.js';
import type { NormalDestination } from '../../model/destination.js';
import { isSorry, type NormalServiceHealth } from '../../model/health.js';
import type { NormalService } from '../../model/service.js';
import { familyOfKey, formatServiceKey } from '../../model/service-key.js';
import type { Timeouts } from '../../model/timeouts.js';
import { KEEPALIVED_SCHEDULERS } from '../import/keepalived-virtual-server.js';
import { byService, checksOf, policyOfServer, tellSorry } from './checked.js';
import { destinationName } from './expressible.js';
import { checkerLines, isNeverReached, policyLines, serverPolicyLines } from './keepalived-checks.js';
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
      ...globals(timeouts, fifoOf(services, health, report)),
      ...services.flatMap((entry) => virtualServer(entry, checked.get(formatServiceKey(entry.service)), report)),
    ].join('\n');
  },
};

function globals(timeouts: Partial<Timeouts> | undefined, fifo: string | undefined): string[] {
  const { tcp, tcpFin, udp } = timeouts ?? {};
  const words = Object.entries({ tcp, tcpfin: tcpFin, udp }).flatMap(([name, seconds = 0]) =>
    seconds === 0 ? [] : [name, seconds],
  );
  const lines = [
    ...(timeouts === undefined ? [] : [`lvs_timeouts ${words.join(' ')}`]),
    ...(fifo === undefined ? [] : [`lvs_notify_fifo ${fifo}`]),
  ];
  return lines.length === 0 ? [] : [`global_defs {\n${lines.map((line) => `    ${line}\n`).join('')}}\n`];
}

/** keepalived has one for all services: where they differ, none is written. */
function fifoOf(
  services: readonly NormalDesiredService[],
  health: readonly NormalServiceHealth[],
  report: ReportNotWritten,
): string | undefined {
  const written = new Set(services.map(({ service }) => formatServiceKey(service)));
  const checked = health.filter(({ service }) => written.has(formatServiceKey(service)));
  const paths = new Set(checked.map(({ notify }) => notify?.fifo));
  const [path] = paths;
  if (paths.size === 1 && (path === undefined || /^[\w./-]+$/.test(path))) return path;
  for (const { service, notify } of checked) {
    if (notify?.fifo !== undefined) report(formatServiceKey(service), 'without its FIFO: one holds for all services');
  }
  return undefined;
}

function virtualServer(
  { service, destinations }: NormalDesiredService,
  health: NormalServiceHealth | undefined,
  report: ReportNotWritten,
): string[] {
  const total = destinations.reduce((sum, { weight }) => sum + weight, 0);
  const isElsewhere = (each: NormalDestination) =>
    health !== undefined && isSorry(health, each) && !isNeverReached(health, total);
  const others = destinations.filter((each) => !isElsewhere(each));
  const servers = realServers(service, others, health, report);
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
  const stays = destinations.some((each) => isSorry(health, each)) ? ['sorry_server_inhibit'] : [];
  return [...lines, `sorry_server ${endpoint(address, port)}`, `sorry_server_lvs_method ${method(sorry)}`, ...stays];
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
  const checkers = (destination: NormalDestination, port: number) => {
    const tell = (why: string) => report(destinationName(service, destination), why);
    const lines = checkerLines(checksOf(destination, health), destination, port, tell);
    if (health === undefined || lines.length === 0) return lines;
    return [...serverPolicyLines(policyOfServer(destination, health), health.onFailure, tell), ...lines];
  };
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
