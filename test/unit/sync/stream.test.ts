/** What a real master daemon sent, and what becomes of it on a bad way. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { readSyncMessage, type SyncConnection, writeSyncMessage } from '../../../src/sync/message.js';
import { readSyncStreams } from '../../golden/sync.js';

const STREAMS = readSyncStreams();
const DATAGRAMS = STREAMS.flatMap(({ datagrams }) => datagrams);

function connectionsOf(title: string): SyncConnection[] {
  const stream = STREAMS.find((one) => one.title === title);
  return (stream?.datagrams ?? []).flatMap((datagram) => readSyncMessage(datagram).connections);
}

test.each(STREAMS)('$title: read and written again, the datagrams are the same bytes', ({ datagrams }) => {
  expect(datagrams.length).toBeGreaterThan(0);
  for (const datagram of datagrams) {
    expect(Buffer.from(writeSyncMessage(readSyncMessage(datagram))).equals(datagram)).toBe(true);
  }
});

describe('version 1', () => {
  const connections = connectionsOf('version 1');

  test('has connections of both families, and of marks', () => {
    expect(new Set(connections.map(({ family }) => family))).toEqual(new Set(['ipv4', 'ipv6']));
    expect(connections).toContainEqual({
      family: 'ipv6',
      protocol: 6,
      flags: 0x83,
      state: 1,
      client: { address: 'fd00::3', port: 37792 },
      virtual: { address: 'fd00::100', port: 80 },
      destination: { address: 'fd00::12', port: 80 },
      mark: 0,
      timeout: 900,
    });
    // The template of a mark has it as its virtual address.
    expect(connections).toContainEqual({
      family: 'ipv4',
      protocol: 0,
      flags: 0x1183,
      state: 0,
      client: { address: '10.0.0.1', port: 0 },
      virtual: { address: '0.0.0.7', port: 0 },
      destination: { address: '10.0.0.12', port: 0 },
      mark: 7,
      timeout: 300,
    });
  });

  test('has what a persistence engine knows a client by', () => {
    const engine = connections.find((connection) => connection.engine !== undefined)?.engine;
    expect(engine?.name).toBe('sip');
    expect(Buffer.from(engine?.data ?? []).toString()).toBe('f81d4fae-7dec-11d0@client.example');
  });
});

test('version 0 has sequence numbers in the byte order of the machine', () => {
  const shifted = connectionsOf('version 0').find(({ sequence }) => sequence !== undefined);
  expect(shifted?.sequence).toEqual({
    in: { initial: 0x01020304, delta: 2, previousDelta: 1 },
    out: { initial: 0xf1f2f3f4, delta: 0xffffffff, previousDelta: 0 },
  });
});

test('a real datagram that was changed or cut is read, or refused with a ProtocolError', () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 });
  const mutated = fc.tuple(fc.constantFrom(...DATAGRAMS), changes, fc.nat(200)).map(([datagram, places, cut]) => {
    const copy = Uint8Array.from(datagram).slice(0, Math.max(4, datagram.length - cut));
    for (const [at, value] of places) copy[at % copy.length] = value;
    new DataView(copy.buffer).setUint16(2, copy.length);
    return copy;
  });
  let refused = 0;
  const read = (datagram: Uint8Array) => {
    try {
      const message = readSyncMessage(datagram);
      expect(message.connections.length).toBeLessThanOrEqual(255);
    } catch (error) {
      expect(error).toBeInstanceOf(ProtocolError);
      refused += 1;
    }
  };
  fc.assert(fc.property(mutated, read), { numRuns: 1000 });
  expect(refused).toBeGreaterThan(100);
});
