import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import type { Connection } from '../../../src/model/connection.js';
import { readProcConnections } from '../../../src/proc/connections.js';
import { cut, damaged, expectNoSurprise, inPieces, whole } from './text.js';

const HEADER = 'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n';
const IPV6 = '2001:0db8:0000:0000:0000:0000:0000';

const ROWS: readonly (readonly [string, string, Connection])[] = [
  [
    'TCP over IPv4',
    'TCP 0A000009 A3F1 0A000001 0050 0A000002 1F90 ESTABLISHED     899\n',
    {
      protocol: 'tcp',
      client: { address: '10.0.0.9', port: 41969 },
      virtual: { address: '10.0.0.1', port: 80 },
      destination: { address: '10.0.0.2', port: 8080 },
      state: 'ESTABLISHED',
      expires: 899,
    },
  ],
  [
    'UDP over IPv6',
    `UDP ${IPV6}:0009 FFFF ${IPV6}:0001 0035 ${IPV6}:0002 0035 UDP             300\n`,
    {
      protocol: 'udp',
      client: { address: '2001:db8::9', port: 65535 },
      virtual: { address: '2001:db8::1', port: 53 },
      destination: { address: '2001:db8::2', port: 53 },
      state: 'UDP',
      expires: 300,
    },
  ],
  [
    'a tunnel from IPv4 to IPv6',
    `TCP 0A000009 A3F1 0A000001 0050 ${IPV6}:0002 0050 SYN_RECV         60\n`,
    {
      protocol: 'tcp',
      client: { address: '10.0.0.9', port: 41969 },
      virtual: { address: '10.0.0.1', port: 80 },
      destination: { address: '2001:db8::2', port: 80 },
      state: 'SYN_RECV',
      expires: 60,
    },
  ],
  [
    'a tunnel from IPv6 to IPv4',
    `SCTP ${IPV6}:0009 1000 ${IPV6}:0001 0050 0A000002 0050 COOKIE-WAIT       0\n`,
    {
      protocol: 'sctp',
      client: { address: '2001:db8::9', port: 4096 },
      virtual: { address: '2001:db8::1', port: 80 },
      destination: { address: '10.0.0.2', port: 80 },
      state: 'COOKIE-WAIT',
      expires: 0,
    },
  ],
  [
    'a template',
    'TCP 0A000000 0000 0A000001 0050 0A000002 0050 NONE        4294967295\n',
    {
      protocol: 'tcp',
      client: { address: '10.0.0.0', port: 0 },
      virtual: { address: '10.0.0.1', port: 80 },
      destination: { address: '10.0.0.2', port: 80 },
      state: 'NONE',
      expires: 4294967295,
    },
  ],
  [
    'the template of a mark',
    'IP  0A000009 0000 80000007 0000 0A000002 0000 ASSURED        50\n',
    {
      protocol: 'ip',
      client: { address: '10.0.0.9', port: 0 },
      virtual: { mark: 2147483655 },
      destination: { address: '10.0.0.2', port: 0 },
      state: 'ASSURED',
      expires: 50,
    },
  ],
  [
    'the template of an IPv6 mark',
    `IP  ${IPV6}:0000 0000 0000:0007:0000:0000:0000:0000:0000:0000 0000 ${IPV6}:0002 0000 NONE            50\n`,
    {
      protocol: 'ip',
      client: { address: '2001:db8::', port: 0 },
      virtual: { mark: 7 },
      destination: { address: '2001:db8::2', port: 0 },
      state: 'NONE',
      expires: 50,
    },
  ],
  [
    'a persistence engine',
    'UDP 0A000009 0000 0A000001 13C4 0A000002 13C4 NONE            360 sip 4a8f@10.0.0.9\n',
    {
      protocol: 'udp',
      client: { address: '10.0.0.9', port: 0 },
      virtual: { address: '10.0.0.1', port: 5060 },
      destination: { address: '10.0.0.2', port: 5060 },
      state: 'NONE',
      expires: 360,
      engine: { name: 'sip', data: '4a8f@10.0.0.9' },
    },
  ],
  [
    'a state that the kernel has no name for',
    'TCP 0A000009 A3F1 0A000001 0050 0A000002 0050 ERR!            10\n',
    {
      protocol: 'tcp',
      client: { address: '10.0.0.9', port: 41969 },
      virtual: { address: '10.0.0.1', port: 80 },
      destination: { address: '10.0.0.2', port: 80 },
      state: 'ERR!',
      expires: 10,
    },
  ],
];

