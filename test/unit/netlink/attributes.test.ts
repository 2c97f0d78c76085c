import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { AttributeReader, AttributeWriter, Bytes } from '../../../src/netlink/attributes.js';

function written(write: (writer: AttributeWriter) => void): Uint8Array {
  const writer = new AttributeWriter();
  write(writer);
  return writer.written.slice();
}

function reader(bytes: ArrayLike<number>): AttributeReader {
  const array = Uint8Array.from(bytes);
  return new AttributeReader(new Bytes(array), 0, array.length, 'test');
}

/** The only attribute in `bytes`, moved to. */
function only(bytes: ArrayLike<number>): AttributeReader {
  const attributes = reader(bytes);
  expect(attributes.next()).toBe(true);
  return attributes;
}

describe('writing', () => {
  it('puts numbers in host order, ports in network order, and pads to four bytes', () => {
    // Little-endian, as every machine this is tested on.
    expect([...written((writer) => writer.u8(1, 0xab))]).toEqual([5, 0, 1, 0, 0xab, 0, 0, 0]);
    expect([...written((writer) => writer.u16(2, 0x1234))]).toEqual([6, 0, 2, 0, 0x34, 0x12, 0, 0]);
    expect([...written((writer) => writer.be16(3, 0x1234))]).toEqual([6, 0, 3, 0, 0x12, 0x34, 0, 0]);
    expect([...written((writer) => writer.u32(4, 0xdeadbeef))]).toEqual([8, 0, 4, 0, 0xef, 0xbe, 0xad, 0xde]);
    expect([...written((writer) => writer.string(5, 'rr'))]).toEqual([7, 0, 5, 0, 0x72, 0x72, 0, 0]);
  });

  it('gives a nest the length of what is in it', () => {
    const bytes = written((writer) => writer.nested(9, () => writer.u32(1, 7)));
    expect([...bytes]).toEqual([12, 0, 9, 0, 8, 0, 1, 0, 7, 0, 0, 0]);
  });

  it('leaves nothing of what was cut off', () => {
    const bytes = written((writer) => {
      writer.u32(1, 0xffffffff);
      writer.truncate(0);
      writer.u8(2, 1);
    });
    expect([...bytes]).toEqual([5, 0, 2, 0, 1, 0, 0, 0]);
  });

  it('grows, and refuses what no length can tell', () => {
    const bytes = written((writer) => {
      for (let i = 0; i < 1000; i++) writer.bytes(1, new Uint8Array(100).fill(i));
    });
    expect(bytes.length).toBe(1000 * 104);
    expect(bytes[999 * 104 + 4]).toBe(999 & 0xff);
    expect(() => written((writer) => writer.bytes(1, new Uint8Array(65532)))).toThrow(ProtocolError);
  });
});

describe('reading', () => {
  it('takes payloads that are longer than needed, and refuses shorter ones', () => {
    expect(only([12, 0, 1, 0, 7, 0, 0, 0, 9, 9, 9, 9]).u32()).toBe(7);
    const short = only([6, 0, 1, 0, 7, 0, 0, 0]);
    for (const read of [() => short.u32(), () => short.u64(), () => short.i32(), () => short.bytes(3)]) {
      expect(read).toThrow(ProtocolError);
    }
    expect(() => only([4, 0, 1, 0]).u8()).toThrow('attribute 1 at offset 0 needs 1 bytes, has 0');
  });

  it('masks the flag bits of a type', () => {
    expect(only([4, 0, 0x07, 0xc0]).type).toBe(7);
  });

  it('refuses lengths that cannot be', () => {
    expect(() => reader([3, 0, 1, 0]).next()).toThrow(ProtocolError);
    expect(() => reader([9, 0, 1, 0, 0, 0, 0, 0]).next()).toThrow('attribute of 9 bytes at offset 0, where 8 are left');
    expect(() => new AttributeReader(new Bytes(new Uint8Array(4)), 0, 5, 'test')).toThrow(ProtocolError);
  });

  it('ignores less than a header at the end', () => {
    const attributes = reader([4, 0, 1, 0, 1, 2, 3]);
    expect(attributes.next()).toBe(true);
    expect(attributes.next()).toBe(false);
  });

  it('ends text at its NUL, or with the payload', () => {
    expect(only([8, 0, 1, 0, 0x72, 0, 0x78, 0]).string()).toBe('r');
    expect(only([6, 0, 1, 0, 0x72, 0x72, 0, 0]).string()).toBe('rr');
    expect(only([4, 0, 1, 0]).string()).toBe('');
  });

  it('takes 32 bits in network order, and 64 bits as a number too', () => {
    expect(only([8, 0, 1, 0, 10, 0, 0, 1]).be32()).toBe(0x0a000001);
    expect(only([12, 0, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0]).u64Number()).toBe(2 ** 33 + 1);
    expect(only([12, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0]).u64Number()).toBe(Number.MAX_SAFE_INTEGER);
    expect(only([12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]).u64()).toBe(0n);
    for (const read of ['be32', 'u64Number'] as const) {
      expect(() => only([6, 0, 1, 0, 7, 0, 0, 0])[read]()).toThrow(ProtocolError);
    }
  });

  it('goes back to where it was', () => {
    const attributes = reader([5, 0, 1, 0, 7, 0, 0, 0, 5, 0, 2, 0, 8, 0, 0, 0]);
    attributes.next();
    const { place } = attributes;
    attributes.next();
    expect([attributes.type, attributes.u8()]).toEqual([2, 8]);
    attributes.back(place);
    expect([attributes.type, attributes.u8()]).toEqual([1, 7]);
    expect([attributes.next(), attributes.type, attributes.next()]).toEqual([true, 2, false]);
  });

  it('gives copies', () => {
    const array = Uint8Array.from([8, 0, 1, 0, 1, 2, 3, 4]);
    const attributes = new AttributeReader(new Bytes(array), 0, 8, 'test');
    attributes.next();
    const copy = attributes.bytes(4);
    array.fill(0);
    expect([...copy]).toEqual([1, 2, 3, 4]);
  });

  it('gives back what was written', () => {
    const u32 = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(u32, fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.uint8Array(), u32, (a, b, c, d) => {
        const attributes = reader(
          written((writer) => {
            writer.u32(1, a);
            writer.u64(2, b);
            writer.bytes(3, c);
            writer.nested(4, () => writer.u32(5, d));
          }),
        );
        const seen: unknown[] = [];
        while (attributes.next()) {
          if (attributes.type === 1) seen.push(attributes.u32());
          if (attributes.type === 2) seen.push(attributes.u64());
          if (attributes.type === 3) seen.push(attributes.payload());
          if (attributes.type === 4) {
            const nest = attributes.nested('nest');
            while (nest.next()) seen.push(nest.u32());
          }
        }
        expect(seen).toEqual([a, b, c, d]);
      }),
    );
  });
});
