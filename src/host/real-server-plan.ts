/**
 * What a real server needs, so that it takes packets for the virtual IPs and answers the right way.
 * @module
 */
import { type Family, familyOf } from '../address/ip.js';
import { deviceSysctl } from '../linux/sysctl.js';
import type { NormalRealServer } from '../model/real-server.js';
import type { Vip } from '../model/vip.js';
import {
  addressStep,
  familiesOf,
  gatewayStep,
  linkUpStep,
  missingDevices,
  type Needs,
  sysctlStep,
} from './common-steps.js';
import type { HostState } from './state.js';
import type { AddressStep, HostStep, SysctlStep } from './step.js';

type TunnelKind = Extract<NormalRealServer, { mode: 'tun' }>['tunnel'];

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
      const { steps, obstacles } = tunnelSteps(description.vips, description.tunnel, state);
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

function tunnelSteps(vips: readonly Vip[], kind: TunnelKind, state: HostState): Needs {
  const families = familiesOf(vips).map((family) => familySteps(family, vips, kind, state));
  return {
    steps: families.flatMap(({ steps }) => steps),
    obstacles: families.flatMap(({ obstacles }) => obstacles),
  };
}

function familySteps(family: Family, vips: readonly Vip[], kind: TunnelKind, state: HostState): Needs {
  const { device, hint } = TUNNEL_DEVICES[kind][family];
  const upWhy = 'The director wraps each packet in one to this host; while the device is down, nobody unwraps it.';
  const vipWhy = 'Unwrapped packets have the virtual IP as their destination; a host without it would drop them.';
  const own = vips.filter(({ address }) => familyOf(address) === family);
  return {
    steps: [
      ...(family === 'ipv4' ? [rpFilterStep(device, state)] : []),
      linkUpStep('tunnel-up', device, upWhy),
      ...own.map((vip) => addressStep('vip', device, alone(vip), { why: vipWhy, announce: false, deprecated: false })),
    ],
    obstacles: missingDevices([device], state, hint),
  };
}

/** The device that unwraps packets from anyone: the kernel makes it with the module. */
const TUNNEL_DEVICES: Readonly<Record<TunnelKind, Readonly<Record<Family, { device: string; hint: string }>>>> = {
  ipip: {
    ipv4: { device: 'tunl0', hint: 'modprobe ipip' },
    ipv6: { device: 'ip6tnl0', hint: 'modprobe ip6_tunnel' },
  },
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
