/**
 * What a real server needs, so that it takes packets for the virtual IPs and answers the right way.
 * @module
 */
import { type Family, familyOf } from '../address/ip.js';
import { deviceSysctl } from '../linux/sysctl.js';
import type { NormalRealServer, RealServerTunnel } from '../model/real-server.js';
import type { Vip } from '../model/vip.js';
import { formatFouPort } from '../netlink/fou.js';
import {
  addressStep,
  familiesOf,
  fouPortStep,
  gatewayStep,
  greDeviceStep,
  linkUpStep,
  missingDevices,
  type Needs,
  sysctlStep,
} from './common-steps.js';
import { isGuePort, isSamePort } from './plan.js';
import type { HostState } from './state.js';
import type { AddressStep, HostStep, SysctlStep } from './step.js';

type TunnelServer = Extract<NormalRealServer, { mode: 'tun' }>;

/** What a real server needs of a host in this state. */
export function realServerNeeds(description: NormalRealServer, state: HostState): Needs {
  const gateway = gatewaySteps(description);
  switch (description.mode) {
    case 'nat':
      return { steps: gateway, obstacles: [] };
    case 'dr':
      return {
        steps: [LO_UP, ...arpSteps(description.vips, state), ...loVips(description.vips), ...gateway],
        obstacles: [],
      };
    case 'tun': {
      const { steps, obstacles } = tunnelSteps(description, state);
      return { steps: [LO_UP, ...arpSteps(description.vips, state), ...steps, ...gateway], obstacles };
    }
  }
}

/** What comes from elsewhere is taken also while lo is down (6.1). */
const LO_UP = linkUpStep(
  'lo-up',
  'lo',
  'While lo is down, this host does not reach its own addresses: checks of the virtual IP from here fail.',
);

function gatewaySteps({ mode, gateway }: NormalRealServer): HostStep[] {
  if (gateway === undefined) return [];
  const why =
    mode === 'nat'
      ? 'Answers must come back through the director, which gives them the virtual IP again: ' +
        'the client knows nothing of the address of the real server, and drops what comes from it.'
      : 'Answers go to the client directly, not back through the director, and need a way there.';
  return [gatewayStep(gateway, why)];
}

/**
 * Before the VIPs are added: an answer that is given between would send a client here for minutes. IPv6 needs nothing of the
 * kind, for Linux answers neighbour solicitations only for addresses of the device that they come in by.
 */
function arpSteps(vips: readonly Vip[], state: HostState): SysctlStep[] {
  if (!familiesOf(vips).includes('ipv4')) return [];
  const ignore =
    'Without it this host answers when the network asks who has the virtual IP, and clients come here past the director.';
  const announce =
    'Without it this host asks for its neighbours in the name of the virtual IP, ' +
    'and they take it for the owner of that address.';
  return [
    sysctlStep('arp-ignore', deviceSysctl('ipv4', 'all', 'arp_ignore'), '1', ignore, ALSO_SILENT),
    ...devicesThatAnswer(state).map((device) =>
      sysctlStep('arp-ignore', deviceSysctl('ipv4', device, 'arp_ignore'), '1', ignore, ['0', ...ALSO_SILENT]),
    ),
    sysctlStep('arp-announce', deviceSysctl('ipv4', 'all', 'arp_announce'), '2', announce),
  ];
}

/** Values of arp_ignore by which a host is silent about addresses of other devices (ip-sysctl.rst). */
const ALSO_SILENT: readonly string[] = ['2', '8'];

/**
 * The larger one of a device's own value and that of `all` rules, and of the values above 1 those from 3 to 7 hide no global
 * address of another device.
 */
function devicesThatAnswer({ links, sysctls }: HostState): string[] {
  const names = links.filter(({ loopback }) => !loopback).map(({ name }) => name);
  return names.filter((name) => /^[3-7]$/.test(sysctls[deviceSysctl('ipv4', name, 'arp_ignore')] ?? ''));
}

function loVips(vips: readonly Vip[]): AddressStep[] {
  const why = 'Packets come with the virtual IP as their destination; a host without it would drop them.';
  return vips.map((vip) => addressStep('vip', 'lo', alone(vip), { why, announce: false, deprecated: false }));
}

/** As an address without a network, which is the director's. */
function alone({ address }: Vip): Vip {
  return { address, prefix: familyOf(address) === 'ipv4' ? 32 : 128 };
}

function tunnelSteps(description: TunnelServer, state: HostState): Needs {
  const families = familiesOf(description.vips).map((family) => familySteps(family, description, state));
  return {
    steps: families.flatMap(({ steps }) => steps),
    obstacles: families.flatMap(({ obstacles }) => obstacles),
  };
}

function familySteps(family: Family, description: TunnelServer, state: HostState): Needs {
  const { vips, tunnel, checksum, port } = description;
  const { device, hint } = checksum === true ? CHECKSUM_DEVICES[family] : TUNNEL_DEVICES[tunnel][family];
  const made =
    checksum === true
      ? checksumDevice(family, description, state)
      : { steps: [], obstacles: missingDevices([device], state, hint) };
  const opened = port === undefined ? { steps: [], obstacles: [] } : guePort(port, family, state);
  const upWhy = 'The director wraps each packet in one to this host; while the device is down, nobody unwraps it.';
  const vipWhy = 'Unwrapped packets have the virtual IP as their destination; a host without it would drop them.';
  const own = vips.filter(({ address }) => familyOf(address) === family);
  return {
    steps: [
      ...made.steps,
      ...(family === 'ipv4' ? [rpFilterStep(device, state)] : []),
      linkUpStep('tunnel-up', device, upWhy),
      ...opened.steps,
      ...own.map((vip) => addressStep('vip', device, alone(vip), { why: vipWhy, announce: false, deprecated: false })),
    ],
    obstacles: [...made.obstacles, ...opened.obstacles],
  };
}

