/**
 * The classic exercises' networks. Addresses with 203.0.113 and 198.51.100 stand for public ones.
 *
 * @module
 */
import type { Topology } from './topology.js';

/** More addresses of {@link DR}'s client. */
export const CALLERS = Array.from({ length: 8 }, (_, index) => `10.0.0.${51 + index}`);

/** The mode's simplest form: everyone on one wire. Some VIPs more, and a client that calls from many addresses. */
export const DR: Topology = {
  hosts: {
    client: {
      interfaces: [['lan', '10.0.0.1/24', '2001:db8::1/64', ...CALLERS.map((address) => `${address}/24`)]],
    },
    director: { interfaces: [['lan', '10.0.0.2/24', '2001:db8::2/64']] },
    rs1: { interfaces: [['lan', '10.0.0.11/24', '2001:db8::11/64']] },
    rs2: { interfaces: [['lan', '10.0.0.12/24', '2001:db8::12/64']] },
  },
  director: [{ mode: 'dr', device: 'eth0', vips: ['10.0.0.100-10.0.0.107', '2001:db8::100'] }],
  realServer: [{ mode: 'dr', vips: ['10.0.0.100-10.0.0.107', '2001:db8::100'] }],
  realServers: { rs1: ['10.0.0.11', '2001:db8::11'], rs2: ['10.0.0.12', '2001:db8::12'] },
  ports: [80, 443],
};

/**
 * The VIP is public, the real servers' own addresses are private, and both networks share a wire: the router has an address
 * in each. Answers leave by the router, with the VIP as their source. The hosts check sources as distributions have it
 * (rp_filter 2, systemd's 50-default.conf).
 */
export const DR_PUBLIC_VIP: Topology = {
  hosts: {
    client: { interfaces: [['world', '198.51.100.2/24']], gateways: ['198.51.100.1'] },
    router: {
      interfaces: [
        ['world', '198.51.100.1/24'],
        ['lan', '203.0.113.1/24', '192.168.1.1/24'],
      ],
      sysctls: { 'net.ipv4.ip_forward': 1 },
    },
    director: { interfaces: [['lan', '192.168.1.2/24']], sysctls: { 'net.ipv4.conf.all.rp_filter': 2 } },
    rs1: { interfaces: [['lan', '192.168.1.11/24']], sysctls: { 'net.ipv4.conf.all.rp_filter': 2 } },
    rs2: { interfaces: [['lan', '192.168.1.12/24']], sysctls: { 'net.ipv4.conf.all.rp_filter': 2 } },
  },
  director: [{ mode: 'dr', device: 'eth0', vips: ['203.0.113.100'], gateway: '192.168.1.1' }],
  realServer: [{ mode: 'dr', vips: ['203.0.113.100'], gateway: '192.168.1.1' }],
  realServers: { rs1: ['192.168.1.11'], rs2: ['192.168.1.12'] },
};

/** The director stands between two networks and is the real servers' way out. */
export const NAT: Topology = {
  hosts: {
    client: { interfaces: [['lan', '10.0.0.1/24', '2001:db8::1/64']] },
    director: {
      interfaces: [
        ['lan', '10.0.0.2/24', '2001:db8::2/64'],
        ['inside', '10.1.0.1/24', '2001:db8:1::1/64'],
      ],
    },
    rs1: { interfaces: [['inside', '10.1.0.11/24', '2001:db8:1::11/64']] },
    rs2: { interfaces: [['inside', '10.1.0.12/24', '2001:db8:1::12/64']] },
  },
  director: [
    { mode: 'nat', device: 'eth0', vips: ['10.0.0.100'], inside: { network: '10.1.0.0/24', device: 'eth1' } },
    { mode: 'nat', device: 'eth0', vips: ['2001:db8::100'], inside: { network: '2001:db8:1::/64', device: 'eth1' } },
  ],
  realServer: [
    { mode: 'nat', gateway: '10.1.0.1' },
    { mode: 'nat', gateway: '2001:db8:1::1' },
  ],
  realServers: { rs1: ['10.1.0.11', '2001:db8:1::11'], rs2: ['10.1.0.12', '2001:db8:1::12'] },
};

