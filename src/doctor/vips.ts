/**
 * Virtual IPs: on the right device, with the right mask, and heard of by the network.
 * @module
 */
import { familyOf } from '../address/ip.js';
import type { HostPlan } from '../host/plan.js';
import type { AddressStep } from '../host/step.js';
import type { AddressEntry } from '../netlink/route/address.js';
import { addressCommand, commandLine, stepCommand } from './command-line.js';
import { type Finding, finding } from './finding.js';
import { type Picture, plansOf, ruling, tableVips, wholePrefix } from './picture.js';
import { deviceTowards, isLocal } from './routes.js';
import { openSteps } from './steps.js';
import { isWithheld, ownersOf } from './vip-owners.js';

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
      why: withheld ? `${why} (Of a standby that is right; whether this is one was not asked of the network.)` : why,
      fix: { command: commandLine([stepCommand(step)], netns), ...(!withheld && { step: step.id }) },
    }),
  ];
}

function vipElsewhere(vip: string, macs: readonly string[]): Finding {
  return finding('vip-elsewhere', 'note', {
    subject: vip,
    what: `This host does not have the virtual IP ${vip}; the host with the Ethernet address ${macs.join(', ')} does.`,
    why: 'That is right for a standby. Otherwise clients talk to that host.',
    fix: { command: commandLine([['ip', 'neighbour', 'show', vip]]) },
  });
}

function directorsWrongDevice(found: AddressEntry, step: AddressStep, picture: Picture): Finding {
  return finding('vip-wrong-device', 'error', {
    subject: step.address,
    what: `The virtual IP ${step.address} is on ${found.device}, and should be on ${step.device}.`,
    why: step.why,
    fix: { command: commandLine([addressCommand('del', found), stepCommand(step)], picture.netns), step: step.id },
  });
}

/**
 * On a real server: arp_ignore=1 still answers for addresses of the device that is asked by (ip-sysctl.rst), and IPv6 always
 * does.
 */
export function vipOnWrongDevice(picture: Picture): Finding[] {
  const { host } = picture;
  return wantedOfRealServer(picture).flatMap(({ device, address, prefix }) => {
    const wrong = host.addresses.filter((own) => own.address === address && own.device !== device && hears(own, host));
    const isThere = host.addresses.some((own) => own.address === address && own.device === device);
    return wrong.map((found) =>
      finding('vip-wrong-device', 'error', {
        subject: address,
        what: `The virtual IP ${address} is on ${found.device}, and should be on ${device} alone.`,
        why: 'This host answers when the network asks who has it, and clients come here past the director.',
        fix: {
          command: commandLine(
            [addressCommand('del', found), ...(isThere ? [] : [addressCommand('add', { address, prefix, device })])],
            picture.netns,
          ),
          ...(!isThere && { step: 'vip' as const }),
        },
      }),
    );
  });
}

/** On a device by which the network asks. */
function hears({ device }: AddressEntry, { links }: Picture['host']): boolean {
  return links.some((link) => link.name === device && !link.loopback && !link.noarp);
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
    const wide = own.filter(({ prefix }) => prefix < 32);
    return wide.map((found) =>
      finding('vip-wrong-mask', 'error', {
        subject: address,
        what: `The virtual IP is ${address}/${found.prefix} on ${device}, and should be ${address}/32.`,
        why:
          device === 'lo'
            ? 'All of that network is now this host itself: packets to its neighbours, the director and the clients there ' +
              'never leave.'
            : 'Packets to that whole network now go into the tunnel.',
        fix: {
          command: commandLine([addressCommand('del', found), ...(right ? [] : [stepCommand(step)])], netns),
          ...(!right && { step: step.id }),
        },
      }),
    );
  });
}

/** Values of arp_ignore that hide addresses of other devices (ip-sysctl.rst). */
const HIDING: readonly number[] = [1, 2, 8];

/** A director's virtual IP on lo is answered for by ARP only where arp_ignore lets it be, and in IPv6 never. */
export function vipSilent(picture: Picture): Finding[] {
  const { role, host, netns } = picture;
  if (role !== 'director') return [];
  return tableVips(picture).flatMap((vip) => {
    const bearers = host.addresses.filter(({ address }) => address === vip);
    const asked = deviceTowards(vip, host);
    if (bearers.length === 0 || asked === undefined || bearers.some((own) => hears(own, host))) return [];
    if (familyOf(vip) === 'ipv4' && !HIDING.includes(ruling('arp_ignore', asked, host))) return [];
    const [own] = bearers;
    return [
      finding('vip-silent', 'warning', {
        subject: vip,
        what: `The virtual IP ${vip} is on ${own?.device} alone, and nothing answers when the network of ${asked} asks for it.`,
        why: 'Neither clients nor their router find the director, unless the router has a route for the virtual IP.',
        fix: {
          command: commandLine(
            [addressCommand('add', { address: vip, prefix: wholePrefix(vip), device: asked })],
            netns,
          ),
        },
      }),
    ];
  });
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
        why: 'The director is down, is in another network (where DR can not work), or does not have the virtual IP.',
        fix: { command: 'ipvs-ts doctor director', on: 'the director' },
      }),
    );
}
