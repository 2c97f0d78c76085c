import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatIP } from '../../../src/address/ip.js';
import { ProtocolError } from '../../../src/errors.js';
import {
  readSyncMessage,
  type SyncConnection,
  type SyncMessage,
  syncConnectionSize,
  writeSyncMessage,
} from '../../../src/sync/message.js';

const CONNECTION: SyncConnection = {
  family: 'ipv4',
  protocol: 6,
  flags: 0x103,
  state: 1,
  client: { address: '10.0.0.1', port: 41230 },
  virtual: { address: '10.0.0.100', port: 80 },
  destination: { address: '10.0.0.3', port: 8080 },
  mark: 7,
  timeout: 900,
};

/** As the structs of ip_vs_sync.c lay it out. */
const VERSION_1 = [
  '00 05 002c 01 01 0000', // reserved, sync id, size, connections, version, spare
  '00 06 0024 00000103 0001 a10e 0050 1f90 00000007 00000384',
  '0a000001 0a000064 0a000003',
];
const VERSION_0 = ['01 05 001c', '00 06 a10e 0050 1f90 0a000001 0a000064 0a000003 0103 0001'];

function bytes(...lines: string[]): Uint8Array {
  return Uint8Array.from(Buffer.from(lines.join('').replaceAll(' ', ''), 'hex'));
}

describe('a message of version 1', () => {
  const message: SyncMessage = { version: 1, syncId: 5, connections: [CONNECTION] };

  test('is written as the kernel writes it', () => {
    expect(Buffer.from(writeSyncMessage(message)).toString('hex')).toBe(
      Buffer.from(bytes(...VERSION_1)).toString('hex'),
    );
  });

  test('is read', () => {
    expect(readSyncMessage(bytes(...VERSION_1))).toEqual(message);
  });

  test('has options behind the addresses, and the next connection at a multiple of four', () => {
    const shift = { initial: 1, delta: 2, previousDelta: 0xffffffff };
    const first: SyncConnection = {
      ...CONNECTION,
      sequence: { in: shift, out: { ...shift, delta: 3 } },
      engine: { name: 'sip', data: Uint8Array.of(1, 2, 3) },
    };
    const written = writeSyncMessage({ version: 1, syncId: 0, connections: [first, CONNECTION] });
    expect(syncConnectionSize(first)).toBe(36 + 26 + 5 + 5);
    expect(Buffer.from(written.subarray(8 + 36, 8 + 72)).toString('hex')).toBe(
      `0118${'00000001'}${'00000002'}${'ffffffff'}${'00000001'}${'00000003'}${'ffffffff'}0203010203${'0303'}${'736970'}`,
    );
    expect(readSyncMessage(written).connections).toEqual([first, CONNECTION]);
  });

  test.each([
    ['an empty datagram', ''],
    ['a header that is cut off', '0005'],
    ['a size that is not the datagram’s', '0005002d01010000'],
    ['a connection that is cut off', '0005001001010000 0006002400000103'],
    ['a connection of another version', `0005002c01010000 00061024${VERSION_1[1]?.slice(11)}${VERSION_1[2]}`],
    ['a type that is not known', `0005002c01010000 02060024${VERSION_1[1]?.slice(11)}${VERSION_1[2]}`],
    ['an option without a length', `0005002e01010000 00060026${VERSION_1[1]?.slice(11)}${VERSION_1[2]}0100`],
    ['an option that must be known', `0005002f01010000 00060027${VERSION_1[1]?.slice(11)}${VERSION_1[2]}090101`],
    ['data of an engine without its name', `0005002f01010000 00060027${VERSION_1[1]?.slice(11)}${VERSION_1[2]}020101`],
  ])('is refused for %s', (_, hex) => {
    expect(() => readSyncMessage(bytes(hex))).toThrow(ProtocolError);
  });

  test('may have options that need not be known', () => {
    const hex = `0005002f01010000 00060027${VERSION_1[1]?.slice(11)}${VERSION_1[2]}490101`;
    expect(readSyncMessage(bytes(hex))).toEqual(message);
  });
});

describe('a message of version 0', () => {
  const message: SyncMessage = { version: 0, syncId: 5, connections: [{ ...CONNECTION, mark: 0, timeout: 0 }] };

  test('is written and read', () => {
    expect(Buffer.from(writeSyncMessage(message)).toString('hex')).toBe(
      Buffer.from(bytes(...VERSION_0)).toString('hex'),
    );
    expect(readSyncMessage(bytes(...VERSION_0))).toEqual(message);
  });
});

const word = fc.integer({ min: 0, max: 0xffffffff });
const port = fc.integer({ min: 0, max: 0xffff });
const shift = fc.record({ initial: word, delta: word, previousDelta: word });

function connection(version: 0 | 1): fc.Arbitrary<SyncConnection> {
  return fc
    .constantFrom<SyncConnection['family'][]>('ipv4', version === 0 ? 'ipv4' : 'ipv6')
    .chain<SyncConnection>((family) => {
      const length = family === 'ipv4' ? 4 : 16;
      const address = fc.uint8Array({ minLength: length, maxLength: length }).map(formatIP);
      const endpoint = fc.record({ address, port });
      const plain = {
        family: fc.constant(family),
        protocol: fc.nat(255),
        state: port,
        client: endpoint,
        virtual: endpoint,
      };
      const sequence = fc.record({ in: shift, out: shift });
      if (version === 0) {
        const rest = { destination: endpoint, mark: fc.constant(0), timeout: fc.constant(0) };
        return fc.oneof(
          fc.record({ ...plain, ...rest, flags: port.map((flags) => flags & ~0x600) }),
          fc.record({ ...plain, ...rest, flags: port.map((flags) => flags | 0x200), sequence }),
        );
      }
      const engine = fc.record({
        name: fc.stringMatching(/^[a-z]{1,16}$/),
        data: fc.uint8Array({ minLength: 1, maxLength: 255 }),
      });
      return fc.record(
        { ...plain, destination: endpoint, flags: word, mark: word, timeout: word, sequence, engine },
        {
          requiredKeys: ['family', 'protocol', 'state', 'client', 'virtual', 'destination', 'flags', 'mark', 'timeout'],
        },
      );
    });
}

const message = fc.constantFrom<(0 | 1)[]>(0, 1).chain((version) =>
  fc.record({
    version: fc.constant(version),
    syncId: fc.nat(255),
    // One of version 0 without connections looks like nothing at all.
    connections: fc.array(connection(version), { minLength: 1, maxLength: 8 }),
  }),
);

test('what is written reads as it was', () => {
  const comesBack = (one: SyncMessage) => {
    expect(readSyncMessage(writeSyncMessage(one))).toEqual(one);
  };
  fc.assert(fc.property(message, comesBack));
});

test('any datagram is read or refused with a ProtocolError', () => {
  const mutated = fc
    .tuple(message.map(writeSyncMessage), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat(8))
    .map(([datagram, changes, cut]) => {
      const copy = datagram.slice(0, datagram.length - cut);
      for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
      if (copy.length > 4) new DataView(copy.buffer).setUint16(2, copy.length);
      return copy;
    });
  let refused = 0;
  const read = (datagram: Uint8Array) => {
    try {
      readSyncMessage(datagram);
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolError);
      refused += 1;
    }
  };
  fc.assert(fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), read), { numRuns: 500 });
  expect(refused).toBeGreaterThan(50);
});
