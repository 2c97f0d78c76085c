/**
 * Desired state -> the YAML of ipvsctl.
 * @module
 */

import { yaml } from '../../config/yaml.js';
import type { NormalDesiredService } from '../../model/desired.js';
import type { NormalDestination } from '../../model/destination.js';
import type { NormalService } from '../../model/service.js';
import type { Language } from './language.js';

/** Its library for netlink has more; its file has this. */
export const ipvsctlLanguage: Language = {
  capabilities: {
    protocols: ['tcp', 'udp', 'sctp', 'fwmark'],
    ipv6: false,
    schedulerFlags: 'none',
    onePacket: 'none',
    persistence: false,
    persistenceEngine: 'never',
    highestThreshold: 0,
    tunnels: 'ipip',
    crossFamily: false,
    timeouts: false,
    daemons: false,
  },
  write: ({ services = [] }) => yaml().stringify({ services: services.map(entry) }, { lineWidth: 0 }),
};

/** All is written out: without `defaults`, a weight of 0 stays 0. */
function entry({ service, destinations }: NormalDesiredService) {
  return { address: target(service), sched: service.scheduler, destinations: destinations.map(destination) };
}

function target(service: NormalService): string {
  if (service.protocol === 'fwmark') return `fwmark:${service.mark}`;
  return `${service.protocol}://${service.address}:${service.port}`;
}

const METHODS: ReadonlyMap<string, string> = new Map([
  ['dr', 'direct'],
  ['nat', 'nat'],
  ['tun', 'tunnel'],
]);

function destination({ address, port, weight, forward }: NormalDestination) {
  return { address: `${address}:${port}`, weight, forward: METHODS.get(forward) };
}
