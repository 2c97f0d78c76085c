/**
 * The devices that packets of a set-up come in and leave by: are they on, have they a carrier, do they answer their neighbours.
 * @module
 */
import { deviceSysctl } from '../linux/sysctl.js';
import { commandLine, sysctlCommand } from './command-line.js';
import { type Finding, finding } from './finding.js';
import { arrivalDevice, asksNeighbours } from './packets.js';
import { type Picture, plannedVips, plansOf, ruling, serversOf, tableVips } from './picture.js';
import { deviceTowards, isLocal } from './routes.js';

/** A device that is off, or that nothing is connected to: no packet passes. */
export function deviceDown(picture: Picture): Finding[] {
  return devicesInUse(picture).flatMap((device) => {
    const link = picture.host.links.find(({ name }) => name === device);
    if (link === undefined || link.loopback || (link.up && link.lowerUp)) return [];
    // A tunnel's device has a step of its own.
    if (plansOf(picture).some(({ steps }) => steps.some((step) => step.kind === 'link-up' && step.device === device))) {
      return [];
    }
    return [
      finding('device-down', 'error', {
        subject: device,
        what: link.up ? `${device} has no carrier.` : `${device} is down.`,
        why: link.up
          ? 'No packet comes in or leaves by it: the cable, the port of the switch or the other end is down.'
          : 'No packet comes in or leaves by it, and the kernel has deleted its routes.',
        fix: {
          command: commandLine(
            [link.up ? ['ip', '-s', 'link', 'show', 'dev', device] : ['ip', 'link', 'set', device, 'up']],
            picture.netns,
          ),
        },
      }),
    ];
  });
}

/** With 8, a device answers no ARP request at all, even for its own address (ip-sysctl.rst). */
export function arpMute(picture: Picture): Finding[] {
  const { host, netns, role } = picture;
  const value = role === 'real-server' ? '1' : '0';
  return devicesInUse(picture)
    .filter((device) => asksNeighbours(device, host) && ruling('arp_ignore', device, host) === 8)
    .map((device) => {
      const names = ['all', device].map((one) => deviceSysctl('ipv4', one, 'arp_ignore'));
      const wrong = names.filter((name) => host.sysctls[name] === '8');
      return finding('arp-mute', 'error', {
        subject: device,
        what: `${device} answers no ARP request: ${wrong.map((name) => `${name} is 8`).join(', and ')}.`,
        why: 'No IPv4 neighbour finds this host: neither clients, nor routers, nor the director or real servers.',
        fix: {
          command: commandLine(
            wrong.map((name) => sysctlCommand(name, value)),
            netns,
          ),
        },
      });
    });
}

/** The devices that packets of the set-up must come in or leave by, as far as it is known. */
export function devicesInUse(picture: Picture): string[] {
  const { role, host } = picture;
  const plans = plansOf(picture);
  const gateways = plans.flatMap(({ steps }) => steps.flatMap((step) => (step.kind === 'route' ? [step.gateway] : [])));
  const towards = gateways.map((gateway) => deviceTowards(gateway, host));
  const described = picture.setups.flatMap(({ role, description }) => {
    if (role !== 'director') return [];
    return 'inside' in description ? [description.device, description.inside.device] : [description.device];
  });
  const vips = [...new Set([...tableVips(picture), ...plannedVips(picture)])];
  const servers = role === 'director' ? serversOf(picture).map(({ destination }) => destination.address) : [];
  const answers = picture.passages.map(({ route }) => route?.device);
  const devices = [
    ...vips.map((vip) => (role === 'director' ? arrivalDevice(vip, host) : deviceTowards(vip, host))),
    ...towards,
    ...(picture.guessed ? [] : described),
    ...[...new Set(servers)].filter((server) => !isLocal(server, host)).map((server) => deviceTowards(server, host)),
    ...answers,
  ];
  return [...new Set(devices)].filter((device): device is string => device !== undefined && device !== 'lo');
}

/** Whether the way to an address is cut by a device that is off or has no carrier. */
export function isCutOff(address: string, { host }: Picture): boolean {
  const device = deviceTowards(address, host);
  return device !== undefined && isDown(device, host);
}

/** Whether a device is off or has no carrier. */
export function isDown(device: string, { links }: Picture['host']): boolean {
  return links.some(({ name, up, lowerUp }) => name === device && !(up && lowerUp));
}
