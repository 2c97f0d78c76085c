/**
 * Desired state -> Piranha's lvs.cf (0.8.6): the virtual servers, without the two routers and what goes on between them.
 * @module
 */
import { netmaskText } from '../../ipvsadm/rules.js';
import type { NormalDesiredService } from '../../model/desired.js';
import type { NormalDestination } from '../../model/destination.js';
import type { NormalService } from '../../model/service.js';
import { destinationName } from './expressible.js';
import type { Language, ReportNotWritten } from './language.js';

type Forward = 'nat' | 'dr' | 'tun';
const NETWORKS: ReadonlyMap<string, string> = new Map<Forward, string>([
  ['nat', 'nat'],
  ['dr', 'direct'],
  ['tun', 'tunnel'],
]);

/** Piranha 0.8.6. */
export const lvsCfLanguage: Language = {
  capabilities: {
    protocols: ['tcp', 'udp', 'fwmark'],
    ipv6: false,
    schedulers: ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh'],
    schedulerFlags: 'none',
    onePacket: 'none',
    persistence: true,
    persistenceEngine: 'never',
    highestThreshold: 0,
    tunnels: 'ipip',
    crossFamily: false,
    timeouts: true,
    // syncdaemon = 1 runs in the role that follows from which router is active.
    daemons: false,
  },
  write: ({ services = [], timeouts = {} }, report) => {
    const forward = commonForward(services);
    return [
      'service = lvs\n',
      `network = ${NETWORKS.get(forward)}\n`,
      ...settings({ tcp_timeout: timeouts.tcp, tcpfin_timeout: timeouts.tcpFin, udp_timeout: timeouts.udp }),
      ...services.map((entry) => virtual(entry, forward, report)),
    ].join('');
  },
};

/** One way holds for the whole file: the one that most real servers have. */
function commonForward(services: readonly NormalDesiredService[]): NormalDestination['forward'] {
  const counts = new Map<NormalDestination['forward'], number>();
  for (const { forward } of services.flatMap(({ destinations }) => destinations)) {
    counts.set(forward, (counts.get(forward) ?? 0) + 1);
  }
  const [most] = [...counts].toSorted(([, left], [, right]) => right - left);
  return most?.[0] ?? 'nat';
}

function virtual({ service, destinations }: NormalDesiredService, forward: string, report: ReportNotWritten): string {
  const servers = destinations.filter((destination) => {
    if (destination.forward === forward) return true;
    const why = `left out: ${destination.forward}, but network = ${NETWORKS.get(forward)} holds for the whole file`;
    report(destinationName(service, destination), why);
    return false;
  });
  const { scheduler, persistence } = service;
  const lines = [
    ...settings({ active: 1, ...target(service), scheduler }),
    ...settings({ persistent: persistence?.timeout, pmask: netmaskText(service) }),
    ...servers.flatMap(server),
  ];
  return `virtual ${nameOf(service)} {\n${indented(lines)}}\n`;
}

function nameOf(service: NormalService): string {
  if (service.protocol === 'fwmark') return `fwmark_${service.mark}`;
  return `${service.protocol}_${service.address}_${service.port}`;
}

function target(service: NormalService): Record<string, string | number> {
  if (service.protocol === 'fwmark') return { fwmark: service.mark };
  const { address, port, protocol } = service;
  return { address, port, protocol };
}

/** A server of a mark has port 80 where it is not told. */
function server({ address, port, weight }: NormalDestination, index: number): string {
  return `server s${index + 1} {\n${indented(settings({ active: 1, address, port, weight }))}}\n`;
}

function settings(values: Readonly<Record<string, string | number | undefined>>): string[] {
  return Object.entries(values).flatMap(([key, value]) => (value === undefined ? [] : [`${key} = ${value}\n`]));
}

function indented(blocks: readonly string[]): string {
  return blocks.join('').replace(/^(?=.)/gm, '    ');
}
