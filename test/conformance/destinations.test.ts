import { beforeEach, describe, expect, it } from 'vitest';
import { type Destination, Ipvs } from '../../src/index.js';
import type { DestinationUpdate } from '../../src/model/change.js';
import { parseDestination } from '../../src/model/destination.js';
import { directorAsleep, directorWith, rejection, useIpvs } from './fixture.js';

const context = useIpvs();
const key = { protocol: 'tcp', address: '192.0.2.1', port: 80 } as const;

beforeEach(() => context.ipvs.addService({ ...key, scheduler: 'rr' }));

describe('a destination', () => {
  const destinations: Destination[] = [
    { address: '10.0.0.1' },
    { address: '10.0.0.1', forward: 'dr', weight: 0 },
    { address: '10.0.0.1', forward: 'nat', port: 8080, weight: 2147483647 },
    { address: '10.0.0.1', forward: 'tun' },
    { address: '10.0.0.1', forward: 'tun', tunnel: { type: 'ipip' } },
    { address: '10.0.0.1', forward: 'tun', tunnel: { type: 'gue', port: 1 } },
    { address: '10.0.0.1', forward: 'tun', tunnel: { type: 'gue', port: 65535, checksum: 'csum' } },
    { address: '10.0.0.1', forward: 'tun', tunnel: { type: 'gue', port: 5555, checksum: 'remcsum' } },
    { address: '10.0.0.1', forward: 'tun', tunnel: { type: 'gre' } },
    { address: '10.0.0.1', forward: 'tun', tunnel: { type: 'gre', checksum: 'csum' } },
    { address: '2001:db8::1', forward: 'tun' },
    { address: '10.0.0.1', upperThreshold: 100 },
    { address: '10.0.0.1', upperThreshold: 2147483647, lowerThreshold: 2147483647 },
    { address: '127.0.0.1', forward: 'nat' },
  ];

  it.each(destinations)('%o comes back as it was written', async (destination) => {
    await context.ipvs.addDestination(key, destination);
    const [entry, ...more] = await context.ipvs.listDestinations(key);
    expect(more).toEqual([]);
    expect(entry).toMatchObject({ activeConnections: 0, inactiveConnections: 0, persistentConnections: 0 });
    expect(entry?.destination).toEqual(parseDestination(key, destination));
  });

  it('is updated whole, also from one way of forwarding to another', async () => {
    const { ipvs } = context;
    await ipvs.addDestination(key, { address: '10.0.0.1', weight: 9, upperThreshold: 5, lowerThreshold: 2 });
    for (const settings of [
      { forward: 'tun', tunnel: { type: 'gue', port: 7 } } as const,
      { forward: 'tun', tunnel: { type: 'gre', checksum: 'csum' } } as const,
      { forward: 'tun', tunnel: { type: 'ipip' } } as const,
      { forward: 'nat' } as const,
      {},
    ]) {
      const destination: Destination = { address: '10.0.0.1', ...settings };
      await ipvs.updateDestination(key, { forward: 'dr', ...destination } as DestinationUpdate);
      expect((await ipvs.listDestinations(key)).map((entry) => entry.destination)).toEqual([
        parseDestination(key, destination),
      ]);
    }
  });

  it('is deleted, by key or as it was listed', async () => {
    const { ipvs } = context;
    await ipvs.addDestination(key, { address: '10.0.0.1' });
    await ipvs.addDestination(key, { address: '10.0.0.2', forward: 'nat', port: 8080 });
    await ipvs.addDestination(key, { address: '2001:db8::1', forward: 'tun' });
    await ipvs.deleteDestination(key, { address: '10.0.0.1' });
    for (const { destination } of await ipvs.listDestinations(key)) await ipvs.deleteDestination(key, destination);
    expect(await ipvs.listDestinations(key)).toEqual([]);
  });

  it('of a fwmark or all-ports service may leave its port out', async () => {
    const { ipvs } = context;
    await ipvs.addService({ protocol: 'fwmark', mark: 7 });
    await ipvs.addDestination('fwmark://7', { address: '10.0.0.1' });
    await ipvs.addService({ protocol: 'tcp', address: '192.0.2.9', port: 0, persistence: {} });
    await ipvs.addDestination('tcp://192.0.2.9:0', { address: '10.0.0.1' });
    for (const service of ['fwmark://7', 'tcp://192.0.2.9:0'] as const) {
      expect((await ipvs.listDestinations(service)).map(({ destination }) => destination.port)).toEqual([0]);
    }
  });

  it('goes with its service', async () => {
    const { ipvs } = context;
    await ipvs.addDestination(key, { address: '10.0.0.1' });
    await ipvs.deleteService(key);
    await ipvs.addService(key);
    expect(await ipvs.listDestinations(key)).toEqual([]);
  });
});

