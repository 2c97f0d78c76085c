import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ConnectionStyle,
  formatConnection,
  formatConnectionTitle,
} from '../../../src/ipvsadm/connection-listing.js';
import type { ReverseNames } from '../../../src/ipvsadm/reverse-names.js';
import type { Connection } from '../../../src/model/connection.js';
import { ipv4Address, ipv6Address } from '../../arbitraries.js';

const NUMERIC: ConnectionStyle = { numeric: true };
const ENGINES: ConnectionStyle = { numeric: true, columns: 'persistent-conn' };

const http: Connection = {
  protocol: 'tcp',
  client: { address: '10.0.0.7', port: 40000 },
  virtual: { address: '10.0.0.1', port: 80 },
  destination: { address: '10.0.0.9', port: 8080 },
  state: 'ESTABLISHED',
  expires: 899,
};
const six: Connection = {
  ...http,
  client: { address: '2001:db8::7', port: 40000 },
  virtual: { address: '2001:db8::1', port: 80 },
};

describe('the title', () => {
  it('names the columns', () => {
    expect(formatConnectionTitle(NUMERIC)).toBe(
      'IPVS connection entries\npro expire state       source             virtual            destination\n',
    );
  });

  it('names those of engines with --persistent-conn', () => {
    expect(formatConnectionTitle(ENGINES)).toBe(
      'IPVS connection entries\n' +
        'pro expire state       source             virtual            destination        pe name          pe_data\n',
    );
  });
});

describe('a connection', () => {
  it.each<[string, Connection]>([
    ['TCP 14:59  ESTABLISHED 10.0.0.7:40000     10.0.0.1:80        10.0.0.9:8080', http],
    [
      'UDP 00:00  UDP         10.0.0.7:40000     10.0.0.1:80        10.0.0.9:8080',
      { ...http, protocol: 'udp', state: 'UDP', expires: 0 },
    ],
    [
      'SCTP 01:01  C-REPLIED   10.0.0.7:40000     10.0.0.1:80        10.0.0.9:8080',
      { ...http, protocol: 'sctp', state: 'C-REPLIED', expires: 61 },
    ],
    [
      'TCP 100:00 NONE        10.0.0.7:0         10.0.0.1:80        10.0.0.9:8080',
      { ...http, client: { address: '10.0.0.7', port: 0 }, state: 'NONE', expires: 6000 },
    ],
    [
      'TCP 44640:00 ERR!        10.0.0.7:40000     10.0.0.1:80        10.0.0.9:8080',
      { ...http, state: 'ERR!', expires: 2678400 },
    ],
    [
      'TCP 14:59  SOMETHING_NEW 10.0.0.7:40000     10.0.0.1:80        10.0.0.9:8080',
      { ...http, state: 'SOMETHING_NEW' },
    ],
    ['TCP 14:59  ESTABLISHED [2001:db8::7]:40000 [2001:db8::1]:80   10.0.0.9:8080', six],
    // ip_vs_proto_name's word for a protocol that it does not know.
    [
      'IP_47 14:59  NONE        10.0.0.7:40000     10.0.0.1:80        10.0.0.9:8080',
      { ...http, protocol: 'ip_47', state: 'NONE' },
    ],
  ])('%s', (line, connection) => {
    expect(formatConnection(connection, NUMERIC)).toBe(`${line}\n`);
  });

  // What Linux 6.1 and ipvsadm 1.31 show of a persistent service of mark 5.
  it('of a mark has it for an address', () => {
    const template: Connection = {
      protocol: 'ip',
      client: { address: '10.9.0.1', port: 0 },
      virtual: { mark: 5 },
      destination: { address: '10.9.0.1', port: 0 },
      state: 'NONE',
      expires: 59,
    };
    expect(formatConnection(template, NUMERIC)).toBe(
      'IP  00:59  NONE        10.9.0.1:0         0.0.0.5:0          10.9.0.1:0\n',
    );
    expect(formatConnection({ ...template, virtual: { mark: 2147483655 } }, NUMERIC)).toContain(' 128.0.0.7:0 ');
    const client = { address: '2001:db8::7', port: 0 };
    expect(formatConnection({ ...template, client }, NUMERIC)).toContain(' [0:5::]:0 ');
    expect(formatConnection({ ...template, client, virtual: { mark: 0x50000 } }, NUMERIC)).toContain(' [5::]:0 ');
  });
});

describe('the data of an engine', () => {
  const sip: Connection = { ...http, protocol: 'udp', state: 'UDP', engine: { name: 'sip', data: 'abc@10.0.0.7' } };

  it('is shown with --persistent-conn, in columns that are not those of the title', () => {
    const line = 'UDP 14:59  UDP         10.0.0.7:40000     10.0.0.1:80        10.0.0.9:8080';
    expect(formatConnection(sip, ENGINES)).toBe(`${line}    sip                abc@10.0.0.7\n`);
    expect(formatConnection(sip, NUMERIC)).toBe(`${line}\n`);
  });

  it('is its first word, without which there is no engine', () => {
    const withData = (data: string) => formatConnection({ ...sip, engine: { name: 'sip', data } }, ENGINES);
    expect(withData('one two')).toMatch(/ sip {16}one\n$/);
    expect(withData('')).toBe(formatConnection(sip, NUMERIC));
    expect(formatConnection(http, ENGINES)).toBe(formatConnection(http, NUMERIC));
  });
});

describe('names', () => {
  const hosts: Record<string, string> = {
    '10.0.0.1': 'www.example.com',
    '0.0.0.5': 'mark5',
    '10.0.0.7': 'z'.repeat(70),
  };
  const names: ReverseNames = {
    host: (address) => hosts[address],
    port: (port, protocol) => (port === 80 && protocol === 'tcp' ? 'http' : undefined),
  };

  it('take the place of numbers, and end at 59 characters', () => {
    expect(formatConnection(http, { numeric: false }, names)).toBe(
      `TCP 14:59  ESTABLISHED ${'z'.repeat(59)} www.example.com:http 10.0.0.9:8080\n`,
    );
    expect(formatConnection(http, NUMERIC, names)).toBe(formatConnection(http, NUMERIC));
    expect(formatConnection(http, { numeric: false })).toBe(formatConnection(http, NUMERIC));
  });

  it('are looked up for marks, too', () => {
    const template: Connection = { ...http, protocol: 'ip', virtual: { mark: 5 } };
    expect(formatConnection(template, { numeric: false }, names)).toContain(' mark5:0 ');
  });
});

it('random connections have six or eight columns, which can be read back', () => {
  const endpoint = fc.record({ address: fc.oneof(ipv4Address, ipv6Address), port: fc.nat(65535) });
  const text = ({ address, port }: { address: string; port: number }) =>
    address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  fc.assert(
    fc.property(
      fc.tuple(endpoint, endpoint, endpoint, fc.nat(2 ** 31 - 1), fc.boolean()),
      ([client, virtual, destination, expires, hasEngine]) => {
        const connection: Connection = {
          ...{ protocol: 'udp', client, virtual, destination, state: 'UDP', expires },
          ...(hasEngine && { engine: { name: 'sip', data: 'id' } }),
        };
        const [protocol, expiry = '', state, ...rest] = formatConnection(connection, ENGINES).trimEnd().split(/ +/);
        expect([protocol, state]).toEqual(['UDP', 'UDP']);
        const [minutes = 0, seconds = 0] = expiry.split(':').map(Number);
        expect(minutes * 60 + seconds).toBe(expires);
        expect(rest).toEqual([text(client), text(virtual), text(destination), ...(hasEngine ? ['sip', 'id'] : [])]);
      },
    ),
  );
});
