/**
 * What must compile, and what must not. Never run: `tsc` is the test, and an `@ts-expect-error` without an error below it
 * fails the build.
 * @module
 */
import type {
  Destination,
  DestinationEntry,
  Ipvs,
  Scheduler,
  Service,
  ServiceEntry,
  ServiceKey,
  ServiceKeyText,
  SyncDaemon,
  Tunnel,
} from '../../src/index.js';
import { parseDestination } from '../../src/model/destination.js';
import { parseService } from '../../src/model/service.js';

const WEB = 'tcp://10.0.0.1:80';
/** Not written in place, where `type` may be widened to `string` and be an error of its own. */
const IPIP = { type: 'ipip' } as const;

export const services: Service[] = [
  { protocol: 'tcp', address: '10.0.0.1', port: 80 },
  { protocol: 'udp', address: '2001:db8::1', port: 53, scheduler: 'sh', schedulerFlags: ['sh-port'], onePacket: true },
  { protocol: 'fwmark', mark: 5 },
  { protocol: 'fwmark', mark: 5, family: 'ipv6', persistence: { timeout: 60, netmask: 64 } },
  { protocol: 'tcp', address: '10.0.0.1', port: 0, persistence: { netmask: '255.255.255.0' } },
  { protocol: 'tcp', address: '10.0.0.1', port: 80, scheduler: 'my-own-scheduler' },
  { protocol: 'tcp', address: '10.0.0.1', port: 80, scheduler: undefined, persistence: undefined },
  // @ts-expect-error A mark has no port.
  { protocol: 'fwmark', mark: 5, port: 80 },
  // @ts-expect-error A mark has no address.
  { protocol: 'fwmark', mark: 5, address: '10.0.0.1' },
  // @ts-expect-error A mark is a number.
  { protocol: 'fwmark' },
  // @ts-expect-error TCP has no mark.
  { protocol: 'tcp', address: '10.0.0.1', port: 80, mark: 5 },
  // @ts-expect-error The family follows from the address.
  { protocol: 'tcp', address: '10.0.0.1', port: 80, family: 'ipv4' },
  // @ts-expect-error TCP needs a port.
  { protocol: 'tcp', address: '10.0.0.1' },
  // @ts-expect-error A port is a number.
  { protocol: 'tcp', address: '10.0.0.1', port: '80' },
  // @ts-expect-error No such protocol.
  { protocol: 'tpc', address: '10.0.0.1', port: 80 },
  // @ts-expect-error IPVS does not balance other protocols.
  { protocol: 'ip47', address: '10.0.0.1', port: 80 },
  // @ts-expect-error Misspelt.
  { protocol: 'tcp', address: '10.0.0.1', port: 80, schedular: 'rr' },
  // @ts-expect-error Misspelt.
  { protocol: 'tcp', address: '10.0.0.1', port: 80, persistence: { timout: 60 } },
  // @ts-expect-error Misspelt.
  { protocol: 'tcp', address: '10.0.0.1', port: 80, scheduler: 'sh', schedulerFlags: ['sh-prot'] },
];

export const destinations: Destination[] = [
  { address: '10.0.0.2' },
  { address: '10.0.0.2', port: 80, weight: 5, upperThreshold: 100, lowerThreshold: 50 },
  { address: '10.0.0.2', forward: 'nat', port: 8080 },
  { address: '10.0.0.2', forward: 'tun' },
  { address: '10.0.0.2', forward: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'remcsum' } },
  { address: '10.0.0.2', weight: undefined, forward: undefined },
  // @ts-expect-error Needs an address.
  { port: 80 },
  // @ts-expect-error DR has no tunnel.
  { address: '10.0.0.2', forward: 'dr', tunnel: { type: 'ipip' } },
  // @ts-expect-error NAT has no tunnel.
  { address: '10.0.0.2', forward: 'nat', tunnel: IPIP },
  // @ts-expect-error Nor has DR where it is the default.
  { address: '10.0.0.2', tunnel: IPIP },
  // @ts-expect-error No such method.
  { address: '10.0.0.2', forward: 'masq' },
  // @ts-expect-error Misspelt.
  { address: '10.0.0.2', wieght: 5 },
];

export const tunnels: Tunnel[] = [
  { type: 'ipip' },
  { type: 'gue', port: 6080 },
  { type: 'gre', checksum: 'csum' },
  // @ts-expect-error GUE needs a port.
  { type: 'gue' },
  // @ts-expect-error GRE has no port.
  { type: 'gre', port: 6080 },
  // @ts-expect-error IP in IP has no checksum.
  { type: 'ipip', checksum: 'csum' },
  // @ts-expect-error GRE has no remote checksums.
  { type: 'gre', checksum: 'remcsum' },
  // @ts-expect-error No such tunnel.
  { type: 'vxlan' },
];

export const daemons: SyncDaemon[] = [
  { role: 'master', interface: 'eth0' },
  { role: 'backup', interface: 'eth0', syncId: 1, maxLength: 1472, group: '224.0.0.81', port: 8848, ttl: 1 },
  // @ts-expect-error Misspelt.
  { role: 'mastre', interface: 'eth0' },
  // @ts-expect-error Needs an interface.
  { role: 'master' },
  // @ts-expect-error Misspelt.
  { role: 'master', interface: 'eth0', syncid: 1 },
];

