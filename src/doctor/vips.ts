/**
 * Virtual IPs: on the right device, with the right mask, and heard of by the network.
 * @module
 */
import { familyOf } from '../address/ip.js';
import { inNetwork } from '../address/network.js';
import type { HostPlan } from '../host/plan.js';
import type { AddressStep } from '../host/step.js';
import { deviceSysctl } from '../linux/sysctl.js';
import type { AddressEntry } from '../netlink/route/address.js';
import { addressCommand, commandLine, stepCommand, sysctlCommand } from './command-line.js';
import { type Finding, type Fix, finding } from './finding.js';
import { arrivalDevice, asksNeighbours } from './packets.js';
import { type Picture, plannedVips, plansOf, ruling, tableVips, wholePrefix } from './picture.js';
import { deviceTowards, isLocal } from './routes.js';
import { openSteps } from './steps.js';
import { isWithheld, ownersOf } from './vip-owners.js';
import { isTooWide, removalObstacle } from './wrong-vips.js';

/** Virtual IPs that a set-up wants and that are not where they should be. */
export function vipMissing(picture: Picture): Finding[] {
  const steps = plansOf(picture).flatMap((plan) => openSteps(plan, picture));
  return steps.flatMap((step) => (step.id === 'vip' && step.kind === 'address' ? missing(step, picture) : []));
}

function missing(step: AddressStep, picture: Picture): Finding[] {
  const { device, address, prefix, announce, why } = step;
  const { host, netns } = picture;
  const elsewhere = host.addresses.filter((own) => own.address === address && own.device !== device);
  const otherPrefix = host.addresses.some((own) => own.address === address && own.device === device);
  // Both have findings of their own, which say more.
  if (otherPrefix || (!announce && elsewhere.length > 0)) return [];
  const strangers = announce ? (ownersOf(address, picture)?.strangers ?? []) : [];
  if (strangers.length > 0) return [vipElsewhere(address, strangers)];
  const [found] = elsewhere;
  if (found !== undefined) return [directorsWrongDevice(found, step, picture)];
  // A local route for its network does as well (ip route add local 10.0.0.0/24 dev lo).
  if (announce && picture.guessed && isLocal(address, host)) return [];
  const withheld = isWithheld(step, picture);
  return [
    finding('vip-missing', withheld ? 'warning' : 'error', {
      subject: address,
      what: `${device} does not have the virtual IP ${address}/${prefix}.`,
      why: withheld
        ? `${why} (This is right for a standby director. The network was not asked whether this is one.)`
        : why,
      fix: { command: commandLine([stepCommand(step)], netns), ...(!withheld && { step: step.id }) },
    }),
  ];
}

function vipElsewhere(vip: string, macs: readonly string[]): Finding {
  return finding('vip-elsewhere', 'note', {
    subject: vip,
    what: `This host does not have the virtual IP ${vip}. The host with the Ethernet address ${macs.join(', ')} has it.`,
    why: 'This is right for a standby director. Otherwise clients reach that host.',
    fix: { command: commandLine([['ip', 'neighbour', 'show', vip]]) },
  });
}

function directorsWrongDevice(found: AddressEntry, step: AddressStep, picture: Picture): Finding {
  return finding('vip-wrong-device', 'error', {
    subject: step.address,
    what: `The virtual IP ${step.address} is on ${found.device}, and should be on ${step.device}.`,
    why: step.why,
    fix: {
      command: commandLine([stepCommand(step), addressCommand('del', found)], picture.netns),
      ...mending(found, picture),
    },
  });
}

/**
 * On a real server: arp_ignore=1 still answers for addresses of the device that is asked by (ip-sysctl.rst), and IPv6 always
 * does.
 */
export function vipOnWrongDevice(picture: Picture): Finding[] {
  const { host } = picture;
  return wantedOfRealServer(picture).flatMap(({ device, address, prefix }) => {
    const wrong = host.addresses.filter(
      (own) => own.address === address && own.device !== device && asksNeighbours(own.device, host),
    );
    const isThere = host.addresses.some((own) => own.address === address && own.device === device);
    return wrong.map((found) =>
      finding('vip-wrong-device', 'error', {
        subject: address,
        what: `The virtual IP ${address} is on ${found.device}, and should be on ${device} alone.`,
        why: 'This host answers when the network asks for the virtual IP, and clients come here past the director.',
        fix: {
          command: commandLine(
            [...(isThere ? [] : [addressCommand('add', { address, prefix, device })]), addressCommand('del', found)],
            picture.netns,
          ),
          ...mending(found, picture),
        },
      }),
    );
  });
}

