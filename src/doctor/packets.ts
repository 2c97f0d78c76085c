/**
 * The packets between clients and real servers that a host must handle, for the kernel to be asked what it would do with each
 * (netlink/route/lookup.ts). One packet stands for all that the kernel treats alike.
 * @module
 */
import { type Family, familyOf } from '../address/ip.js';
import type { HostState } from '../host/state.js';
import type { RouteEntry } from '../netlink/route/route.js';
import { isVipStep, type JudgedPacket, type Picture, plannedVips, plansOf, serversOf, tableVips } from './picture.js';
import { covers, deviceTowards, isLocal, nearTo } from './routes.js';

/** The packets to ask the kernel about. */
export function packetsOf(picture: Picture): JudgedPacket[] {
  const packets = picture.role === 'director' ? directorPackets(picture) : realServerPackets(picture);
  return [...new Map(packets.map((packet) => [kindOf(packet, picture), packet])).values()];
}

/** Of the packets of one kind, the kernel does the same with each. */
function kindOf({ purpose, client, from, vip, destination }: JudgedPacket, { host }: Picture): string {
  const network = vip === undefined ? undefined : nearTo(vip, host)?.address;
  return [purpose, client, from, familyOf(destination), network].join(' ');
}

function directorPackets(picture: Picture): JudgedPacket[] {
  const { host } = picture;
  const vips = [...new Set([...tableVips(picture), ...plannedVips(picture)])].filter((vip) => isLocal(vip, host));
  const requests = vips.flatMap((vip) => clientsFor(vip, picture).flatMap((one) => request(one, vip, picture)));
  const answers = serversOf(picture).flatMap(
    ({ destination: { forward, address: source }, service }): JudgedPacket[] => {
      const from = deviceTowards(source, host);
      if (forward !== 'nat' || from === undefined || isLocal(source, host)) return [];
      const vip = service.protocol === 'fwmark' ? {} : { vip: service.address };
      return clientsFor(source, picture).map((one) => ({
        purpose: 'answer',
        ...one,
        ...vip,
        source,
        destination: one.client,
        from,
      }));
    },
  );
  return [...requests, ...answers];
}

function realServerPackets(picture: Picture): JudgedPacket[] {
  const { host } = picture;
  return plansOf(picture).flatMap(({ mode, steps }) => {
    if (mode === 'nat') {
      const gateways = steps.flatMap((step) => (step.kind === 'route' ? [step.gateway] : []));
      return gateways.flatMap((gateway) => {
        const source = nearTo(gateway, host)?.address;
        return clientsFor(gateway, picture).map(
          (one): JudgedPacket => ({ purpose: 'answer', ...one, destination: one.client, ...(source && { source }) }),
        );
      });
    }
    const vips = steps.flatMap((step) => (isVipStep(step) ? [step.address] : []));
    return vips.flatMap((vip) =>
      clientsFor(vip, picture).flatMap((one): JudgedPacket[] => [
        { purpose: 'answer', ...one, source: vip, destination: one.client, vip },
        ...(mode === 'dr' ? request(one, vip, picture) : []),
      ]),
    );
  });
}

type Client = Pick<JudgedPacket, 'client' | 'named'>;

function request(one: Client, vip: string, { host }: Picture): JudgedPacket[] {
  // A client that is near comes in by its own network.
  const from = (one.named && nearTo(one.client, host)?.device) || arrivalDevice(vip, host);
  return from === undefined ? [] : [{ purpose: 'request', ...one, source: one.client, destination: vip, from, vip }];
}

/** The device by which clients' packets for a virtual IP come in; undefined where nothing tells. */
export function arrivalDevice(vip: string, host: HostState): string | undefined {
  const bearer = host.addresses.find(({ address, device }) => address === vip && asksNeighbours(device, host));
  if (bearer !== undefined) return bearer.device;
  const towards = deviceTowards(vip, host);
  if (towards !== undefined && asksNeighbours(towards, host)) return towards;
  const [only, ...more] = host.links.filter(({ name }) => asksNeighbours(name, host));
  return more.length === 0 ? only?.name : undefined;
}

/** Whether a device has a network that asks who has an address. */
export function asksNeighbours(device: string, { links }: HostState): boolean {
  return links.some(({ name, loopback, noarp, mac }) => name === device && !loopback && !noarp && mac !== undefined);
}

/** The clients of an address that are looked at: those that the caller named, or one that stands for the rest of the world. */
function clientsFor(address: string, { clients, host }: Picture): Client[] {
  const family = familyOf(address);
  if (clients.length > 0) {
    return clients.filter((client) => familyOf(client) === family).map((client) => ({ client, named: true }));
  }
  const stranger = STRANGERS[family].find((one) => !host.routes.some((route) => leadsTo(route, one)));
  return stranger === undefined ? [] : [{ client: stranger, named: false }];
}

function leadsTo({ destination }: RouteEntry, address: string): boolean {
  return !destination.endsWith('/0') && covers(destination, address);
}

/** Addresses for documentation (RFC 5737, 3849, 9637) and benchmarks (RFC 2544): nobody has them. */
const STRANGERS: Readonly<Record<Family, readonly string[]>> = {
  ipv4: ['192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1'],
  ipv6: ['3fff:fff:ffff::1', '2001:db8:ffff:ffff::1'],
};