export const keys: (ServiceKey | ServiceKeyText)[] = [
  WEB,
  'fwmark://5?family=ipv6',
  'ip47://10.0.0.1:0',
  { protocol: 'tcp', address: '10.0.0.1', port: 80 },
  { protocol: 'ip47', address: '10.0.0.1', port: 0 },
  { protocol: 'fwmark', mark: 5 },
  // @ts-expect-error Not the text of a key.
  '10.0.0.1:80',
  // @ts-expect-error No such protocol.
  'http://10.0.0.1:80',
  // @ts-expect-error A mark has no port.
  { protocol: 'fwmark', mark: 5, port: 80 },
  // @ts-expect-error Needs a port.
  { protocol: 'tcp', address: '10.0.0.1' },
];

/** Names of kernel modules that this library has not heard of are as good as `rr`. */
export const schedulers: Scheduler[] = ['rr', 'my-own-scheduler', String(Math.random())];

/** The verbs. */
export async function verbs(ipvs: Ipvs, entry: ServiceEntry, server: DestinationEntry): Promise<void> {
  const signal = AbortSignal.timeout(1000);
  await ipvs.addService({ protocol: 'tcp', address: '10.0.0.1', port: 80 }, { signal, timeout: 100 });
  await ipvs.addDestination(WEB, { address: '10.0.0.2' }, { signal });
  await ipvs.setTimeouts({ tcp: 900 });
  await ipvs.stopDaemon('master');
  await ipvs.zero();

  // What was listed names itself.
  await ipvs.deleteService(entry.service);
  await ipvs.zero(entry.service);
  await ipvs.deleteDestination(entry.service, server.destination);
  await ipvs.deleteDestination('fwmark://5', server.destination);

  // What was listed can be changed and written back.
  await ipvs.addService(entry.service);
  await ipvs.updateService({ ...entry.service, scheduler: 'wrr' });
  await ipvs.updateService({ ...entry.service, persistence: { netmask: 24 } });
  await ipvs.addDestination(entry.service, server.destination);
  await ipvs.updateDestination(entry.service, { ...server.destination, weight: 0 });
  await ipvs.updateDestination(WEB, { ...server.destination, upperThreshold: 100, lowerThreshold: 50 });
  parseService({ ...entry.service, scheduler: 'wrr' });
  parseDestination(entry.service, { ...server.destination, weight: 0 });

  // @ts-expect-error Misspelt.
  await ipvs.updateService({ ...entry.service, schedular: 'wrr' });
  // @ts-expect-error Not a scheduler's name.
  await ipvs.updateService({ ...entry.service, scheduler: 5 });
  // @ts-expect-error An entry has a service, and is none.
  await ipvs.updateService(entry);
  // @ts-expect-error A mark has no port, whatever else is said.
  await ipvs.addService({ protocol: 'fwmark', mark: 5, scheduler: 'rr', port: 80 });
  // @ts-expect-error TCP has no mark, whatever else is said.
  await ipvs.addService({ protocol: 'tcp', address: '10.0.0.1', port: 80, scheduler: 'rr', mark: 5 });
  // @ts-expect-error Misspelt.
  await ipvs.addService({ protocol: 'tcp', address: '10.0.0.1', port: 80, persistence: { timout: 60 } });
  // @ts-expect-error IPVS does not balance other protocols.
  await ipvs.addService({ protocol: 'ip47', address: '10.0.0.1', port: 80 });
  // @ts-expect-error Misspelt.
  await ipvs.updateDestination(WEB, { ...server.destination, wieght: 0 });
  // @ts-expect-error An entry has a destination, and is none.
  await ipvs.updateDestination(WEB, server);
  // @ts-expect-error DR has no tunnel.
  await ipvs.addDestination(WEB, { address: '10.0.0.2', forward: 'dr', tunnel: IPIP });
  // @ts-expect-error DR has no tunnel, whatever else is said.
  await ipvs.addDestination(WEB, { address: '10.0.0.2', port: 80, weight: 1, forward: 'dr', tunnel: IPIP });
  // @ts-expect-error Nor has DR where it is the default.
  await ipvs.addDestination(WEB, { address: '10.0.0.2', port: 80, weight: 1, tunnel: IPIP });
  // @ts-expect-error No such method.
  await ipvs.addDestination(WEB, { address: '10.0.0.2', port: 80, weight: 1, forward: 'masq' });

  // @ts-expect-error Of what?
  await ipvs.deleteService();
  // @ts-expect-error Of what?
  await ipvs.listDestinations();
  // @ts-expect-error An entry has a name, and is none.
  await ipvs.deleteService(entry);
  // @ts-expect-error A number is no key.
  await ipvs.deleteService(5);
  // @ts-expect-error Which one?
  await ipvs.deleteDestination(WEB);
  // @ts-expect-error Misspelt.
  await ipvs.stopDaemon('mastre');
  // @ts-expect-error Misspelt.
  await ipvs.setTimeouts({ tcpfin: 120 });
  // @ts-expect-error There is something between "no service" and "a service": undefined.
  (await ipvs.getService(WEB)).service;
  // @ts-expect-error What was read can't be changed in place.
  server.destination.weight = 5;
}
