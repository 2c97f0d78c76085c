/** Random pairs of tables that have much in common: the same keys with other settings, other servers, other services. */
import fc from 'fast-check';
import type { NormalDesiredService } from '../../../src/model/desired.js';
import { formatDestinationKey, parseDestination } from '../../../src/model/destination.js';
import { makeService, parseService } from '../../../src/model/service.js';
import { formatServiceKey } from '../../../src/model/service-key.js';
import type { NormalTableService } from '../../../src/model/table.js';
import { destinationInputs, normalTable, serviceInput, tableInput } from '../../arbitraries.js';

export interface Pair {
  readonly from: readonly NormalTableService[];
  readonly to: readonly NormalDesiredService[];
}

/** Two services of one key, as far as the generator makes any: the second has the first's key, where that goes. */
const retuned = fc.tuple(tableInput, fc.array(serviceInput, { minLength: 8, maxLength: 8 })).chain(([inputs, others]) =>
  fc.tuple(
    fc.constant(inputs),
    ...inputs.map(({ service, destinations }, index) => {
      const other = withKeyOf(parseService(service), parseService(others[index] ?? service));
      const weights = fc.array(fc.nat(5), { minLength: destinations.length, maxLength: destinations.length });
      const fates = fc.array(fc.nat(3), { minLength: destinations.length, maxLength: destinations.length });
      return fc.tuple(destinationInputs(other, 4), weights, fates, fc.nat(4)).map(([fresh, newWeights, kept, fate]) => {
        const stay = destinations
          .map((input, at) => (kept[at] === 0 ? input : { ...input, weight: newWeights[at] ?? 1 }))
          .filter((_, at) => kept[at] !== 1)
          .map((input) => parseDestination(other, input));
        const names = new Set(stay.map(formatDestinationKey));
        const added = fresh.map((input) => parseDestination(other, input));
        const destinations_ = [...added.filter((server) => !names.has(formatDestinationKey(server))), ...stay];
        const service_ = fate === 0 ? parseService(service) : other;
        return fate === 1 ? [] : [{ service: service_, destinations: destinations_ }];
      });
    }),
  ),
);

function withKeyOf(key: ReturnType<typeof parseService>, settings: ReturnType<typeof parseService>) {
  const { scheduler, schedulerFlags, persistenceEngine } = settings;
  const tuned = {
    scheduler,
    ...(schedulerFlags && { schedulerFlags }),
    ...(persistenceEngine && { persistenceEngine }),
  };
  const onePacket = (key.protocol === 'udp' || key.protocol === 'fwmark') &&
    settings.onePacket && { onePacket: true as const };
  const mayLoseIt = key.protocol === 'fwmark' || key.port !== 0;
  const persistence = mayLoseIt ? settings.persistence && { ...settings.persistence, netmask: 24 } : key.persistence;
  const named =
    key.protocol === 'fwmark'
      ? { protocol: key.protocol, mark: key.mark, family: key.family }
      : { protocol: key.protocol, address: key.address, port: key.port };
  return makeService(named, { ...tuned, ...(onePacket || {}), ...(persistence && { persistence }) });
}

/** Services of one key on both sides, with some of the servers on both, and services of one side alone. */
export const tablePair: fc.Arbitrary<Pair> = fc.tuple(retuned, tableInput).map(([[inputs, ...kept], others]) => {
  const from = normalTable(inputs).services;
  const names = new Set(from.map(({ service }) => formatServiceKey(service)));
  const fresh = normalTable(others)
    .services.filter(({ service }) => !names.has(formatServiceKey(service)))
    .map(({ service, destinations }) => ({
      service,
      destinations: destinations.map(({ destination }) => destination),
    }));
  return { from, to: [...fresh, ...kept.flat()] };
});
