/**
 * What a real master daemon tells its backups, of every kind of connection: read, and written again, it is the same bytes.
 */
import { writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Ipvs } from '../../src/index.js';
import { MulticastSocket } from '../../src/linux/multicast-socket.js';
import { RouteClient } from '../../src/netlink/route/client.js';
import { readSyncMessage, type SyncConnection, writeSyncMessage } from '../../src/sync/message.js';
import { formatSyncStreams, type SyncStream } from '../golden/sync.js';
import type { Host } from '../lab/network.js';
import { ADDRESSES, MARK, TrafficLan } from '../lab/traffic-lan.js';

const GROUP = { address: '224.0.0.81', port: 8848 };
const SYNC_ID = 3;
/** Milliseconds in which a master sends what it has gathered. */
const GATHERED = 2500;
/** How `ip_vs_ftp` of old kernels shifted both directions. */
const SEQUENCE = {
  in: { initial: 0x01020304, delta: 2, previousDelta: 1 },
  out: { initial: 0xf1f2f3f4, delta: 0xffffffff, previousDelta: 0 },
};
const CALL_ID = 'f81d4fae-7dec-11d0@client.example';

/** What a connection in a message is an example of. */
function kindOf({ family, protocol, flags, mark, sequence, engine }: SyncConnection): string {
  const isTemplate = (flags & 0x1000) !== 0;
  const parts = [
    family,
    protocol,
    isTemplate && 'template',
    mark !== 0 && 'mark',
    sequence && 'sequence',
    engine?.name,
  ];
  return parts.filter((part) => part !== undefined && part !== false).join(' ');
}

describe('the stream of a master', () => {
  let lan: TrafficLan;
  const streams: SyncStream[] = [];

  beforeAll(async () => {
    lan = await TrafficLan.create();
    await lan.director.run('modprobe', 'ip_vs_pe_sip');
  });
  afterAll(async () => {
    await lan[Symbol.asyncDispose]();
    const path = process.env['IPVS_SYNC_GOLDEN'];
    if (path !== undefined) writeFileSync(path, formatSyncStreams(release(), streams));
  });

  test.each([
    {
      version: 1,
      kinds: [
        ...['ipv4 0 template mark', 'ipv4 17', 'ipv4 17 mark', 'ipv4 17 template sip', 'ipv4 6', 'ipv4 6 sequence'],
        ...['ipv4 6 template', 'ipv6 17', 'ipv6 6', 'ipv6 6 template'],
      ],
    },
    {
      version: 0,
      kinds: ['ipv4 0 template', 'ipv4 17', 'ipv4 17 template', 'ipv4 6', 'ipv4 6 sequence', 'ipv4 6 template'],
    },
  ])('version $version', async ({ version, kinds }) => {
    await using ipvs = await Ipvs.open({ netns: lan.director.namespacePath });
    await lan.director.sysctl({
      'net.ipv4.vs.sync_version': version,
      // Every packet is told.
      'net.ipv4.vs.sync_threshold': '0 1',
    });
    const backup = await lan.lan.host(`backup${version}`, `10.0.0.${200 + version}/24`);
    const datagrams: Uint8Array[] = [];
    using _ = await listen(backup, (datagram) => datagrams.push(datagram));
    await ipvs.startDaemon({ role: 'master', interface: 'eth0', syncId: SYNC_ID });
    await ipvs.startDaemon({ role: 'backup', interface: 'eth0', syncId: SYNC_ID });
    try {
      await talk(ipvs, lan);
      await shiftSequences(ipvs, lan);
      await sleep(GATHERED);
    } finally {
      await ipvs.stopDaemon('master');
      await ipvs.stopDaemon('backup');
      await ipvs.flush();
    }
    streams.push({ title: `version ${version}`, datagrams });
    const messages = datagrams.map(readSyncMessage);
    expect(messages.map((message) => hex(writeSyncMessage(message)))).toEqual(datagrams.map(hex));
    for (const message of messages) expect(message).toMatchObject({ version, syncId: SYNC_ID });
    const connections = messages.flatMap(({ connections }) => connections);
    expect([...new Set(connections.map(kindOf))].sort()).toEqual(kinds);
    if (version === 0) {
      // In version 1, Linux 6.1 sends what its buffer held before, and takes that for the connection's own.
      expect(connections.find(({ sequence }) => sequence !== undefined)?.sequence).toEqual(SEQUENCE);
    } else {
      const called = connections.find(({ engine }) => engine !== undefined);
      expect(Buffer.from(called?.engine?.data ?? []).toString()).toBe(CALL_ID);
      expect(connections.find(({ mark }) => mark !== 0)?.mark).toBe(MARK);
    }
  });
});

