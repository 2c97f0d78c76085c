import { describe, expect, it } from 'vitest';
import type { Destination, Service, SyncDaemon } from '../../src/index.js';
import { parseDestination } from '../../src/model/destination.js';
import { parseService } from '../../src/model/service.js';
import { useBoth } from './fixture.js';

const both = useBoth();

/** A service in the SDK's words, and the line of `ipvsadm -Sn` that means the same. */
const services: [Service, string][] = [
  [{ protocol: 'tcp', address: '192.0.2.1', port: 80 }, '-A -t 192.0.2.1:80 -s wlc'],
  [{ protocol: 'udp', address: '192.0.2.1', port: 53, onePacket: true }, '-A -u 192.0.2.1:53 -s wlc -o'],
  [{ protocol: 'sctp', address: '192.0.2.1', port: 9 }, '-A --sctp-service 192.0.2.1:9 -s wlc'],
  [{ protocol: 'tcp', address: '2001:db8::1', port: 443 }, '-A -t [2001:db8::1]:443 -s wlc'],
  [{ protocol: 'fwmark', mark: 2147483647 }, '-A -f 2147483647 -s wlc'],
  [{ protocol: 'fwmark', mark: 5, family: 'ipv6' }, '-A -f 5 -6 -s wlc'],
  [{ protocol: 'tcp', address: '192.0.2.1', port: 0, persistence: {} }, '-A -t 192.0.2.1:0 -s wlc -p 360'],
  [
    { protocol: 'tcp', address: '192.0.2.1', port: 80, persistence: { timeout: 2678400, netmask: 24 } },
    '-A -t 192.0.2.1:80 -s wlc -p 2678400 -M 255.255.255.0',
  ],
  [
    { protocol: 'tcp', address: '192.0.2.1', port: 80, persistence: { timeout: 1, netmask: '255.0.255.0' } },
    '-A -t 192.0.2.1:80 -s wlc -p 1 -M 255.0.255.0',
  ],
  [
    { protocol: 'tcp', address: '2001:db8::1', port: 80, persistence: { netmask: 64 } },
    '-A -t [2001:db8::1]:80 -s wlc -p 360 -M 64',
  ],
  [
    { protocol: 'udp', address: '192.0.2.1', port: 5060, persistence: {}, persistenceEngine: 'sip' },
    '-A -u 192.0.2.1:5060 -s wlc -p 360 --pe sip',
  ],
  [
    { protocol: 'udp', address: '192.0.2.1', port: 5060, persistenceEngine: 'sip' },
    '-A -u 192.0.2.1:5060 -s wlc --pe sip',
  ],
  [
    { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'sh', schedulerFlags: ['sh-fallback', 'sh-port'] },
    '-A -t 192.0.2.1:80 -s sh -b sh-fallback,sh-port',
  ],
  [
    { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'mh', schedulerFlags: ['mh-port'] },
    '-A -t 192.0.2.1:80 -s mh -b mh-port',
  ],
  [
    { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'rr', schedulerFlags: ['flag-1', 'flag-3'] },
    '-A -t 192.0.2.1:80 -s rr -b flag-1,flag-3',
  ],
];

/** A destination of tcp://192.0.2.1:80, and the rest of its line. */
const destinations: [Destination, string][] = [
  [{ address: '10.0.0.1' }, '-r 10.0.0.1:80 -g -w 1'],
  [{ address: '10.0.0.1', forward: 'nat', port: 8080, weight: 2147483647 }, '-r 10.0.0.1:8080 -m -w 2147483647'],
  [{ address: '10.0.0.1', weight: 0 }, '-r 10.0.0.1:80 -g -w 0'],
  [{ address: '10.0.0.1', forward: 'tun' }, '-r 10.0.0.1:80 -i -w 1 --tun-type ipip'],
  [
    { address: '10.0.0.1', forward: 'tun', tunnel: { type: 'gue', port: 5555 } },
    '-r 10.0.0.1:80 -i -w 1 --tun-type gue --tun-port 5555 --tun-nocsum',
  ],
  [
    { address: '10.0.0.1', forward: 'tun', tunnel: { type: 'gue', port: 5555, checksum: 'csum' } },
    '-r 10.0.0.1:80 -i -w 1 --tun-type gue --tun-port 5555 --tun-csum',
  ],
  [
    { address: '10.0.0.1', forward: 'tun', tunnel: { type: 'gue', port: 65535, checksum: 'remcsum' } },
    '-r 10.0.0.1:80 -i -w 1 --tun-type gue --tun-port 65535 --tun-remcsum',
  ],
  [
    { address: '10.0.0.1', forward: 'tun', tunnel: { type: 'gre' } },
    '-r 10.0.0.1:80 -i -w 1 --tun-type gre --tun-nocsum',
  ],
  [
    { address: '10.0.0.1', forward: 'tun', tunnel: { type: 'gre', checksum: 'csum' } },
    '-r 10.0.0.1:80 -i -w 1 --tun-type gre --tun-csum',
  ],
  [{ address: '2001:db8::7', forward: 'tun' }, '-r [2001:db8::7]:80 -i -w 1 --tun-type ipip'],
];