/** Whether `--fix` takes the wrong address away, or why not. */
function mending(found: AddressEntry, picture: Picture): Pick<Fix, 'step' | 'manual'> {
  const manual = removalObstacle(found, picture);
  return manual === undefined ? { step: 'vip' } : { manual };
}

/** The virtual IPs of a real server, on lo or a tunnel. */
function wantedOfRealServer(picture: Picture): AddressStep[] {
  return vipSteps(plansOf(picture)).filter(({ announce }) => !announce);
}

function vipSteps(plans: readonly HostPlan[]): AddressStep[] {
  return plans.flatMap(({ steps }) =>
    steps.flatMap((step) => (step.id === 'vip' && step.kind === 'address' ? [step] : [])),
  );
}

/** The network of an address on lo is local as a whole (fib_add_ifaddr in net/ipv4/fib_frontend.c); IPv6 is not so. */
export function vipWrongMask(picture: Picture): Finding[] {
  const { host, netns } = picture;
  return wantedOfRealServer(picture).flatMap((step) => {
    const { address, device } = step;
    if (familyOf(address) === 'ipv6') return [];
    const own = host.addresses.filter((one) => one.address === address && one.device === device);
    const right = own.some(({ prefix }) => prefix === 32);
    const wide = own.filter(isTooWide);
    return wide.map((found) =>
      finding('vip-wrong-mask', 'error', {
        subject: address,
        what: `The virtual IP is ${address}/${found.prefix} on ${device}, and should be ${address}/32.`,
        why:
          device === 'lo'
            ? 'The kernel takes that whole network for this host: packets to the director and to clients there never leave.'
            : 'Packets to that whole network now go into the tunnel.',
        fix: {
          command: commandLine([...(right ? [] : [stepCommand(step)]), addressCommand('del', found)], netns),
          ...mending(found, picture),
        },
      }),
    );
  });
}

/** A director's virtual IP that ARP, or in IPv6 neighbour discovery, does not answer for. */
export function vipSilent(picture: Picture): Finding[] {
  const { role, host, netns } = picture;
  if (role !== 'director') return [];
  return [...new Set([...tableVips(picture), ...plannedVips(picture)])].flatMap((vip) => {
    const bearers = host.addresses.filter(({ address }) => address === vip);
    const asked = arrivalDevice(vip, host);
    if (bearers.length === 0 || asked === undefined || isAnsweredFor(vip, asked, host)) return [];
    const devices = [...new Set(bearers.map(({ device }) => device))].join(', ');
    const isThere = bearers.some(({ device }) => device === asked);
    const value = ruling('arp_ignore', asked, host);
    const command = isThere
      ? sysctlCommand(deviceSysctl('ipv4', asked, 'arp_ignore'), '0')
      : addressCommand('add', { address: vip, prefix: wholePrefix(vip), device: asked });
    return [
      finding('vip-silent', 'warning', {
        subject: vip,
        what: `The virtual IP ${vip} is on ${devices}, and nothing answers when the network of ${asked} asks for it${familyOf(vip) === 'ipv4' ? `: arp_ignore is ${value}` : ''}.`,
        why: 'Neither clients nor their router find the director, unless the router has a route for the virtual IP.',
        fix: { command: commandLine([command], netns) },
      }),
    ];
  });
}

/** Whether the host answers for one of its addresses when a device's network asks (arp_ignore in ip-sysctl.rst). */
function isAnsweredFor(vip: string, asked: string, host: Picture['host']): boolean {
  const isThere = host.addresses.some(({ address, device }) => address === vip && device === asked);
  if (familyOf(vip) === 'ipv6') return isThere;
  switch (ruling('arp_ignore', asked, host)) {
    case 1:
      return isThere;
    case 2:
      // The asker must be in one network with it.
      return host.addresses.some((own) => own.device === asked && own.prefix < 32 && inNetwork(vip, own));
    default:
      // With 8 nothing is answered, which has a finding of its own (devices.ts).
      return true;
  }
}

/** A real server for DR is on one link with the director, who answers for the virtual IP there. */
export function vipUnanswered(picture: Picture): Finding[] {
  const { host, owners } = picture;
  const direct = plansOf(picture).filter(({ role, mode }) => role === 'real-server' && mode === 'dr');
  const vips = vipSteps(direct).map(({ address }) => address);
  return [...new Set(vips)]
    .filter((vip) => owners[vip]?.length === 0)
    .map((vip) =>
      finding('vip-unanswered', 'warning', {
        subject: vip,
        what: `Nobody answers when the network of ${deviceTowards(vip, host)} asks who has the virtual IP ${vip}.`,
        why: 'The director is down, is in another network (where DR cannot work), or does not have the virtual IP.',
        fix: { command: 'ipvs-ts doctor director', on: 'the director' },
      }),
    );
}
