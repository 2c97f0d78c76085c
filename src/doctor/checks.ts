/**
 * Health checks: what a state file wants of them, and what they found.
 * @module
 */

import type { NormalServiceHealth } from '../model/health.js';
import { formatServiceKey } from '../model/service-key.js';
import { type Finding, finding } from './finding.js';
import type { Picture } from './picture.js';

/** A check that has never passed asks perhaps for what the server does not have. */
export function checkNeverPassed({ checked }: Picture): Finding[] {
  const checks = (checked?.servers ?? []).flatMap((server) => server.checks);
  return checks
    .filter(({ status, passed }) => status === 'down' && passed === undefined)
    .map(({ check, target, reason = 'no answer' }) =>
      finding('check-never-passed', 'warning', {
        subject: `${check} ${target}`,
        what: `The ${check} check of ${target} has not passed once: ${reason}.`,
        why: 'The real server gets no connections. Either it was never up, or the check asks for what it does not have.',
        fix: { command: 'ipvs-ts check FILE --watch' },
      }),
    );
}

/** Answers to a virtual IP stay on a real server that has it, too; an address that is not here cannot be called from. */
export function checkSource({ wanted, host }: Picture): Finding[] {
  const here = new Set(host.addresses.map(({ address }) => address));
  return (wanted?.health ?? []).flatMap((health) =>
    allChecks(health).flatMap(({ type, source }): Finding[] => {
      if (source === undefined) return [];
      const { service } = health;
      const isVip = service.protocol !== 'fwmark' && service.address === source && !rewritesAll(health, wanted);
      if (here.has(source) && !isVip) return [];
      return [
        finding('check-source', 'error', {
          subject: `${type} of ${formatServiceKey(service)}`,
          what: isVip
            ? `The ${type} check calls from ${source}, the virtual IP of the service.`
            : `The ${type} check calls from ${source}, which this host does not have.`,
          why: isVip
            ? 'Real servers by DR and TUN have this address themselves: they never send an answer.'
            : 'The check cannot be made, and is no verdict.',
          fix: { command: 'ip -brief address', manual: 'Give the check another source, or none.' },
        }),
      ];
    }),
  );
}

function allChecks({ checks, servers }: NormalServiceHealth) {
  return [...checks, ...servers.flatMap((server) => server.checks)];
}

function rewritesAll({ service }: NormalServiceHealth, wanted: Picture['wanted']): boolean {
  const name = formatServiceKey(service);
  const entry = wanted?.services?.find((each) => formatServiceKey(each.service) === name);
  return entry?.destinations.every(({ forward }) => forward === 'nat') === true;
}

/** More than all weights together: then every server is needed. */
export function quorumUnreachable({ wanted }: Picture): Finding[] {
  const services = new Map(wanted?.services?.map((each) => [formatServiceKey(each.service), each]));
  return (wanted?.health ?? []).flatMap(({ service, quorum: { up, hysteresis } }): Finding[] => {
    const name = formatServiceKey(service);
    const all = services.get(name)?.destinations.reduce((sum, { weight }) => sum + weight, 0) ?? 0;
    if (typeof up === 'string' || up + hysteresis <= all) return [];
    const needed = hysteresis === 0 ? `${up}` : `${up} and the hysteresis ${hysteresis}`;
    return [
      finding('quorum-unreachable', 'warning', {
        subject: name,
        what: `The quorum is ${needed}, and the weights of all real servers come to ${all}.`,
        why: 'It counts as the sum of all weights: while any one is down, the backups or the sorry server serve.',
        fix: { command: 'ipvs-ts check FILE', manual: 'Lower the quorum, or raise the weights.' },
      }),
    ];
  });
}
