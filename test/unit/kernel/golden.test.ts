import { describe, expect, it } from 'vitest';
import { describeIpvsMessage } from '../../../src/kernel/describe.js';
import {
  IpvsRequests,
  readDaemonMessage,
  readDestinationMessage,
  readInfoMessage,
  readServiceMessage,
  readTimeoutsMessage,
} from '../../../src/kernel/requests.js';
import type { NormalChange } from '../../../src/model/change.js';
import { type Destination, parseDestination } from '../../../src/model/destination.js';
import { parseService, type Service } from '../../../src/model/service.js';
import { parseServiceKey } from '../../../src/model/service-key.js';
import { parseSyncDaemon } from '../../../src/model/sync-daemon.js';
import { AttributeWriter, Bytes } from '../../../src/netlink/attributes.js';
import type { Request } from '../../../src/netlink/connection.js';
import { Connection } from '../../../src/netlink/connection.js';
import { debugTransport } from '../../../src/netlink/debug.js';
import { type Message, NLMSG_MIN_TYPE, readMessages } from '../../../src/netlink/message.js';
import { FakeTransport, receiveOne, split } from '../../fake-kernel.js';
import { CAPTURED_FAMILY, exchange, readGolden } from '../../golden/golden.js';

const requests = new IpvsRequests(CAPTURED_FAMILY);

/** A request without its netlink header. */
function payload(request: Request): string {
  const writer = new AttributeWriter();
  request.write(writer);
  return Buffer.from(writer.written).toString('hex');
}

function captured(title: string): string {
  const [sent] = split(exchange(title).requests[0] ?? new Uint8Array(0));
  return Buffer.from(sent?.payload ?? []).toString('hex');
}

/** What each data message of an exchange says. */
function answers<T>(title: string, read: (message: Message) => T): T[] {
  return exchange(title).answers.flatMap((datagram) =>
    [...readMessages(new Bytes(datagram), datagram.length)].filter(({ type }) => type >= NLMSG_MIN_TYPE).map(read),
  );
}

const web = parseServiceKey('tcp://192.0.2.1:80');
const services: [title: string, service: Service][] = [
  [
    'add service tcp sh -b sh-port -p 360 -M 24',
    {
      protocol: 'tcp',
      address: '192.0.2.1',
      port: 80,
      scheduler: 'sh',
      schedulerFlags: ['sh-port'],
      persistence: { netmask: 24 },
    },
  ],
  [
    'add service udp [2001:db8::1]:5060 wlc -p 30 -M 64 --pe sip -o',
    {
      protocol: 'udp',
      address: '2001:db8::1',
      port: 5060,
      onePacket: true,
      persistence: { timeout: 30, netmask: 64 },
      persistenceEngine: 'sip',
    },
  ],
  [
    'add service fwmark 4294967295 -6',
    {
      protocol: 'fwmark',
      mark: 4294967295,
      family: 'ipv6',
      scheduler: 'mh',
      schedulerFlags: ['mh-fallback', 'mh-port'],
    },
  ],
  ['add service sctp', { protocol: 'sctp', address: '192.0.2.2', port: 7 }],
];
const destinations: [title: string, destination: Destination][] = [
  [
    'add destination nat',
    { address: '10.0.0.2', port: 8080, forward: 'nat', weight: 2147483647, upperThreshold: 10, lowerThreshold: 3 },
  ],
  [
    'add destination gue remcsum of the other family',
    { address: '2001:db8::5', forward: 'tun', tunnel: { type: 'gue', port: 5555, checksum: 'remcsum' } },
  ],
  ['add destination gre csum', { address: '10.0.0.3', forward: 'tun', tunnel: { type: 'gre', checksum: 'csum' } }],
  ['add destination dr quiesced', { address: '10.0.0.4', forward: 'dr', weight: 0 }],
];