describe('services', () => {
  it.each(services)('%o is %s', async (service, line) => {
    const { ipvs, ipvsadm } = both;
    await ipvs.addService(service);
    expect(await ipvsadm.ok('-Sn')).toBe(`${line}\n`);
    await ipvsadm.ok('-C');
    await ipvsadm.ok(line);
    expect((await ipvs.listServices()).map((entry) => entry.service)).toEqual([parseService(service)]);
    await ipvs.updateService(parseService(service));
    expect(await ipvsadm.ok('-Sn')).toBe(`${line}\n`);
    await ipvs.deleteService(parseService(service));
    expect(await ipvsadm.ok('-Sn')).toBe('');
  });
});

describe('destinations', () => {
  const key = { protocol: 'tcp', address: '192.0.2.1', port: 80 } as const;

  it.each(destinations)('%o is %s', async (destination, rest) => {
    const { ipvs, ipvsadm } = both;
    const saved = `-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 ${rest}\n`;
    await ipvs.addService(key);
    await ipvs.addDestination(key, destination);
    expect(await ipvsadm.ok('-Sn')).toBe(saved);
    await ipvs.deleteDestination(key, parseDestination(key, destination));
    await ipvsadm.ok(`-a -t 192.0.2.1:80 ${rest}`);
    expect((await ipvs.listDestinations(key)).map((entry) => entry.destination)).toEqual([
      parseDestination(key, destination),
    ]);
    await ipvs.updateDestination(key, parseDestination(key, destination));
    expect(await ipvsadm.ok('-Sn')).toBe(saved);
  });

  it('thresholds, which are not saved, are listed', async () => {
    const { ipvs, ipvsadm } = both;
    await ipvs.addService(key);
    await ipvs.addDestination(key, { address: '10.0.0.1', upperThreshold: 100, lowerThreshold: 50 });
    expect(await ipvsadm.ok('-Ln --thresholds')).toContain(
      '10.0.0.1:80                  100        50         0          0',
    );
    await ipvsadm.ok('-e -t 192.0.2.1:80 -r 10.0.0.1:80 -g -x 7 -y 3');
    expect((await ipvs.listDestinations(key))[0]?.destination).toMatchObject({ upperThreshold: 7, lowerThreshold: 3 });
  });
});

describe('settings', () => {
  it('timeouts', async () => {
    const { ipvs, ipvsadm } = both;
    await ipvs.setTimeouts({ tcp: 901, udp: 301 });
    expect(await ipvsadm.ok('-L --timeout')).toBe('Timeout (tcp tcpfin udp): 901 120 301\n');
    await ipvsadm.ok('--set 900 120 300');
    expect(await ipvs.timeouts()).toEqual({ tcp: 900, tcpFin: 120, udp: 300 });
  });

  const daemons: [SyncDaemon, string, string][] = [
    [
      { role: 'master', interface: 'lo', syncId: 7, maxLength: 1000, group: '224.0.0.90', port: 9000, ttl: 5 },
      '--start-daemon master --mcast-interface lo --syncid 7 --sync-maxlen 1000 --mcast-group 224.0.0.90 --mcast-port 9000 --mcast-ttl 5',
      'master sync daemon (mcast=lo, syncid=7, maxlen=1000, group=224.0.0.90, port=9000, ttl=5)\n',
    ],
    [
      { role: 'backup', interface: 'lo', syncId: 255, maxLength: 2000, group: 'ff02::90', port: 1, ttl: 255 },
      '--start-daemon backup --mcast-interface lo --syncid 255 --sync-maxlen 2000 --mcast-group ff02::90 --mcast-port 1 --mcast-ttl 255',
      'backup sync daemon (mcast=lo, syncid=255, maxlen=2000, group=ff02::90, port=1, ttl=255)\n',
    ],
  ];

  it.each(daemons)('%o is %s', async (daemon, start, listed) => {
    const { ipvs, ipvsadm } = both;
    await ipvs.startDaemon(daemon);
    expect(await ipvsadm.ok('-L --daemon')).toBe(listed);
    await ipvs.stopDaemon(daemon.role);
    expect(await ipvsadm.ok('-L --daemon')).toBe('');
    await ipvsadm.ok(start);
    expect(await ipvs.daemons()).toEqual([daemon]);
    await ipvs.stopDaemon(daemon.role);
  });

  it('flush and zero', async () => {
    const { ipvs, ipvsadm } = both;
    await ipvsadm.ok('-A -t 192.0.2.1:80');
    await ipvs.zero();
    await ipvs.zero('tcp://192.0.2.1:80');
    await ipvs.flush();
    expect(await ipvsadm.ok('-Sn')).toBe('');
  });
});
