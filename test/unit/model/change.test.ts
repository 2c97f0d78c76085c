import { expect, test } from 'vitest';
import { type NormalChange, objectOf } from '../../../src/model/change.js';
import { parseDestination } from '../../../src/model/destination.js';
import { parseService } from '../../../src/model/service.js';
import { parseSyncDaemon } from '../../../src/model/sync-daemon.js';

const service = parseService({ protocol: 'tcp', address: '10.0.0.1', port: 80 });
const mark = parseService({ protocol: 'fwmark', mark: 5, family: 'ipv6' });
const destination = parseDestination(service, { address: '10.0.0.2' });
const daemon = parseSyncDaemon({ role: 'backup', interface: 'eth0' });

test.each<[NormalChange, string | undefined]>([
  [{ verb: 'add-service', service }, 'tcp://10.0.0.1:80'],
  [{ verb: 'update-service', service: mark }, 'fwmark://5?family=ipv6'],
  [{ verb: 'delete-service', key: mark }, 'fwmark://5?family=ipv6'],
  [{ verb: 'add-destination', key: service, destination }, '10.0.0.2:80 of tcp://10.0.0.1:80'],
  [{ verb: 'update-destination', key: service, destination }, '10.0.0.2:80 of tcp://10.0.0.1:80'],
  [
    { verb: 'delete-destination', key: mark, destination: { address: '2001:db8::2', port: 0 } },
    '[2001:db8::2]:0 of fwmark://5?family=ipv6',
  ],
  [{ verb: 'zero', key: service }, 'tcp://10.0.0.1:80'],
  [{ verb: 'zero' }, undefined],
  [{ verb: 'flush' }, undefined],
  [{ verb: 'set-timeouts', timeouts: { tcp: 900 } }, undefined],
  [{ verb: 'start-daemon', daemon }, 'backup on eth0'],
  [{ verb: 'stop-daemon', role: 'master' }, 'master'],
])('$0.verb is about $1', (change, object) => {
  expect(objectOf(change)).toBe(object);
});
