import type { HostState } from '../../../src/host/state.js';
import type { AddressEntry } from '../../../src/netlink/route/address.js';
import type { LinkEntry } from '../../../src/netlink/route/link.js';
import type { RouteEntry } from '../../../src/netlink/route/route.js';

/** A device that is on. */
export function link(name: string, differs: Partial<LinkEntry> = {}): LinkEntry {
  const loopback = name === 'lo';
  const isEthernet = !loopback && !differs.noarp;
  return {
    index: 1,
    name,
    ...(isEthernet && { mac: '02:00:00:00:00:ee' }),
    mtu: 1500,
    up: true,
    lowerUp: true,
    loopback,
    noarp: false,
    checksumErrors: 0,
    ...differs,
  };
}

export function address(device: string, text: string): AddressEntry {
  const [address = '', prefix] = text.split('/');
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  return { device, family, address, prefix: Number(prefix), scope: 'global', flags: ['permanent'] };
}

export function defaultRoute(gateway: string, metric?: number): RouteEntry {
  const family = gateway.includes(':') ? 'ipv6' : 'ipv4';
  return {
    family,
    destination: family === 'ipv6' ? '::/0' : '0.0.0.0/0',
    gateway,
    device: 'eth0',
    ...(metric !== undefined && { metric }),
    protocol: 'boot',
    scope: 'global',
    type: 'unicast',
    table: 'main',
    onlink: false,
    message: new Uint8Array(),
  };
}

/** On which IPv6 is enabled. */
const DEVICES = ['lo', 'eth0', 'eth1', 'tunl0', 'ip6tnl0', 'gre0', 'ip6gre0'];

/** A host with lo and eth0 and the kernel's own values. */
export function host(differs: Partial<HostState> = {}): HostState {
  return {
    namespace: 'net-1-00000000000000000000000000000000',
    links: [link('lo'), link('eth0')],
    addresses: [],
    routes: [],
    masquerade: {},
    ...differs,
    sysctls: {
      'net.ipv4.ip_forward': '0',
      'net.ipv6.conf.all.forwarding': '0',
      'net.ipv4.vs.conntrack': '0',
      'net.ipv4.conf.all.arp_ignore': '0',
      'net.ipv4.conf.all.arp_announce': '0',
      'net.ipv4.conf.all.rp_filter': '0',
      'net.ipv4.conf.all.send_redirects': '1',
      'net.ipv4.conf.eth0.send_redirects': '1',
      ...Object.fromEntries(DEVICES.map((device) => [`net.ipv6.conf.${device}.disable_ipv6`, '0'])),
      ...differs.sysctls,
    },
  };
}
