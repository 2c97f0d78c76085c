import { describe, expect, test } from 'vitest';
import { makeDestination } from '../../../src/model/destination.js';
import { agree, haveSameServices } from '../../../src/model/same-table.js';
import { makeService } from '../../../src/model/service.js';
import type { ServiceKey } from '../../../src/model/service-key.js';
import type { TableService } from '../../../src/model/table.js';

const web: ServiceKey = { protocol: 'tcp', address: '192.0.2.1', port: 80 };

function service(key: ServiceKey, ...servers: string[]): TableService {
  return {
    service: makeService(key, { scheduler: 'rr' }),
    destinations: servers.map((address) => ({
      destination: makeDestination({ address, port: 80, weight: 1, forward: 'dr' }),
      activeConnections: 0,
      inactiveConnections: 0,
    })),
  };
}

describe('readings agree', () => {
  test('where services, servers and their order are the same, whatever else is', () => {
    const one = service(web, '10.0.0.1', '10.0.0.2');
    const other = { ...one, service: makeService(one.service, { scheduler: 'wlc' }) };
    expect(agree([one], [other])).toBe(true);
    expect(agree([], [])).toBe(true);
  });

  test.each<[string, TableService[], TableService[]]>([
    ['a service is missing', [service(web), service({ ...web, port: 81 })], [service(web)]],
    ['a service is more', [service(web)], [service(web), service({ ...web, port: 81 })]],
    ['the protocol differs', [service(web)], [service({ ...web, protocol: 'udp' })]],
    ['the address differs', [service(web)], [service({ ...web, address: '192.0.2.2' })]],
    ['the port differs', [service(web)], [service({ ...web, port: 81 })]],
    ['one is of a mark', [service(web)], [service({ protocol: 'fwmark', mark: 1 })]],
    ['the other is of a mark', [service({ protocol: 'fwmark', mark: 1 })], [service(web)]],
    ['the mark differs', [service({ protocol: 'fwmark', mark: 1 })], [service({ protocol: 'fwmark', mark: 2 })]],
    [
      'both families are known and differ',
      [service({ protocol: 'fwmark', mark: 1, family: 'ipv4' })],
      [service({ protocol: 'fwmark', mark: 1, family: 'ipv6' })],
    ],
    ['a server is missing', [service(web, '10.0.0.1', '10.0.0.2')], [service(web, '10.0.0.1')]],
    ['a server is another', [service(web, '10.0.0.1')], [service(web, '10.0.0.2')]],
    ['servers come in another order', [service(web, '10.0.0.1', '10.0.0.2')], [service(web, '10.0.0.2', '10.0.0.1')]],
  ])('not where %s', (_, left, right) => {
    expect(agree(left, right)).toBe(false);
  });

  test('on services where the family of a mark is not known', () => {
    const known = service({ protocol: 'fwmark', mark: 1, family: 'ipv6' }, 'fd00::1');
    expect(haveSameServices([known], [service({ protocol: 'fwmark', mark: 1 })])).toBe(true);
  });
});
