import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { makeDestination } from '../../../src/model/destination.js';
import type { ServiceFields } from '../../../src/model/service.js';
import { makeService } from '../../../src/model/service.js';
import { isProcTableOf, readProcTable } from '../../../src/proc/table.js';
import { cut, damaged, expectNoSurprise, inPieces, whole } from './text.js';

const HEADER = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
`;

/** Read on Linux 6.1 with 100 ticks a second, on a little-endian machine. */
const CAPTURED = `${HEADER}TCP  C0000201:0050 sh  persistent 36000 FFFFFF00
  -> [2001:0db8:0000:0000:0000:0000:0000:0005]:0050      Tunnel  1      0          0         
  -> 0A000002:0050      Route   3      0          0         
FWM  00000007 wlc persistent 5000 40000000
`;

/** The service of the first line below the header. */
async function serviceOf(line: string, ticksPerSecond?: number): Promise<ServiceFields | undefined> {
  return (await readProcTable(whole(`${HEADER}${line}\n`), ticksPerSecond)).services[0]?.service;
}

describe('a whole table', () => {
  test('as the kernel wrote it', async () => {
    expect(await readProcTable(whole(CAPTURED), 100)).toStrictEqual({
      info: { version: '1.2.1', connectionTableSize: 4096 },
      services: [
        {
          service: {
            protocol: 'tcp',
            address: '192.0.2.1',
            port: 80,
            scheduler: 'sh',
            persistence: { timeout: 360, netmask: 24 },
          },
          destinations: [
            {
              destination: { address: '2001:db8::5', port: 80, forward: 'tun', weight: 1 },
              activeConnections: 0,
              inactiveConnections: 0,
            },
            {
              destination: { address: '10.0.0.2', port: 80, forward: 'dr', weight: 3 },
              activeConnections: 0,
              inactiveConnections: 0,
            },
          ],
        },
        {
          service: {
            ...{ protocol: 'fwmark', mark: 7, family: 'ipv6' },
            ...{ scheduler: 'wlc', persistence: { timeout: 50, netmask: 64 } },
          },
          destinations: [],
        },
      ],
    });
  });

  test('that is empty', async () => {
    const info = { version: '1.2.1', connectionTableSize: 4096 };
    expect(await readProcTable(whole(HEADER))).toStrictEqual({ info, services: [] });
  });

  test('with no connections yet, as since Linux 7.1', async () => {
    const { info } = await readProcTable(whole(HEADER.replace('4096', '0')));
    expect(info).toStrictEqual({ version: '1.2.1', connectionTableSize: 0 });
  });

  test('in whatever pieces', async () => {
    const expected = await readProcTable(whole(CAPTURED), 100);
    await fc.assert(
      fc.asyncProperty(cut(CAPTURED), async (pieces) => {
        expect(await readProcTable(inPieces(pieces), 100)).toStrictEqual(expected);
      }),
    );
    expect(await readProcTable(inPieces(CAPTURED), 100)).toStrictEqual(expected);
  });

  test('without the last line feed', async () => {
    const expected = await readProcTable(whole(CAPTURED), 100);
    expect(await readProcTable(whole(CAPTURED.trimEnd()), 100)).toStrictEqual(expected);
  });
});

describe('a service', () => {
  test.each<[string, ServiceFields]>([
    ['TCP  C0000201:0050 wlc ', { protocol: 'tcp', address: '192.0.2.1', port: 80, scheduler: 'wlc' }],
    ['SCTP  FFFFFFFE:FFFF rr ', { protocol: 'sctp', address: '255.255.255.254', port: 65535, scheduler: 'rr' }],
    [
      'UDP  0A000001:0035 sh ops ',
      { protocol: 'udp', address: '10.0.0.1', port: 53, scheduler: 'sh', onePacket: true },
    ],
    [
      'TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:01BB mh ',
      { protocol: 'tcp', address: '2001:db8::1', port: 443, scheduler: 'mh' },
    ],
    ['FWM  FFFFFFFF wrr ', { protocol: 'fwmark', mark: 4294967295, scheduler: 'wrr' }],
    ['FWM  00000008 rr ops ', { protocol: 'fwmark', mark: 8, scheduler: 'rr', onePacket: true }],
    ['IP_47  0A000001:0000 none ', { protocol: 'ip47', address: '10.0.0.1', port: 0, scheduler: 'none' }],
    ['IP  0A000001:0050 rr ', { protocol: 'ip0', address: '10.0.0.1', port: 80, scheduler: 'rr' }],
    ['ICMP  0A000001:0050 rr ', { protocol: 'ip1', address: '10.0.0.1', port: 80, scheduler: 'rr' }],
    ['ICMPv6  0A000001:0050 rr ', { protocol: 'ip58', address: '10.0.0.1', port: 80, scheduler: 'rr' }],
    ['IP_300  0A000001:0050 rr ', { protocol: 'ip300', address: '10.0.0.1', port: 80, scheduler: 'rr' }],
    ['UDP  0A000001:0035 ops ', { protocol: 'udp', address: '10.0.0.1', port: 53, scheduler: 'ops' }],
    ['TCP  0A000001:0050 ops-like ', { protocol: 'tcp', address: '10.0.0.1', port: 80, scheduler: 'ops-like' }],
  ])('%s', async (line, service) => {
    expect(await serviceOf(line, 100)).toStrictEqual(service);
  });

  test.each([
    ['one packet and persistence', 'UDP  0A000001:0035 wlc ops persistent 36000 FFFFFFFF', 360, 32],
    ['a mask', 'TCP  0A000001:0050 wlc persistent 36000 FFFF0000', 360, 16],
    ['the widest mask', 'TCP  0A000001:0050 wlc persistent 36000 00000000', 360, 0],
    ['a mask with a hole', 'TCP  0A000001:0050 wlc persistent 36000 FF00FF00', 360, '255.0.255.0'],
    ['a prefix', 'TCP  [0000:0000:0000:0000:0000:0000:0000:0001]:0050 wlc  persistent 36000 40000000', 360, 64],
    ['prefix 128', 'TCP  [0000:0000:0000:0000:0000:0000:0000:0001]:0050 wlc  persistent 100 80000000', 1, 128],
    ['the mask of an IPv4 mark', 'FWM  00000007 wlc persistent 36000 FFFFFF00', 360, 24],
    ['the prefix of an IPv6 mark', 'FWM  00000007 wlc ops persistent 36000 40000000', 360, 64],
  ])('with persistence: %s', async (_, line, timeout, netmask) => {
    expect((await serviceOf(line, 100))?.persistence).toStrictEqual({ timeout, netmask });
  });

  test.each([
    ['21000000', 'ipv6'],
    ['7F000000', 'ipv6'],
    ['80000000', undefined],
    ['20000000', undefined],
    ['FFFFFF00', undefined],
  ])('with persistence of a mark by %s: its family is %s', async (mask, family) => {
    const service = await serviceOf(`FWM  00000007 wlc persistent 36000 ${mask}`, 100);
    expect(service).toMatchObject({ protocol: 'fwmark', mark: 7 });
    expect(service !== undefined && 'family' in service ? service.family : undefined).toBe(family);
  });

  test.each([
    [100, 36000],
    [250, 90000],
    [1000, 360000],
  ])('with persistence of 360 s, at %d ticks a second', async (ticksPerSecond, ticks) => {
    const service = await serviceOf(`TCP  0A000001:0050 wlc persistent ${ticks} FFFFFFFF`, ticksPerSecond);
    expect(service?.persistence).toStrictEqual({ timeout: 360, netmask: 32 });
  });

  test('with persistence in ticks of unknown length', async () => {
    const service = await serviceOf('TCP  0A000001:0050 wlc persistent 90000 FFFFFFFF');
    expect(service?.persistence).toStrictEqual({ netmask: 32 });
  });

  test('with persistence of 31 days at 1000 ticks a second, which the kernel prints as a negative number', async () => {
    const service = await serviceOf(`TCP  0A000001:0050 wlc persistent ${2678400000 | 0} FFFFFFFF`, 1000);
    expect(service?.persistence?.timeout).toBe(2678400);
  });
});

describe('a destination', () => {
  test.each([
    [
      '  -> 0A000002:1F90      Masq    5      12         34        ',
      { address: '10.0.0.2', port: 8080, forward: 'nat', weight: 5 },
      [12, 34],
    ],
    [
      '  -> 7F000001:0050      Local   0      0          0         ',
      { address: '127.0.0.1', port: 80, forward: 'local', weight: 0 },
      [0, 0],
    ],
    [
      '  -> [fd00:0000:0000:0000:0000:0000:0000:0002]:0050      Tunnel  2147483647 4294967295 4294967295',
      { address: 'fd00::2', port: 80, forward: 'tun', weight: 2147483647 },
      [4294967295, 4294967295],
    ],
    [
      '  -> 0A000002:0000      Route   1      0          0         ',
      { address: '10.0.0.2', port: 0, forward: 'dr', weight: 1 },
      [0, 0],
    ],
  ])('%s', async (line, destination, [activeConnections, inactiveConnections]) => {
    const text = `${HEADER}TCP  0A000001:0050 wlc \n${line}\n`;
    expect((await readProcTable(whole(text))).services[0]?.destinations).toStrictEqual([
      { destination, activeConnections, inactiveConnections },
    ]);
  });
});

describe('is the table of', () => {
  const captured = async () => (await readProcTable(whole(CAPTURED), 100)).services;

  test('what was read from it, whatever the settings and counts and in whatever pieces', async () => {
    const services = (await captured()).map(({ service, destinations }) => ({
      service: makeService(service, { ...service, scheduler: 'other' }),
      destinations: destinations.map((entry) => ({
        ...entry,
        activeConnections: 9,
        destination: makeDestination({ ...entry.destination, weight: 9 }),
      })),
    }));
    expect(await isProcTableOf(services, whole(CAPTURED))).toBe(true);
    await fc.assert(
      fc.asyncProperty(cut(CAPTURED), async (pieces) => {
        expect(await isProcTableOf(services, inPieces(pieces))).toBe(true);
      }),
    );
    expect(await isProcTableOf([], whole(HEADER))).toBe(true);
  });

  test('nothing else', async () => {
    const services = await captured();
    const [web, mark] = services;
    if (web === undefined || mark === undefined) throw new Error('two services');
    const others: (typeof services)[] = [
      [],
      [web],
      [mark],
      [mark, web],
      [web, mark, mark],
      [{ ...web, destinations: web.destinations.slice(1) }, mark],
      [{ ...web, destinations: web.destinations.slice(0, 1) }, mark],
      [{ ...web, destinations: web.destinations.toReversed() }, mark],
      [{ ...web, destinations: [...web.destinations, ...web.destinations] }, mark],
      [web, { ...mark, destinations: web.destinations }],
      [
        { ...web, destinations: [] },
        { ...mark, destinations: web.destinations },
      ],
      [{ ...web, service: makeService({ ...web.service, port: 81 } as ServiceFields, web.service) }, mark],
    ];
    for (const [index, other] of others.entries()) {
      expect(await isProcTableOf(other, whole(CAPTURED)), `case ${index}`).toBe(false);
    }
  });

  test('nothing where a server or its port is another', async () => {
    const services = await captured();
    for (const [from, to] of [
      ['0A000002:0050', '0A000002:0051'],
      ['0A000002:0050', '0A000003:0050'],
      ['0005]:0050', '0006]:0050'],
    ] as const) {
      expect(await isProcTableOf(services, whole(CAPTURED.replace(from, to)))).toBe(false);
    }
  });
});

describe('refuses', () => {
  test.each([
    ['nothing', ''],
    ['an empty line', '\n'],
    ['another file', 'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n'],
    ['a version that is none', 'IP Virtual Server version x (size=4096)\n'],
    ['an empty line below the header', `${HEADER}\n`],
    ['an unknown protocol', `${HEADER}XYZ  0A000001:0050 wlc \n`],
    ['a protocol number that is none', `${HEADER}IP_x  0A000001:0050 wlc \n`],
    ['half an address', `${HEADER}TCP  0A0001:0050 wlc \n`],
    [
      'an address of small letters',
      `${HEADER}TCP  0A000001:0050 wlc \n  -> 0a000002:0050      Masq    1      0          0\n`,
    ],
    [
      'a port of three digits',
      `${HEADER}TCP  0A000001:0050 wlc \n  -> 0A000002:050      Masq    1      0          0\n`,
    ],
    ['an address without a port', `${HEADER}TCP  0A000001:0050 wlc \n  -> 0A000002\n`],
    ['an IPv6 address without its end', `${HEADER}TCP  0A000001:0050 wlc \n  -> [fd00::1\n  -> [fd00::1]:0050`],
    ['a column too many', `${HEADER}TCP  0A000001:0050 wlc \n  -> 0A000002:0050      Masq    1      0          0  1\n`],
    [
      'a number with letters',
      `${HEADER}TCP  0A000001:0050 wlc \n  -> 0A000002:0050      Masq    1x     0          0\n`,
    ],
    ['a service without a port that is no mark', `${HEADER}TCP  0A000001 wlc \n`],
    ['half a port', `${HEADER}TCP  0A000001:50 wlc \n`],
    ['too long a port', `${HEADER}TCP  0A000001:00050 wlc \n`],
    ['half an IPv6 address', `${HEADER}TCP  [2001:0db8]:0050 wlc \n`],
    ['an IPv6 address without its bracket', `${HEADER}TCP  [2001:0db8::0001:0050 wlc \n`],
    ['a line cut off in the persistence', `${HEADER}TCP  0A000001:0050 wlc persistent 36000\n`],
    ['a line cut off in the address', `${HEADER}TCP  0A0000\n`],
    ['an unknown method', `${HEADER}TCP  0A000001:0050 wlc \n  -> 0A000002:0050      Bypass  1      0          0\n`],
    ['a method of every object', `${HEADER}TCP  0A000001:0050 wlc \n  -> 0A000002:0050      toString 1      0     0\n`],
    ['a destination cut off', `${HEADER}TCP  0A000001:0050 wlc \n  -> 0A000002:0050      Masq    1      0\n`],
    ['a destination without a service', `${HEADER}  -> 0A000002:0050      Masq    1      0          0\n`],
  ])('%s', async (_, text) => {
    await expect(readProcTable(whole(text))).rejects.toThrow(ProtocolError);
  });

  test('and shows the line', async () => {
    await expect(serviceOf('what is this')).rejects.toThrow('/proc/net/ip_vs: cannot read the line "what is this"');
  });

  test('damaged text as such, if at all', async () => {
    const read = (text: string) => readProcTable(whole(text), 100);
    await expectNoSurprise(damaged(CAPTURED), read);
    await expectNoSurprise(
      fc.string().map((text) => `${HEADER}${text}`),
      read,
    );
  });
});
