import { describe, expect, it } from 'vitest';
import {
  IPVS_DEST_ATTR_ACTIVE_CONNS,
  IPVS_DEST_ATTR_ADDR,
  IPVS_DEST_ATTR_FWD_METHOD,
  IPVS_DEST_ATTR_PORT,
  IPVS_DEST_ATTR_STATS,
  IPVS_DEST_ATTR_STATS64,
  IPVS_DEST_ATTR_WEIGHT,
  IPVS_SVC_ATTR_ADDR,
  IPVS_SVC_ATTR_AF,
  IPVS_SVC_ATTR_FLAGS,
  IPVS_SVC_ATTR_PORT,
  IPVS_SVC_ATTR_PROTOCOL,
  IPVS_SVC_ATTR_SCHED_NAME,
} from '../../../src/kernel/constants.js';
import { readDaemon } from '../../../src/kernel/daemon-codec.js';
import { readDestination } from '../../../src/kernel/destination-codec.js';
import { readService } from '../../../src/kernel/service-codec.js';
import { AttributeReader, AttributeWriter, Bytes } from '../../../src/netlink/attributes.js';

function reader(write: (writer: AttributeWriter) => void): AttributeReader {
  const writer = new AttributeWriter();
  write(writer);
  const bytes = new Bytes(writer.written.slice());
  return new AttributeReader(bytes, 0, bytes.array.length, 'test');
}

const ADDRESS = Uint8Array.of(10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);

/** STATS: 32 bits, but 64 for the bytes. */
function writeStats32(writer: AttributeWriter, base: number): void {
  for (let type = 1; type <= 10; type++) {
    if (type === 4 || type === 5) writer.u64(type, BigInt(base + type));
    else writer.u32(type, base + type);
  }
}

function writeStats64(writer: AttributeWriter, base: bigint): void {
  for (let type = 1; type <= 10; type++) writer.u64(type, base + BigInt(type));
}

describe('what older kernels leave out', () => {
  const destination = (writer: AttributeWriter) => {
    writer.bytes(IPVS_DEST_ATTR_ADDR, ADDRESS);
    writer.be16(IPVS_DEST_ATTR_PORT, 80);
    writer.u32(IPVS_DEST_ATTR_FWD_METHOD, 2);
    writer.u32(IPVS_DEST_ATTR_WEIGHT, 1);
    writer.u32(IPVS_DEST_ATTR_ACTIVE_CONNS, 3);
  };

  it('64-bit statistics (before 4.1): the 32-bit ones serve', () => {
    const entry = readDestination(
      reader((writer) => {
        destination(writer);
        writer.nested(IPVS_DEST_ATTR_STATS, () => writeStats32(writer, 0xfffffff0));
      }),
      'ipv4',
    );
    expect(entry.stats).toMatchObject({
      connections: 0xfffffff1n,
      inBytes: 0xfffffff4n,
      rates: { connections: 0xfffffff6 },
    });
  });

  it("the family of a destination (before 3.18): it is the service's", () => {
    expect(readDestination(reader(destination), 'ipv4').destination.address).toBe('10.0.0.1');
    expect(readDestination(reader(destination), 'ipv6').destination.address).toBe('a00:1::');
  });

  it('tunnel types (before 5.2): all are ipip', () => {
    expect(readDestination(reader(destination), 'ipv4')).toMatchObject({
      destination: { forward: 'tun', tunnel: { type: 'ipip' } },
      activeConnections: 3,
    });
  });

  it('all but role, interface and id of a sync daemon (before 4.3)', () => {
    const daemon = reader((writer) => {
      writer.u32(1, 2);
      writer.string(2, 'eth0');
      writer.u32(3, 9);
    });
    expect(readDaemon(daemon)).toEqual({ role: 'backup', interface: 'eth0', syncId: 9 });
  });
});

it('where a kernel sends both statistics, the 64-bit ones count, in any order', () => {
  const big = 1n << 40n;
  const both = [
    (writer: AttributeWriter) => writer.nested(IPVS_DEST_ATTR_STATS, () => writeStats32(writer, 0)),
    (writer: AttributeWriter) => writer.nested(IPVS_DEST_ATTR_STATS64, () => writeStats64(writer, big)),
  ];
  for (const order of [both, both.toReversed()]) {
    const entry = readDestination(
      reader((writer) => {
        writer.bytes(IPVS_DEST_ATTR_ADDR, ADDRESS);
        for (const write of order) write(writer);
      }),
      'ipv4',
    );
    expect(entry.stats).toMatchObject({
      connections: big + 1n,
      outBytes: big + 5n,
      rates: { inPackets: Number(big) + 7 },
    });
  }
});

it('what newer kernels add is passed over', () => {
  const entry = readService(
    reader((writer) => {
      writer.u32(200, 1);
      writer.u16(IPVS_SVC_ATTR_AF, 2);
      writer.u16(IPVS_SVC_ATTR_PROTOCOL, 6);
      writer.bytes(IPVS_SVC_ATTR_ADDR, ADDRESS);
      writer.be16(IPVS_SVC_ATTR_PORT, 80);
      writer.nested(201, () => writer.u8(1, 1));
      writer.string(IPVS_SVC_ATTR_SCHED_NAME, 'new');
      // A longer struct, with flags that nobody knows yet.
      writer.bytes(IPVS_SVC_ATTR_FLAGS, Uint8Array.of(0x82, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4));
    }),
  );
  expect(entry).toEqual({ service: { protocol: 'tcp', address: '10.0.0.1', port: 80, scheduler: 'new' } });
});
