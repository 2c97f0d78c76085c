/**
 * What a director needs, so that packets for the virtual IPs reach it and go on to the real servers.
 * @module
 */
import { type Family, familyOf } from '../address/ip.js';
import { deviceSysctl } from '../linux/sysctl.js';
import type { NormalDirector } from '../model/director.js';
import { addressStep, gatewayStep, missingDevices, type Needs, sysctlStep } from './common-steps.js';
import { masqueradeMark } from './masquerade.js';
import type { Obstacle } from './plan.js';
import type { HostState } from './state.js';
import type { AddressStep, HostStep, MasqueradeStep, SysctlStep } from './step.js';

type NatDirector = Extract<NormalDirector, { mode: 'nat' }>;

/** What a director needs of a host in this state. For masquerading, the state must have been asked for it. */
export function directorNeeds(description: NormalDirector, state: HostState): Needs {
  const { mode, device, gateway } = description;
  const nat = mode === 'nat' ? description : undefined;
  // What packets need on their way comes before the VIPs that bring them.
  const steps: HostStep[] = [
    ...(nat === undefined ? [] : natSteps(nat, state)),
    ...vipSteps(description),
    ...(gateway === undefined ? [] : [gatewayStep(gateway, 'The director needs a way to its clients.')]),
  ];
  const hint = 'name the device of the network by which clients come (see: ip link)';
  const obstacles = [
    ...missingDevices([device, nat?.inside.device ?? device], state, hint),
    ...(nat?.inside.masquerade ? masqueradeObstacles(nat, state) : []),
  ];
  return { steps, obstacles };
}

/** The families in which a director needs a program that can masquerade. */
export function masqueradeFamilies(description: NormalDirector): Family[] {
  if (description.mode !== 'nat' || !description.inside.masquerade) return [];
  return [familyOf(description.inside.network.address)];
}

function vipSteps({ vips, device }: NormalDirector): AddressStep[] {
  const why =
    'Clients and their router ask the network for the virtual IP, and IPVS takes only packets for an address of this host.';
  return vips.map((vip) =>
    addressStep('vip', device, vip, { why, announce: true, deprecated: familyOf(vip.address) === 'ipv6' }),
  );
}

function natSteps(description: NatDirector, state: HostState): HostStep[] {
  const { inside, device } = description;
  const insideDevice = inside.device ?? device;
  return [
    ...(inside.address === undefined ? [] : [insideAddressStep(insideDevice, inside.address)]),
    ...redirectSteps(description),
    ...forwardSteps(familyOf(inside.network.address), [device, insideDevice], state),
    ...(inside.masquerade ? [CONNTRACK, ...masqueradeSteps(description, state)] : []),
  ];
}

function insideAddressStep(device: string, address: { address: string; prefix: number }): AddressStep {
  return addressStep('inside-address', device, address, {
    why: "It is the real servers' gateway: answers come back to it.",
    announce: true,
    deprecated: false,
  });
}

/** Before forwarding, which brings them about. IPv6 has no such switch. */
function redirectSteps({ device, inside }: NatDirector): SysctlStep[] {
  const oneNetwork = inside.device === undefined || inside.device === device;
  if (!oneNetwork || familyOf(inside.network.address) === 'ipv6') return [];
  const why =
    'With clients and real servers in one network, the kernel tells each real server by ICMP redirect that the client is ' +
    'nearer without the director. Answers would then go past it, and the client drops them.';
  return ['all', device].map((name) =>
    sysctlStep('send-redirects', deviceSysctl('ipv4', name, 'send_redirects'), '0', why),
  );
}

function forwardSteps(family: Family, devices: readonly string[], { sysctls }: HostState): SysctlStep[] {
  const why = 'Answers of the real servers are for the client, not for the director: it must forward them.';
  if (family === 'ipv6') {
    const warning = `${why} The kernel then forgets default routes it learnt from router advertisements.`;
    return [sysctlStep('ip-forward', 'net.ipv6.conf.all.forwarding', '1', warning)];
  }
  const all = sysctlStep('ip-forward', 'net.ipv4.ip_forward', '1', why);
  // Setting it switches forwarding on for every device; where it is set already, someone may have switched some off.
  if (sysctls[all.name] !== '1') return [all];
  const closed = [...new Set(devices)]
    .map((device) => deviceSysctl('ipv4', device, 'forwarding'))
    .filter((name) => sysctls[name] === '0');
  return [all, ...closed.map((name) => sysctlStep('ip-forward', name, '1', why))];
}

const CONNTRACK = sysctlStep(
  'conntrack',
  'net.ipv4.vs.conntrack',
  '1',
  'Masquerading is the work of connection tracking, which IPVS otherwise keeps its connections out of.',
);

function masqueradeSteps({ inside, vips }: NatDirector, state: HostState): MasqueradeStep[] {
  const network = networkText(inside.network);
  const tool = state.masquerade[familyOf(network)]?.tool;
  if (tool === undefined) return [];
  const addresses = vips.map(({ address }) => address);
  const why =
    'Real servers see the director in the place of the client, and answer to it. ' +
    'Without it, those that have another gateway answer past the director, and the client drops the answer.';
  return [
    {
      kind: 'masquerade',
      id: 'masquerade',
      what: `masquerade connections that IPVS sends to ${network}, by ${tool}`,
      why,
      undo: 'delete the rule',
      tool,
      mark: masqueradeMark(network, addresses),
      network,
      vips: addresses,
    },
  ];
}

function networkText({ address, prefix }: { address: string; prefix: number }): string {
  return `${address}/${prefix}`;
}

function masqueradeObstacles({ inside }: NatDirector, state: HostState): Obstacle[] {
  const obstacles: Obstacle[] = [];
  if (state.sysctls[CONNTRACK.name] === undefined) {
    const what = 'there is no sysctl net.ipv4.vs.conntrack: the module ip_vs is not loaded, or was built without it';
    obstacles.push({ id: 'no-module', what, hint: 'modprobe ip_vs' });
  }
  const found = state.masquerade[familyOf(inside.network.address)];
  if (found?.tool === undefined) {
    const what = `no program here can masquerade: ${found?.problem ?? 'it was not looked for any'}`;
    obstacles.push({ id: 'no-masquerade', what, hint: 'install nftables or iptables, and load the NAT modules' });
  }
  return obstacles;
}
