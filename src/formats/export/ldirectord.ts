/**
 * Desired state -> ldirectord.cf. Where nothing is checked, `checktype = on` keeps every real server in the table.
 * @module
 */

import { formatEndpoint } from '../../address/endpoint.js';
import { familyOf } from '../../address/ip.js';
import { netmaskText } from '../../ipvsadm/rules.js';
import type { NormalDesiredService } from '../../model/desired.js';
import type { NormalDestination } from '../../model/destination.js';
import { isSorry, type NormalServiceHealth } from '../../model/health.js';
import type { NormalService } from '../../model/service.js';
import { familyOfKey, formatServiceKey } from '../../model/service-key.js';
import { byService, tellSorry } from './checked.js';
import type { Language, ReportNotWritten } from './language.js';
import { checkKeys } from './ldirectord-checks.js';

/** ldirectord of resource-agents 4. */
export const ldirectordLanguage: Language = {
  capabilities: {
    protocols: ['tcp', 'udp', 'fwmark'],
    ipv6: true,
    schedulerName: /^[a-z]+$/,
    schedulerFlags: 'all',
    onePacket: 'udp',
    persistence: true,
    persistenceEngine: 'never',
    // It hands them to ipvsadm, which takes no more (string_to_number up to INT_MAX, 1.31).
    highestThreshold: 0x7fff_ffff,
    tunnels: 'ipip',
    crossFamily: false,
    timeouts: false,
    daemons: false,
    checks: true,
  },
  // Only a line without indent ends a virtual service.
  write: ({ services = [], health = [] }, report) => {
    const checked = byService(health);
    const intervals = services.map(({ service }) => intervalOf(checked.get(formatServiceKey(service))));
    const isForking = new Set(intervals.filter((each) => each !== undefined)).size > 1;
    const [common] = intervals.filter((each) => each !== undefined);
    const globals = isForking ? 'fork = yes\n\n' : common === undefined ? '' : `checkinterval = ${common}\n\n`;
    const write = (entry: NormalDesiredService) =>
      virtual(entry, checked.get(formatServiceKey(entry.service)), isForking, report);
    return globals + services.map(write).join('\n');
  },
};

/** Seconds; only with a process for each virtual service has each its own. */
function intervalOf(health: NormalServiceHealth | undefined): number | undefined {
  const [check] = health?.checks ?? [];
  return check && Math.ceil(check.interval / 1000);
}

function virtual(
  { service, destinations }: NormalDesiredService,
  health: NormalServiceHealth | undefined,
  isForking: boolean,
  report: ReportNotWritten,
): string {
  const name = formatServiceKey(service);
  const checks = checkKeys(service, health, destinations, (why) => report(name, why));
  const six = familyOfKey(service) === 'ipv6' ? '6' : '';
  const lines = [
    ...destinations.map((destination) => `real${six} = ${real(destination)}`),
    ...(checks === undefined
      ? ['checktype = on']
      : linesOf({ ...checks, ...(isForking && { checkinterval: intervalOf(health) ?? 10 }) })),
    ...(checks === undefined || health === undefined ? [] : fallback(name, health, destinations, six, report)),
    ...settings(service),
  ];
  return `virtual${six} = ${target(service)}\n${lines.map((line) => `    ${line}\n`).join('')}`;
}

function linesOf(keys: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(keys).map(([key, value]) => `${key} = ${value}`);
}

function fallback(
  service: string,
  health: NormalServiceHealth,
  destinations: readonly NormalDestination[],
  six: string,
  report: ReportNotWritten,
): string[] {
  const { sorry } = health;
  if (sorry === undefined) return [];
  if (destinations.some((each) => isSorry(health, each))) {
    report(service, 'without its sorry server: it is a real server already');
    return [];
  }
  const isSix = familyOf(sorry.address) === 'ipv6';
  if ((sorry.tunnel?.type ?? 'ipip') !== 'ipip' || isSix !== (six !== '')) {
    report(service, 'without its sorry server: a tunnel is ipip here, within one family');
    return [];
  }
  tellSorry(service, sorry, report);
  return [`fallback${six} = ${formatEndpoint(sorry.address, sorry.port)} ${METHODS.get(sorry.forward)}`];
}

function target(service: NormalService): string {
  return service.protocol === 'fwmark' ? String(service.mark) : formatEndpoint(service.address, service.port);
}

const METHODS: ReadonlyMap<string, string> = new Map([
  ['dr', 'gate'],
  ['nat', 'masq'],
  ['tun', 'ipip'],
]);

function real({ address, port, forward, weight, lowerThreshold, upperThreshold }: NormalDestination): string {
  const lower = lowerThreshold === undefined ? '' : ` l:${lowerThreshold}`;
  const upper = upperThreshold === undefined ? '' : ` u:${upperThreshold}`;
  return `${formatEndpoint(address, port)} ${METHODS.get(forward)} ${weight}${lower}${upper}`;
}

function settings(service: NormalService): string[] {
  const { protocol, scheduler, schedulerFlags, onePacket, persistence } = service;
  const mask = netmaskText(service);
  return [
    `protocol = ${protocol === 'fwmark' ? 'fwm' : protocol}`,
    `scheduler = ${scheduler}`,
    ...(schedulerFlags === undefined ? [] : [`schedflags = ${schedulerFlags.join(',')}`]),
    ...(onePacket ? ['ops = yes'] : []),
    ...(persistence === undefined ? [] : [`persistent = ${persistence.timeout}`]),
    ...(mask === undefined ? [] : [`netmask = ${mask}`]),
  ];
}