describe('the bytes sent are those that a real kernel took', () => {
  it.each(services)('%s', (title, service) => {
    expect(payload(requests.change({ verb: 'add-service', service: parseService(service) }))).toBe(captured(title));
  });

  it.each(destinations)('%s', (title, input) => {
    const change: NormalChange = { verb: 'add-destination', key: web, destination: parseDestination(web, input) };
    expect(payload(requests.change(change))).toBe(captured(title));
  });

  it('queries and settings', () => {
    expect(payload(requests.getServices())).toBe(captured('list services'));
    expect(payload(requests.getService(web))).toBe(captured('get service'));
    expect(payload(requests.getDestinations(web))).toBe(captured('list destinations'));
    expect(payload(requests.getTimeouts())).toBe(captured('timeouts'));
    const timeouts = { tcp: 1000, udp: 77 };
    expect(payload(requests.change({ verb: 'set-timeouts', timeouts }))).toBe(captured('set timeouts'));
    expect(payload(requests.change({ verb: 'flush' }))).toBe(captured('flush'));
    const daemon = parseSyncDaemon({
      role: 'master',
      interface: 'lo',
      syncId: 7,
      maxLength: 1000,
      group: '224.0.0.82',
      port: 8849,
      ttl: 3,
    });
    expect(payload(requests.change({ verb: 'start-daemon', daemon }))).toBe(captured('start sync daemon'));
  });
});

describe('the answers of a real kernel are read', () => {
  it('services', () => {
    const seen = answers('list services', (message) => readServiceMessage(message).service);
    const added = services.map(([, service]) => parseService(service));
    expect(seen).toHaveLength(added.length);
    expect(seen).toEqual(expect.arrayContaining(added));
  });

  it('destinations, newest first', () => {
    const seen = answers('list destinations', (message) => readDestinationMessage(message, 'ipv4').destination);
    expect(seen).toEqual(destinations.map(([, input]) => parseDestination(web, input)).toReversed());
  });

  it('statistics, of nothing yet', () => {
    const [entry] = answers('get service', readServiceMessage);
    expect(entry?.stats).toMatchObject({ connections: 0n, inBytes: 0n, rates: { outBytes: 0 } });
  });

  it('info, timeouts and daemons', () => {
    const [, info] = answers('resolve family IPVS, get info', (message) => message);
    expect(info && readInfoMessage(info)).toEqual({ version: '1.2.1', connectionTableSize: 4096 });
    expect(answers('timeouts', readTimeoutsMessage)).toEqual([{ tcp: 900, tcpFin: 120, udp: 300 }]);
    expect(answers('list sync daemons', readDaemonMessage)).toEqual([
      { role: 'master', interface: 'lo', syncId: 7, maxLength: 1000, group: '224.0.0.82', port: 8849, ttl: 3 },
      { role: 'backup', interface: 'lo', syncId: 0, maxLength: 65487, group: 'ff02::81', port: 8848, ttl: 1 },
    ]);
  });
});

it('every message can be described, both ways', async () => {
  const lines: string[] = [];
  const { requests: sent, answers: received } = exchange('add destination gue remcsum of the other family');
  const transport = debugTransport(new FakeTransport(() => received), describeIpvsMessage, (line) => lines.push(line));
  transport.send(sent[0] ?? new Uint8Array(0));
  receiveOne(transport, new Uint8Array(1000));
  receiveOne(transport, new Uint8Array(1000));
  expect(lines).toEqual([
    'ipvs > #8 flags 0x5 NEW_DEST SERVICE{AF=0200 PROTOCOL=0600 ADDR=c0000201 PORT=0050} DEST{ADDR_FAMILY=0a00 ' +
      'ADDR=20010db8000000000000000000000005 PORT=0050 FWD_METHOD=02000000 WEIGHT=01000000 U_THRESH=00000000 ' +
      'L_THRESH=00000000 TUN_TYPE=01 TUN_PORT=15b3 TUN_FLAGS=0200}',
    'ipvs < #8 flags 0x100 acknowledged',
    'ipvs < EAGAIN',
  ]);
  for (const { requests: all } of readGolden()) {
    for (const datagram of all.slice(1)) {
      for (const message of readMessages(new Bytes(datagram), datagram.length)) describeIpvsMessage(message);
    }
  }
});

it('a connection and its debugging wrapper agree', async () => {
  const lines: string[] = [];
  const { answers: received } = exchange('timeouts');
  const plain = new FakeTransport(({ sequence }) =>
    received.map((datagram) => {
      const copy = datagram.slice();
      new DataView(copy.buffer, copy.byteOffset).setUint32(8, sequence, true);
      return copy;
    }),
  );
  const connection = new Connection(debugTransport(plain, describeIpvsMessage, (line) => lines.push(line)));
  expect(await connection.query(requests.getTimeouts(), readTimeoutsMessage)).toMatchObject({ tcp: 900 });
  expect(lines[0]).toMatch(/GET_CONFIG/);
  expect(lines[1]).toMatch(/SET_CONFIG TIMEOUT_TCP=84030000/);
});
