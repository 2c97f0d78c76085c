import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  connectionsJson,
  connectionsJsonSchema,
  jsonSchemas,
  tableJson,
  tableJsonSchema,
} from '../../../src/json/table.js';
import type { Connection } from '../../../src/model/connection.js';
import { makeDestination } from '../../../src/model/destination.js';
import { makeService } from '../../../src/model/service.js';
import { Stats } from '../../../src/model/stats.js';
import type { Table } from '../../../src/model/table.js';
import { readProcConnections } from '../../../src/proc/connections.js';
import { readProcTable } from '../../../src/proc/table.js';
import { normalTable, tableInput } from '../../arbitraries.js';
import { anyAddress, anyPort } from '../model/random-keys.js';
import { inPieces, whole } from '../proc/text.js';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

test.each(Object.entries(jsonSchemas()))(
  'schema/%s.schema.json is up to date (npm run build:ts && node scripts/schema.mjs)',
  (name, schema) => {
    expect(JSON.parse(read(`schema/${name}.schema.json`))).toEqual(schema);
  },
);

/** What is written satisfies the schema, and the schema knows all of it: what it does not know it leaves out. */
function expectTable(table: Table): void {
  const written: unknown = JSON.parse(tableJson(table));
  expect(tableJsonSchema.parse(written)).toEqual(written);
}

const counter = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const rate = fc.maxSafeNat();
const stats = fc
  .tuple(
    fc.record({ connections: counter, inPackets: counter, outPackets: counter, inBytes: counter, outBytes: counter }),
    fc.record({ connections: rate, inPackets: rate, outPackets: rate, inBytes: rate, outBytes: rate }),
  )
  .map(([counters, rates]) => new Stats(counters, rates));
const connectionCount = fc.integer({ min: 0, max: 0xffffffff });

/** As netlink tells it. */
const table: fc.Arbitrary<Table> = fc
  .tuple(tableInput, stats, connectionCount)
  .map(([inputs, numbers, connections]) => ({
    source: 'netlink',
    services: normalTable(inputs).services.map(({ service, destinations }) => ({
      service,
      stats: numbers,
      destinations: destinations.map((entry) => ({
        ...entry,
        activeConnections: connections,
        inactiveConnections: connections,
        persistentConnections: connections,
        stats: numbers,
      })),
    })),
  }));

describe('list --json', () => {
  test('of random tables', () => {
    fc.assert(fc.property(table, expectTable));
  });

  test('of what only the kernel makes', () => {
    const common = { port: 0, weight: -1, address: '::1' };
    expectTable({
      source: 'netlink',
      services: [
        {
          service: makeService({ protocol: 'ip47', address: '10.0.0.1', port: 0 }, { scheduler: 'none' }),
          destinations: [
            { ...common, forward: 'local' as const },
            { ...common, forward: 'bypass' as const },
            { ...common, forward: 'method7' as const },
            { ...common, forward: 'tun' as const, tunnel: { type: 'type3' as const } },
            { ...common, forward: 'tun' as const },
          ].map((destination) => ({
            destination: makeDestination(destination),
            activeConnections: 0,
            inactiveConnections: 0,
          })),
        },
      ],
    });
  });

  test.each([250, undefined])('of /proc where HZ is %s', async (hz) => {
    const { services } = await readProcTable(
      whole(`IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  C0000201:0050 rr persistent 90001 FF00FF00
  -> 0A000001:0050      Tunnel  1      2          3
FWM  00000005 wlc ops persistent 90000 FFFFFF00
`),
      hz,
    );
    expectTable({ source: 'proc', services });
  });

  test('counters are texts, rates are numbers', () => {
    const counters = { connections: 2n ** 64n - 1n, inPackets: 1n, outPackets: 2n, inBytes: 3n, outBytes: 4n };
    const rates = { connections: 5, inPackets: 6, outPackets: 7, inBytes: 8, outBytes: 9 };
    const text = tableJson({
      source: 'netlink',
      services: [
        {
          service: makeService({ protocol: 'fwmark', mark: 1, family: 'ipv4' }, { scheduler: 'rr' }),
          stats: new Stats(counters, rates),
          destinations: [],
        },
      ],
    });
    expect(text.endsWith('}\n')).toBe(true);
    expect(JSON.parse(text)).toEqual({
      source: 'netlink',
      services: [
        {
          service: makeService({ protocol: 'fwmark', mark: 1, family: 'ipv4' }, { scheduler: 'rr' }),
          stats: {
            connections: '18446744073709551615',
            inPackets: '1',
            outPackets: '2',
            inBytes: '3',
            outBytes: '4',
            rates,
          },
          destinations: [],
        },
      ],
    });
  });
});

const endpoint = fc.record({ address: anyAddress, port: anyPort });
const connection: fc.Arbitrary<Connection> = fc
  .record({
    protocol: fc.constantFrom('tcp', 'udp', 'sctp', 'ip'),
    client: endpoint,
    virtual: fc.oneof(endpoint, fc.record({ mark: fc.integer({ min: 1, max: 0xffffffff }) })),
    destination: endpoint,
    state: fc.constantFrom('ESTABLISHED', 'NONE', 'ERR!'),
    expires: fc.nat(),
    engine: fc.option(fc.record({ name: fc.string(), data: fc.string({ unit: 'binary' }) }), { nil: undefined }),
  })
  .map(({ engine, ...rest }) => ({ ...rest, ...(engine && { engine }) }));

async function* each<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}

async function written(rows: AsyncIterable<Connection>): Promise<string> {
  let text = '';
  for await (const piece of connectionsJson(rows)) text += piece;
  return text;
}

describe('connections --json', () => {
  test('of random connections: one array, a line for each', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(connection), async (rows) => {
        const text = await written(each(rows));
        const value: unknown = JSON.parse(text);
        expect(value).toEqual(JSON.parse(JSON.stringify(rows)));
        expect(connectionsJsonSchema.parse(value)).toEqual(value);
        expect(text.split('\n').length).toBe(rows.length === 0 ? 2 : rows.length + 3);
      }),
    );
  });

  test('of /proc', async () => {
    const rows = readProcConnections(
      inPieces([
        'Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n',
        'TCP 0A080002 C350 0A080064 0050 0A08000B 0050 ESTABLISHED     899\n',
        'IP  0A080000 0000 00000005 0000 0A08000B 0000 NONE            300\n',
        'UDP 0A080002 0000 0A080064 13C4 0A08000B 13C4 UDP              60 sip abc@10.8.0.2\n',
      ]),
    );
    const value: unknown = JSON.parse(await written(rows));
    expect(connectionsJsonSchema.parse(value)).toEqual(value);
    expect(value).toMatchObject([
      { state: 'ESTABLISHED', expires: 899 },
      { virtual: { mark: 5 } },
      { engine: { name: 'sip' } },
    ]);
  });
});

describe('docs/json.md', () => {
  const text = read('docs/json.md');

  /** Every field anywhere in a schema. */
  function fieldsOf(schema: unknown): string[] {
    if (typeof schema !== 'object' || schema === null) return [];
    const own = 'properties' in schema ? Object.keys(schema.properties as object) : [];
    return [...own, ...Object.values(schema).flatMap(fieldsOf)];
  }

  test.each([...new Set(fieldsOf(jsonSchemas()))])('tells of %s', (field) => {
    expect(text).toMatch(new RegExp(`[\`.]${field}\``));
  });
});
