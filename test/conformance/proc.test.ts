import { describe, expect, it } from 'vitest';
import type { Table } from '../../src/index.js';
import { rejection, useIpvs } from './fixture.js';

const context = useIpvs();

/** What /proc/net/ip_vs knows of a table that netlink told. */
function asProcTells({ services }: Table): unknown {
  return services.map(({ service, destinations }) => {
    const { schedulerFlags, persistenceEngine, onePacket, ...known } = service;
    const { family, ...key } = { family: undefined, ...known };
    // A prefix from 33 on says that a mark's family is IPv6.
    const isFamilyKnown = service.protocol !== 'fwmark' || service.persistence?.netmask === 96;
    const isIPv6 = 'address' in service && service.address.includes(':');
    return {
      service: { ...(isFamilyKnown ? known : key), ...(onePacket && !isIPv6 && { onePacket }) },
      destinations: destinations.map(({ destination, activeConnections, inactiveConnections }) => {
        const { tunnel, upperThreshold, lowerThreshold, ...rest } = destination;
        return { destination: rest, activeConnections, inactiveConnections };
      }),
    };
  });
}

async function fill(): Promise<void> {
  const { ipvs } = context;
  await ipvs.addService({ protocol: 'tcp', address: '192.0.2.1', port: 80, persistence: { timeout: 77, netmask: 24 } });
  await ipvs.addDestination('tcp://192.0.2.1:80', { address: '10.0.0.1', weight: 2147483647, upperThreshold: 5 });
  await ipvs.addDestination('tcp://192.0.2.1:80', { address: '10.0.0.2', forward: 'nat', port: 8080 });
  await ipvs.addDestination('tcp://192.0.2.1:80', { address: '2001:db8::7', forward: 'tun', tunnel: { type: 'gre' } });
  await ipvs.addService({ protocol: 'udp', address: '192.0.2.1', port: 53, onePacket: true, scheduler: 'rr' });
  await ipvs.addService({
    protocol: 'udp',
    address: '2001:db8::1',
    port: 5060,
    onePacket: true,
    persistence: { timeout: 2678400, netmask: 64 },
    persistenceEngine: 'sip',
  });
  await ipvs.addService({ protocol: 'sctp', address: '192.0.2.3', port: 9, persistence: { netmask: '255.0.255.0' } });
  await ipvs.addService({ protocol: 'fwmark', mark: 7, scheduler: 'sh', schedulerFlags: ['sh-port'] });
  await ipvs.addDestination('fwmark://7', { address: '10.0.0.9', weight: 0 });
  await ipvs.addService({ protocol: 'fwmark', mark: 4294967295, family: 'ipv6', persistence: { netmask: 96 } });
}

describe('without netlink', () => {
  it('the table is what netlink tells, as far as /proc knows it', async () => {
    await fill();
    await using proc = await context.open({ source: 'proc' });
    const table = await proc.snapshot();
    expect(table.source).toBe('proc');
    expect(table.services).toEqual(asProcTells(await context.ipvs.snapshot()));
    expect((await proc.listServices()).map(({ service }) => service)).toEqual(
      table.services.map(({ service }) => service),
    );
    expect(await proc.listDestinations('tcp://192.0.2.1:80')).toEqual(
      table.services.find(({ service }) => 'port' in service && service.port === 80)?.destinations,
    );
    expect(await proc.getService('fwmark://4294967295?family=ipv6')).toMatchObject({
      service: { mark: 4294967295, persistence: { timeout: 360, netmask: 96 } },
    });
    expect(await proc.getService('tcp://192.0.2.99:80')).toBeUndefined();
    expect(await proc.listDestinations('tcp://192.0.2.99:80')).toEqual([]);
    expect(await proc.info()).toEqual(await context.ipvs.info());
    expect((await proc.totals()).inPackets).toBeTypeOf('bigint');
    expect(await proc.listConnections()).toEqual(await context.ipvs.listConnections());
  });

  it('two services of one mark cannot be told apart, and it says so', async () => {
    const { ipvs } = context;
    await ipvs.addService({ protocol: 'fwmark', mark: 7 });
    await ipvs.addService({ protocol: 'fwmark', mark: 7, family: 'ipv6' });
    await using proc = await context.open({ source: 'proc' });
    expect(await rejection(proc.listDestinations('fwmark://7'))).toMatchObject({ code: 'ERR_UNAVAILABLE' });
  });

  it('nothing can be changed, saved or asked that /proc does not know', async () => {
    await using proc = await context.open({ source: 'proc' });
    for (const call of [
      proc.flush(),
      proc.addService({ protocol: 'tcp', address: '192.0.2.1', port: 80 }),
      proc.save(),
      proc.restore(''),
      proc.timeouts(),
      proc.daemons(),
    ]) {
      expect(await rejection(call)).toMatchObject({ code: 'ERR_UNAVAILABLE', message: /only for reading/ });
    }
  });
});

it('a file is read whole by a reader who takes his time, who has the rest read in another thread', async () => {
  const { ipvs, kernel } = context;
  await ipvs.restore(Array.from({ length: 500 }, (_, n) => `-A -t 192.0.2.1:${n + 1}`).join('\n'));
  expect(await textOf(kernel.proc('ip_vs'), 8)).toBe(await textOf(kernel.proc('ip_vs'), 0));
});

/** Spends so many milliseconds on each piece. */
async function textOf(pieces: AsyncIterable<string>, milliseconds: number): Promise<string> {
  let text = '';
  for await (const piece of pieces) {
    const start = performance.now();
    while (performance.now() - start < milliseconds);
    text += piece;
  }
  return text;
}