/** Two networks on one wire: the director would tell the real servers of a shorter way, on which nothing is rewritten. */
export const NAT_ONE_WIRE: Topology = {
  hosts: {
    client: { interfaces: [['lan', '10.0.0.1/24']] },
    director: { interfaces: [['lan', '10.0.0.2/24', '10.1.0.1/24']] },
    rs1: { interfaces: [['lan', '10.1.0.11/24']] },
    rs2: { interfaces: [['lan', '10.1.0.12/24']] },
  },
  director: [{ mode: 'nat', device: 'eth0', vips: ['10.0.0.100'], inside: { network: '10.1.0.0/24' } }],
  realServer: [{ mode: 'nat', gateway: '10.1.0.1' }],
  realServers: { rs1: ['10.1.0.11'], rs2: ['10.1.0.12'] },
};

/** The clients' own network is that of the real servers, who would answer them past the director: it masquerades. */
export const NAT_MASQUERADE: Topology = {
  hosts: {
    client: { interfaces: [['lan', '10.0.0.1/24']] },
    director: { interfaces: [['lan', '10.0.0.2/24']] },
    rs1: { interfaces: [['lan', '10.0.0.11/24']] },
    rs2: { interfaces: [['lan', '10.0.0.12/24']] },
  },
  director: [
    { mode: 'nat', device: 'eth0', vips: ['10.0.0.100'], inside: { network: '10.0.0.0/24', masquerade: true } },
  ],
  // They need nothing at all.
  realServer: [],
  realServers: { rs1: ['10.0.0.11'], rs2: ['10.0.0.12'] },
};

/**
 * A router lies between the director and the real servers, which check sources strictly (rp_filter 1, as Red Hat's have
 * it).
 */
export const TUN: Topology = {
  hosts: {
    client: { interfaces: [['lan', '10.0.0.1/24']], gateways: ['10.0.0.254'] },
    router: {
      interfaces: [
        ['lan', '10.0.0.254/24'],
        ['far', '10.1.0.254/24'],
      ],
      sysctls: { 'net.ipv4.ip_forward': 1 },
    },
    director: { interfaces: [['lan', '10.0.0.2/24']], gateways: ['10.0.0.254'] },
    rs1: {
      interfaces: [['far', '10.1.0.11/24']],
      gateways: ['10.1.0.254'],
      sysctls: { 'net.ipv4.conf.all.rp_filter': 1 },
    },
    rs2: {
      interfaces: [['far', '10.1.0.12/24']],
      gateways: ['10.1.0.254'],
      sysctls: { 'net.ipv4.conf.all.rp_filter': 1 },
    },
  },
  director: [{ mode: 'tun', device: 'eth0', vips: ['10.0.0.100'] }],
  realServer: [{ mode: 'tun', vips: ['10.0.0.100'] }],
  realServers: { rs1: ['10.1.0.11'], rs2: ['10.1.0.12'] },
};

/** Tunnels where there is no need of any: the real servers hear the network ask for the VIP. */
export const TUN_ONE_WIRE: Topology = {
  hosts: {
    client: { interfaces: [['lan', '10.0.0.1/24']] },
    director: { interfaces: [['lan', '10.0.0.2/24']] },
    rs1: { interfaces: [['lan', '10.0.0.11/24']] },
  },
  director: [{ mode: 'tun', device: 'eth0', vips: ['10.0.0.100'] }],
  realServer: [{ mode: 'tun', vips: ['10.0.0.100'] }],
  realServers: { rs1: ['10.0.0.11'] },
};

/** {@link NAT}, but for the director's address towards the real servers, which is part of its set-up here. */
export const NAT_INSIDE_ADDRESS: Topology = {
  ...NAT,
  hosts: { ...NAT.hosts, director: { interfaces: [['lan', '10.0.0.2/24'], ['inside']] } },
  director: [
    {
      mode: 'nat',
      device: 'eth0',
      vips: ['10.0.0.100'],
      inside: { network: '10.1.0.0/24', device: 'eth1', address: '10.1.0.1/24' },
    },
  ],
  realServer: [{ mode: 'nat', gateway: '10.1.0.1' }],
};