const ALL = `${HEADER}${ROWS.map(([, line]) => line).join('')}`;

async function read(pieces: AsyncIterable<string>): Promise<Connection[]> {
  const rows: Connection[] = [];
  for await (const row of readProcConnections(pieces)) rows.push(row);
  return rows;
}

test.each(ROWS)('%s', async (_, line, connection) => {
  expect(await read(whole(`${HEADER}${line}`))).toStrictEqual([connection]);
});

describe('the whole file', () => {
  const expected = ROWS.map(([, , connection]) => connection);

  test('in whatever pieces', async () => {
    await fc.assert(
      fc.asyncProperty(cut(ALL), async (pieces) => {
        expect(await read(inPieces(pieces))).toStrictEqual(expected);
      }),
    );
    expect(await read(inPieces(ALL))).toStrictEqual(expected);
  });

  test('may be empty', async () => {
    expect(await read(whole(HEADER))).toEqual([]);
    expect(await read(whole(''))).toEqual([]);
  });

  test('comes row by row, before its end is there', async () => {
    async function* endless() {
      yield HEADER;
      for (;;) yield 'TCP 0A000009 A3F1 0A000001 0050 0A000002 0050 TIME_WAIT       1\n';
    }
    let rows = 0;
    for await (const { state } of readProcConnections(endless())) {
      expect(state).toBe('TIME_WAIT');
      if (++rows === 1000) break;
    }
    expect(rows).toBe(1000);
  });
});

describe('refuses', () => {
  test.each([
    ['an empty line', '\n'],
    ['a line cut off', 'TCP 0A000009 A3F1 0A000001 0050 0A000002 0050 ESTAB\n'],
    ['no number where the seconds are', 'TCP 0A000009 A3F1 0A000001 0050 0A000002 0050 ESTABLISHED x\n'],
    ['half an address', 'TCP 0A0009 A3F1 0A000001 0050 0A000002 0050 ESTABLISHED 9\n'],
    ['a bad address', 'TCP 0A00000Z A3F1 0A000001 0050 0A000002 0050 ESTABLISHED 9\n'],
    ['half an IPv6 address', 'TCP 2001:0db8 A3F1 0A000001 0050 0A000002 0050 ESTABLISHED 9\n'],
    ['a bad port', 'TCP 0A000009 XXXX 0A000001 0050 0A000002 0050 ESTABLISHED 9\n'],
    ['a port above 65535', 'TCP 0A000009 A3F1 0A000001 10000 0A000002 0050 ESTABLISHED 9\n'],
    ['a bad mark', 'IP  0A000009 0000 0000000Z 0000 0A000002 0000 NONE 50\n'],
    ['half a mark', 'IP  0A000009 0000 0007 0000 0A000002 0000 NONE 50\n'],
    ['another file', 'IP Virtual Server version 1.2.1 (size=4096)\n'],
  ])('%s', async (_, line) => {
    await expect(read(whole(`${HEADER}${line}`))).rejects.toThrow(ProtocolError);
  });

  test('and shows the line', async () => {
    const problem = '/proc/net/ip_vs_conn: cannot read the line "what is this"';
    await expect(read(whole('what is this\n'))).rejects.toThrow(problem);
  });

  test('damaged text as such, if at all', async () => {
    await expectNoSurprise(damaged(ALL), (text) => read(whole(text)));
    await expectNoSurprise(
      fc.string().map((text) => `${HEADER}${text}`),
      (text) => read(whole(text)),
    );
  });
});