/** A few connections of every kind. */
async function talk(ipvs: Ipvs, { client }: TrafficLan): Promise<void> {
  const persistence = { timeout: 300 };
  const invitation = `INVITE sip:a@b SIP/2.0\r\nCall-ID: ${CALL_ID}\r\n\r\n`;
  for (const family of ['ipv4', 'ipv6'] as const) {
    const { virtual, servers } = ADDRESSES[family];
    const call = async (protocol: 'tcp' | 'udp', port: number, more: Settings, text = 'hello') => {
      const key = { protocol, address: virtual.dr, port };
      await ipvs.addService({ ...key, scheduler: 'rr', ...more });
      for (const address of servers) await ipvs.addDestination(key, { address, port, forward: 'dr' });
      await client.open({ group: `${protocol} ${family} ${port}`, protocol, to: virtual.dr, port, count: 2, text });
    };
    await call('tcp', 80, {});
    await call('udp', 80, {});
    await call('tcp', 81, { persistence });
    if (family === 'ipv4') await call('udp', 85, { persistence, persistenceEngine: 'sip' }, invitation);
  }
  const { virtual, servers } = ADDRESSES.ipv4;
  const mark = { protocol: 'fwmark', mark: MARK } as const;
  await ipvs.addService({ ...mark, scheduler: 'rr', persistence });
  for (const address of servers) await ipvs.addDestination(mark, { address, forward: 'dr' });
  await client.open({ group: 'mark', protocol: 'udp', to: virtual.marked, port: 80, count: 2 });
}

interface Settings {
  readonly persistence?: { readonly timeout: number };
  readonly persistenceEngine?: string;
}

/**
 * Shifts the sequence numbers of the TCP connections to port 80, as a backup is told to, and has them used. No helper of Linux 6.1
 * shifts them in IPVS: ip_vs_ftp leaves it to conntrack.
 */
async function shiftSequences(ipvs: Ipvs, { director, client }: TrafficLan): Promise<void> {
  const { virtual } = ADDRESSES.ipv4;
  const rows = await ipvs.listConnections({ service: { protocol: 'tcp', address: virtual.dr, port: 80 } });
  const connections = rows.map((row): SyncConnection => {
    if ('mark' in row.virtual) throw new Error('a template of a mark has no port');
    const { client, virtual, destination } = row;
    const names = { family: 'ipv4', protocol: 6, client, virtual, destination } as const;
    return { ...names, flags: 0x600 | 3, state: 1, mark: 0, timeout: 600, sequence: SEQUENCE };
  });
  const device = await deviceOf(director);
  using sender = MulticastSocket.toThisHost({ ...GROUP, device, netns: director.namespacePath });
  sender.send(writeSyncMessage({ version: 1, syncId: SYNC_ID, connections }));
  await sleep(100);
  await client.ask('tcp ipv4 80', 'shifted');
}

async function listen(host: Host, onDatagram: (datagram: Uint8Array) => void): Promise<Disposable> {
  const socket = MulticastSocket.member({ ...GROUP, device: await deviceOf(host), netns: host.namespacePath });
  socket.listen((datagram) => onDatagram(datagram.slice()));
  return socket;
}

async function deviceOf(host: Host): Promise<{ name: string; index: number }> {
  await using client = await RouteClient.open({ netns: host.namespacePath });
  const found = (await client.links()).find(({ name }) => name === 'eth0');
  if (found === undefined) throw new Error(`${host.name} has no eth0`);
  return found;
}

function hex(datagram: Uint8Array): string {
  return Buffer.from(datagram).toString('hex');
}
