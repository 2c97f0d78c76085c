/**
 * Services of firewall marks and of IPv6, and real servers behind tunnels.
 *
 * A mark gathers whatever the firewall marked, here ports 80 and 443 of one address; one mark may name two services, one a
 * family. All services are deleted at the end.
 *
 *     sudo node .build/examples/fwmark-ipv6.js
 *
 * @module
 */
import type { Destination, Service, ServiceKeyText } from 'ipvs-ts';
import { openIpvs } from './shared/open.js';

const services: [ServiceKeyText, Service, Destination[]][] = [
  [
    'fwmark://80443',
    // iptables -t mangle -A PREROUTING -d 192.0.2.10 -p tcp -m multiport --dports 80,443 -j MARK --set-mark 80443
    { protocol: 'fwmark', mark: 80443, scheduler: 'wlc', persistence: { timeout: 600, netmask: 24 } },
    [{ address: '198.51.100.1', forward: 'dr' }],
  ],
  [
    'fwmark://80443?family=ipv6',
    { protocol: 'fwmark', mark: 80443, family: 'ipv6', scheduler: 'wlc', persistence: { timeout: 600, netmask: 64 } },
    [{ address: '2001:db8::1', forward: 'dr' }],
  ],
  [
    'udp://[2001:db8::53]:53',
    {
      protocol: 'udp',
      address: '2001:db8::53',
      port: 53,
      scheduler: 'mh',
      schedulerFlags: ['mh-port'],
      onePacket: true,
    },
    [
      { address: '2001:db8::1', forward: 'tun' },
      { address: '2001:db8::2', forward: 'tun', tunnel: { type: 'gre', checksum: 'csum' } },
      // Tunnels alone may cross families: an IPv6 service, an IPv4 real server.
      { address: '198.51.100.1', forward: 'tun', tunnel: { type: 'gue', port: 6080 } },
    ],
  ],
];

await using ipvs = await openIpvs();
const added: ServiceKeyText[] = [];
try {
  for (const [key, service, destinations] of services) {
    await ipvs.addService(service);
    added.push(key);
    // Calls made together travel together.
    await Promise.all(destinations.map((destination) => ipvs.addDestination(key, destination)));
  }
  for (const key of added) {
    const entry = await ipvs.getService(key);
    console.log(key, JSON.stringify(entry?.service));
    for await (const { destination } of ipvs.destinations(key)) console.log('  ->', JSON.stringify(destination));
  }
} finally {
  for (const key of added) await ipvs.deleteService(key);
}