/**
 * The kernel's own GRE devices drop every packet with a checksum, and no other device takes packets from anyone to anywhere: ours
 * is for packets to one address (ip_tunnel_lookup and ip_tunnel_rcv in net/ipv4/ip_tunnel.c).
 */
function checksumDevice(family: Family, description: TunnelServer, state: HostState): Needs {
  const { device } = CHECKSUM_DEVICES[family];
  const [local, ...others] = localAddresses(family, description, state);
  if (local === undefined || others.length > 0) {
    const found = local === undefined ? 'none is known' : [local, ...others].join(', ');
    const what = `which ${NAMES[family]} address of this host the director sends GRE packets to is not known (${found})`;
    return {
      steps: [],
      obstacles: [{ id: 'no-local', what, hint: 'name it: --local ADDR, or local in the description' }],
    };
  }
  const why =
    'The director gives its GRE packets checksums, and the devices that the kernel has by itself drop all of those.';
  return { steps: [greDeviceStep(device, local, why)], obstacles: [] };
}

/**
 * What comes out of the port is taken for IP in IP from the same sender, with or without UDP checksums (gue_udp_recv in
 * net/ipv4/fou.c).
 */
function guePort(port: number, family: Family, { fou }: HostState): Needs {
  if (fou !== undefined && fou.ports === undefined) {
    return { steps: [], obstacles: [{ id: 'no-module', what: 'this kernel has no FOU ports', hint: 'modprobe fou' }] };
  }
  const wanted = { port, family };
  const other = fou?.ports?.find((found) => isSamePort(found, wanted) && !isGuePort(found, wanted));
  if (other !== undefined) {
    const kind = other.bound ? `${other.type}, for some packets alone` : other.type;
    const what = `the UDP port ${formatFouPort(wanted)} is a FOU port of another kind (${kind})`;
    return { steps: [], obstacles: [{ id: 'port-taken', what, hint: 'delete it, or take another port' }] };
  }
  const why =
    'The director wraps each packet in GUE to this UDP port; while it is closed, this host answers with ICMP port unreachable.';
  return { steps: [fouPortStep(port, family, why)], obstacles: [] };
}

const NAMES: Readonly<Record<Family, string>> = { ipv4: 'IPv4', ipv6: 'IPv6' };

/** The named one; or those of the host that no VIP is, and of several those on the device of the default route. */
function localAddresses(family: Family, { vips, local = [] }: TunnelServer, state: HostState): string[] {
  const named = local.filter((address) => familyOf(address) === family);
  if (named.length > 0) return named;
  const bearers = new Set(state.links.filter(({ loopback, noarp }) => !loopback && !noarp).map(({ name }) => name));
  const own = state.addresses.filter(
    ({ address, device, scope, flags }) =>
      familyOf(address) === family &&
      scope === 'global' &&
      bearers.has(device) &&
      !flags.some((flag) => PASSING.includes(flag)) &&
      !vips.some((vip) => vip.address === address),
  );
  if (own.length < 2) return own.map(({ address }) => address);
  const gateways = state.routes.filter(({ destination }) => destination === DEFAULTS[family]);
  const near = own.filter(({ device }) => gateways.some((route) => route.device === device));
  return (near.length > 0 ? near : own).map(({ address }) => address);
}

/** Flags of addresses that nobody sends to for long. */
const PASSING: readonly string[] = ['temporary', 'deprecated'];
const DEFAULTS: Readonly<Record<Family, string>> = { ipv4: '0.0.0.0/0', ipv6: '::/0' };

/** The devices that we make for packets with checksums. */
const CHECKSUM_DEVICES: Readonly<Record<Family, { device: string; hint: string }>> = {
  ipv4: { device: 'ipvs-gre', hint: 'modprobe ip_gre' },
  ipv6: { device: 'ipvs-gre6', hint: 'modprobe ip6_gre' },
};

const IPIP_DEVICES = {
  ipv4: { device: 'tunl0', hint: 'modprobe ipip' },
  ipv6: { device: 'ip6tnl0', hint: 'modprobe ip6_tunnel' },
} as const;

/** The device that unwraps packets from anyone: the kernel makes it with the module. What GUE wraps is IP in IP. */
const TUNNEL_DEVICES: Readonly<Record<RealServerTunnel, Readonly<Record<Family, { device: string; hint: string }>>>> = {
  ipip: IPIP_DEVICES,
  gue: IPIP_DEVICES,
  gre: {
    ipv4: { device: 'gre0', hint: 'modprobe ip_gre' },
    ipv6: { device: 'ip6gre0', hint: 'modprobe ip6_gre' },
  },
};

/** The larger one of the device's value and that of `all` rules; 2 leaves `all` as it is. */
function rpFilterStep(device: string, { sysctls }: HostState): SysctlStep {
  const why =
    'With strict filtering the kernel drops what comes out of the tunnel: its way back to the client is another device. ' +
    '2 is the loose filter.';
  const all = sysctls[deviceSysctl('ipv4', 'all', 'rp_filter')];
  return sysctlStep('rp-filter', deviceSysctl('ipv4', device, 'rp_filter'), '2', why, RP_FILTER_GOOD[all ?? ''] ?? []);
}

/** Values of a device that serve beside 2, by the value of `all`. */
const RP_FILTER_GOOD: Readonly<Record<string, readonly string[]>> = { 0: ['0'], 2: ['0', '1'] };
