/**
 * Desired state -> rules of ipvsadm, as `ipvs-ts save --full` writes them.
 * @module
 */
import { formatRules, formatSettingsRules } from '../../ipvsadm/rules.js';
import type { NormalDesiredTable } from '../../model/desired.js';
import type { Language } from './language.js';

/** ipvsadm 1.31. */
export const rulesLanguage: Language = {
  capabilities: {
    protocols: ['tcp', 'udp', 'sctp', 'fwmark'],
    ipv6: true,
    schedulerFlags: 'named',
    onePacket: 'all',
    persistence: true,
    persistenceEngine: 'always',
    highestThreshold: 0xffff_ffff,
    tunnels: 'all',
    crossFamily: true,
    timeouts: true,
    daemons: true,
  },
  write: ({ services = [], timeouts, daemons = [] }) => {
    const table = services.map(({ service, destinations }) => ({
      service,
      destinations: destinations.map((destination) => ({ destination })),
    }));
    return settings(timeouts, daemons) + formatRules({ services: table }, { thresholds: true });
  },
};

/** `--set` leaves a timeout of 0 as it is; where all are to stay it is no rule at all. */
function settings(
  timeouts: NormalDesiredTable['timeouts'],
  daemons: NonNullable<NormalDesiredTable['daemons']>,
): string {
  const text = formatSettingsRules({ tcp: 0, tcpFin: 0, udp: 0, ...timeouts }, daemons);
  return timeouts === undefined ? text.slice(text.indexOf('\n') + 1) : text;
}