describe('refusals', () => {
  it('EEXIST, also with another way of forwarding', async () => {
    const { ipvs } = context;
    await ipvs.addDestination(key, { address: '10.0.0.1' });
    expect(await rejection(ipvs.addDestination(key, { address: '10.0.0.1', forward: 'nat' }))).toMatchObject({
      code: 'EEXIST',
      command: 'add destination',
      object: '10.0.0.1:80 of tcp://192.0.2.1:80',
      reason: 'the service has this destination already',
    });
  });

  it('ENOENT for the destination, ESRCH for the service', async () => {
    const { ipvs } = context;
    const nobody = { address: '10.0.0.99', forward: 'dr' } as const;
    for (const call of [ipvs.updateDestination(key, nobody), ipvs.deleteDestination(key, nobody)]) {
      expect(await rejection(call)).toMatchObject({ code: 'ENOENT', reason: /no such destination/ });
    }
    const elsewhere = 'tcp://192.0.2.1:81';
    for (const call of [
      ipvs.addDestination(elsewhere, nobody),
      ipvs.updateDestination(elsewhere, nobody),
      ipvs.deleteDestination(elsewhere, nobody),
    ]) {
      expect(await rejection(call)).toMatchObject({ code: 'ESRCH', reason: /no such service/ });
    }
  });

  it.each([
    ['224.0.0.1', /not unicast/],
    ['255.255.255.255', /not unicast/],
    ['0.0.0.0', /no host's address/],
  ])('EINVAL for %s', async (address, reason) => {
    expect(await rejection(context.ipvs.addDestination(key, { address }))).toMatchObject({ code: 'EINVAL', reason });
  });

  it.each([
    ['ff02::1', /multicast/],
    ['fe80::1', /link-local/],
    ['::', /no address of a host/],
  ])('EINVAL for %s', async (address, reason) => {
    const { ipvs } = context;
    await ipvs.addService({ protocol: 'tcp', address: '2001:db8::1', port: 80 });
    expect(await rejection(ipvs.addDestination('tcp://[2001:db8::1]:80', { address }))).toMatchObject({
      code: 'EINVAL',
      reason,
    });
  });

  it('EINVAL for the broadcast address of a connected network', async () => {
    await using director = await directorWith('10.7.0.1/24');
    await using ipvs = await Ipvs.open({ kernel: director.kernel });
    await ipvs.addService(key);
    expect(await rejection(ipvs.addDestination(key, { address: '10.7.0.255' }))).toMatchObject({
      code: 'EINVAL',
      reason: '10.7.0.255 is the broadcast address of a network of this host',
    });
  });

  it('EINVAL where lo is down', async () => {
    await using director = await directorAsleep();
    await using ipvs = await Ipvs.open({ kernel: director.kernel });
    await ipvs.addService(key);
    expect(await rejection(ipvs.addDestination(key, { address: '10.0.0.1' }))).toMatchObject({
      code: 'EINVAL',
      reason: /no IPv4 address was ever configured in this network namespace/,
      hint: 'ip link set lo up',
    });
  });

  it('EINVAL for another family while a sync daemon runs, and for the daemon while there is one', async () => {
    const { ipvs } = context;
    await ipvs.startDaemon({ role: 'master', interface: 'lo' });
    try {
      expect(await rejection(ipvs.addDestination(key, { address: '2001:db8::1', forward: 'tun' }))).toMatchObject({
        code: 'EINVAL',
        reason: /while a sync daemon runs/,
      });
    } finally {
      await ipvs.stopDaemon('master');
    }
    await ipvs.addDestination(key, { address: '2001:db8::1', forward: 'tun' });
    expect(await rejection(ipvs.startDaemon({ role: 'master', interface: 'lo' }))).toMatchObject({
      code: 'EINVAL',
      reason: /2001:db8::1.*of another family/,
    });
  });

  it('what the kernel would let pass', async () => {
    const { ipvs } = context;
    const wrong: [path: string, Destination][] = [
      ['port', { address: '10.0.0.1', port: 81 }],
      ['port', { address: '10.0.0.1', port: 81, forward: 'tun' }],
      ['address', { address: '010.0.0.1' }],
      ['address', { address: '2001:db8::1' }],
      ['lowerThreshold', { address: '10.0.0.1', upperThreshold: 1, lowerThreshold: 2 }],
    ];
    for (const [path, destination] of wrong) {
      expect(await rejection(ipvs.addDestination(key, destination))).toMatchObject({ issues: [{ path }] });
    }
    expect(await ipvs.listDestinations(key)).toEqual([]);
  });
});
