/**
 * The bytes were laid out by the C compiler from linux/ip_vs.h: offsets and sizes are those of offsetof and sizeof on x86-64
 * and arm64.
 */
import { describe, expect, it } from 'vitest';
import {
  destinationsQuery,
  entriesOf,
  lackOf,
  optionCommand,
  readDaemons,
  readDestinationEntry,
  readInfo,
  readServiceEntry,
  readTimeouts,
  serviceQuery,
  servicesQuery,
} from '../../../src/kernel/sockopt-codec.js';
import { type Change, parseChange } from '../../../src/model/change.js';
import { parseServiceKey } from '../../../src/model/service-key.js';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const bytes = (...parts: string[]) => Uint8Array.from(Buffer.from(parts.join('').replaceAll(' ', ''), 'hex'));
const viewOf = (text: Uint8Array) => new DataView(text.buffer, text.byteOffset, text.byteLength);

/** protocol, padding, addr, port, padding, fwmark */
const TCP_80 = '0600 0000 c0000201 0050 0000 00000000'.replaceAll(' ', '');
const MARK_5 = '0600 0000 00000000 0000 0000 05000000'.replaceAll(' ', '');
const WLC = '776c6300 00000000 00000000 00000000'.replaceAll(' ', '');
const KEY = 'tcp://192.0.2.1:80';

function command(change: Change): string {
  const { option, value } = optionCommand(parseChange(change));
  return `${option} ${hex(value)}`;
}

describe('commands by socket options', () => {
  it('add and update a service', () => {
    const service = { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'wlc' } as const;
    expect(command({ verb: 'add-service', service })).toBe(`1154 ${TCP_80}${WLC}${'00'.repeat(8)}ffffffff`);
    const persistence = { timeout: 360, netmask: 24 };
    expect(command({ verb: 'update-service', service: { ...service, persistence } })).toBe(
      `1155 ${TCP_80}${WLC}0100000068010000ffffff00`,
    );
  });

  it('say flags of schedulers and of one packet', () => {
    const service = { protocol: 'udp', address: '192.0.2.1', port: 53, scheduler: 'sh' } as const;
    const { value } = optionCommand(
      parseChange({ verb: 'add-service', service: { ...service, onePacket: true, schedulerFlags: ['sh-port'] } }),
    );
    expect(hex(value.subarray(32, 36))).toBe('14000000');
  });

  it('name a service by a mark, with the protocol TCP as netlink gives it', () => {
    expect(command({ verb: 'delete-service', key: 'fwmark://5' })).toBe(`1156 ${MARK_5}${'00'.repeat(28)}`);
  });

  it.each([
    ['add-destination', 1159],
    ['update-destination', 1161],
  ] as const)('%s with both structs', (verb, option) => {
    const limits = { upperThreshold: 1000, lowerThreshold: 500 };
    const destination = { address: '10.0.0.11', port: 8080, forward: 'nat' as const, weight: 7, ...limits };
    expect(command({ verb, key: KEY, destination })).toBe(
      `${option} ${TCP_80}${'00'.repeat(28)}0a00000b1f9000000000000007000000e8030000f4010000`,
    );
  });

  it('say tunnels and direct routes by their numbers', () => {
    const methods = (['nat', 'tun', 'dr'] as const).map((forward) => {
      const destination = { address: '10.0.0.11', port: 80, forward };
      return optionCommand(parseChange({ verb: 'add-destination', key: KEY, destination })).value[44 + 8];
    });
    expect(methods).toEqual([0, 2, 3]);
  });

  it('delete a destination by its name', () => {
    const destination = { address: '10.0.0.11' };
    expect(command({ verb: 'delete-destination', key: KEY, destination })).toBe(
      `1160 ${TCP_80}${'00'.repeat(28)}0a00000b0050${'00'.repeat(18)}`,
    );
  });

  it('empty the table, and zero all or one', () => {
    expect(command({ verb: 'flush' })).toBe('1157 ');
    expect(command({ verb: 'zero' })).toBe(`1167 ${'00'.repeat(44)}`);
    expect(command({ verb: 'zero', key: KEY })).toBe(`1167 ${TCP_80}${'00'.repeat(28)}`);
  });

  it('set timeouts, 0 for those that stay', () => {
    expect(command({ verb: 'set-timeouts', timeouts: { tcp: 900, udp: 60 } })).toBe('1162 84030000000000003c000000');
  });

  it('start and stop sync daemons', () => {
    const daemon = { role: 'backup', interface: 'eth1', syncId: 7 } as const;
    expect(command({ verb: 'start-daemon', daemon })).toBe(`1163 0200000065746831${'00'.repeat(12)}07000000`);
    expect(command({ verb: 'stop-daemon', role: 'master' })).toBe(`1164 01000000${'00'.repeat(20)}`);
  });
});

