/**
 * Desired state -> ldirectord.cf. `checktype = on` keeps every real server in the table.
 * @module
 */
import { formatEndpoint } from '../../address/endpoint.js';
import { netmaskText } from '../../ipvsadm/rules.js';
import type { NormalDesiredService } from '../../model/desired.js';
import type { NormalDestination } from '../../model/destination.js';
import type { NormalService } from '../../model/service.js';
import { familyOfKey } from '../../model/service-key.js';
import type { Language } from './language.js';

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
  },
  // Only a line without indent ends a virtual service.
  write: ({ services = [] }) => services.map(virtual).join('\n'),
};

function virtual({ service, destinations }: NormalDesiredService): string {
  const six = familyOfKey(service) === 'ipv6' ? '6' : '';
  const lines = [
    ...destinations.map((destination) => `real${six} = ${real(destination)}`),
    'checktype = on',
    ...settings(service),
  ];
  return `virtual${six} = ${target(service)}\n${lines.map((line) => `    ${line}\n`).join('')}`;
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