describe('what socket options cannot say', () => {
  const v6 = 'tcp://[2001:db8::1]:80';
  const lack = (change: Change) => lackOf(parseChange(change));

  it.each<[string, Change, string]>([
    ['an IPv6 service', { verb: 'delete-service', key: v6 }, 'only IPv4'],
    ['an IPv6 mark', { verb: 'delete-service', key: 'fwmark://5?family=ipv6' }, 'only IPv4'],
    ['to zero an IPv6 service', { verb: 'zero', key: v6 }, 'only IPv4'],
    ['another protocol', { verb: 'delete-service', key: 'ip47://192.0.2.1:80' }, 'changes of tcp, udp and sctp only'],
    [
      'an engine',
      {
        verb: 'add-service',
        service: { protocol: 'udp', address: '192.0.2.1', port: 5060, persistence: {}, persistenceEngine: 'sip' },
      },
      'no persistence engines',
    ],
    [
      'an IPv6 server',
      { verb: 'add-destination', key: KEY, destination: { address: '2001:db8::2', forward: 'tun' } },
      'only IPv4',
    ],
    [
      'a GRE tunnel',
      {
        verb: 'add-destination',
        key: KEY,
        destination: { address: '10.0.0.1', forward: 'tun', tunnel: { type: 'gre' } },
      },
      'only tunnels of the type ipip',
    ],
    [
      'to zero a service without a name',
      { verb: 'zero', key: { protocol: 'tcp', address: '0.0.0.0', port: 0 } },
      'no zeroing of the service 0.0.0.0:0 alone',
    ],
    [
      'a length of sync messages',
      { verb: 'start-daemon', daemon: { role: 'master', interface: 'eth1', maxLength: 1000 } },
      'no maximum length of sync messages',
    ],
    [
      'a multicast port',
      { verb: 'start-daemon', daemon: { role: 'master', interface: 'eth1', port: 9000 } },
      'only the multicast port 8848 of a sync daemon',
    ],
  ])('is %s', (_, change, words) => {
    expect(lack(change)).toBe(words);
  });

  it('is nothing that they can say', () => {
    const defaults = { group: '224.0.0.81', port: 8848, ttl: 1 };
    expect(lack({ verb: 'start-daemon', daemon: { role: 'master', interface: 'eth1', ...defaults } })).toBeUndefined();
    const destination = { address: '10.0.0.1', forward: 'tun', tunnel: { type: 'ipip' } } as const;
    expect(lack({ verb: 'add-destination', key: KEY, destination })).toBeUndefined();
    expect(lack({ verb: 'zero' })).toBeUndefined();
    expect(lack({ verb: 'flush' })).toBeUndefined();
  });
});

/** conns, inpkts, outpkts, padding, inbytes, outbytes, five rates, padding */
const STATS = [
  'ffffffff 02000000 03000000 00000000',
  '0000000001000000 0500000000000000',
  '0a000000 0b000000 0c000000 0d000000 0e000000 00000000',
].join('');
const READ_STATS = {
  ...{ connections: 0xffffffffn, inPackets: 2n, outPackets: 3n, inBytes: 0x100000000n, outBytes: 5n },
  rates: { connections: 10, inPackets: 11, outPackets: 12, inBytes: 13, outBytes: 14 },
  counterBits: 32,
};

describe('answers of socket options', () => {
  it('tell a service', () => {
    const entry = bytes(TCP_80, WLC, '03000000 68010000 ffffff00 02000000', STATS);
    expect(entry.length).toBe(104);
    const { service, stats } = readServiceEntry(viewOf(entry));
    const persistence = { timeout: 360, netmask: 24 };
    expect(service).toEqual({ protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'wlc', persistence });
    expect({ ...stats }).toEqual(READ_STATS);
  });

  it('tell a service of a mark', () => {
    const { service } = readServiceEntry(viewOf(bytes(MARK_5, WLC, '06000000 00000000 ffffffff 00000000', STATS)));
    expect(service).toEqual({ protocol: 'fwmark', mark: 5, family: 'ipv4', scheduler: 'wlc', onePacket: true });
  });

  it('tell a destination; the type of a tunnel is absent', () => {
    const entry = bytes(
      '0a00000b 1f90 0000 02010000 07000000 e8030000 f4010000',
      '03000000 02000000 01000000 00000000',
      STATS,
    );
    expect(entry.length).toBe(96);
    const { destination, stats, ...counts } = readDestinationEntry(viewOf(entry));
    expect(destination).toEqual({
      ...{ address: '10.0.0.11', port: 8080, forward: 'tun', weight: 7 },
      ...{ upperThreshold: 1000, lowerThreshold: 500 },
    });
    expect(counts).toEqual({ activeConnections: 3, inactiveConnections: 2, persistentConnections: 1 });
    expect({ ...stats }).toEqual(READ_STATS);
  });

  it('tell info, timeouts and daemons', () => {
    expect(readInfo(bytes('01020100 00100000 09000000'))).toEqual({ version: '1.2.1', connectionTableSize: 4096 });
    expect(readTimeouts(bytes('84030000 78000000 2c010000'))).toEqual({ tcp: 900, tcpFin: 120, udp: 300 });
    const backup = `02000000 65746831${'00'.repeat(12)} 07000000`;
    expect(readDaemons(bytes('00'.repeat(24), backup))).toEqual([{ role: 'backup', interface: 'eth1', syncId: 7 }]);
    expect(readDaemons(bytes('00'.repeat(48)))).toEqual([]);
  });

  it('end where the kernel wrote no more', () => {
    const answer = new Uint8Array(8 + 3 * 104);
    answer[8] = 6;
    answer[8 + 2 * 104] = 6;
    expect([...entriesOf(answer, 8, 104)]).toHaveLength(1);
    answer[8 + 104 + 103] = 1;
    expect([...entriesOf(answer, 8, 104)]).toHaveLength(3);
  });
});

describe('questions of socket options', () => {
  it('are as long as the kernel wants them, to the byte', () => {
    const key = parseServiceKey(KEY);
    expect(servicesQuery(5).length).toBe(8 + 5 * 104);
    expect(hex(servicesQuery(5).subarray(0, 8))).toBe('0500000000000000');
    const query = destinationsQuery(key, 3);
    expect(query.length).toBe(24 + 3 * 96);
    expect(hex(query.subarray(0, 24))).toBe(`${TCP_80}0300000000000000`);
    expect(serviceQuery(key).length).toBe(104);
  });
});
