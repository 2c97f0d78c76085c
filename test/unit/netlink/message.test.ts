import { describe, expect, it } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';
import { AttributeWriter, Bytes } from '../../../src/netlink/attributes.js';
import { NLMSG_DONE, NLMSG_ERROR, readErrno, readExtendedAck, readMessages } from '../../../src/netlink/message.js';
import { acknowledgement, concat, done, message } from '../../fake-kernel.js';

const CAPPED = 0x100;
const ACK_TLVS = 0x200;

function all(datagram: Uint8Array) {
  return [...readMessages(new Bytes(datagram), datagram.length)];
}

function one(datagram: Uint8Array) {
  const [first] = all(datagram);
  if (first === undefined) throw new Error('no message');
  return first;
}

/** An NLMSG_ERROR as the kernel lays it out: errno, the request's header and, unless capped, its payload; attributes. */
function refusalWith(flags: number, requestPayload: number): Uint8Array {
  const writer = new AttributeWriter();
  writer.setU32(writer.reserve(4), -22 >>> 0);
  const request = writer.reserve(16 + ((flags & CAPPED) === 0 ? requestPayload : 0));
  writer.setU32(request, 16 + requestPayload);
  writer.string(1, 'Attribute failed policy validation');
  writer.u32(2, 20);
  return message(NLMSG_ERROR, 1, writer.written.slice(), flags);
}

describe('splitting', () => {
  it('finds every message, at multiples of four', () => {
    const messages = all(concat(message(20, 1, Uint8Array.of(1)), message(21, 2, new Uint8Array(0)), done(3)));
    expect(messages.map(({ type, sequence, start, end }) => [type, sequence, end - start])).toEqual([
      [20, 1, 4],
      [21, 2, 0],
      [NLMSG_DONE, 3, 4],
    ]);
  });

  it('refuses lengths that cannot be, at every truncation', () => {
    const whole = concat(message(20, 1, new Uint8Array(8)), message(21, 2, new Uint8Array(4)));
    for (let length = 1; length < whole.length; length++) {
      const cut = whole.slice(0, length);
      if (length === 24) expect(all(cut)).toHaveLength(1);
      else expect(() => all(cut)).toThrow(ProtocolError);
    }
  });
});

describe('errors', () => {
  it('have an errno of 0 or below', () => {
    expect(readErrno(one(acknowledgement(1, -17)))).toBe(-17);
    expect(readErrno(one(acknowledgement(1)))).toBe(0);
    expect(readErrno(one(done(1, -12)))).toBe(-12);
    expect(() => readErrno(one(acknowledgement(1, 17)))).toThrow(ProtocolError);
  });

  it('need the errno, which a DONE may leave out', () => {
    expect(() => readErrno(one(message(NLMSG_ERROR, 1, new Uint8Array(0))))).toThrow(ProtocolError);
    expect(readErrno(one(message(NLMSG_DONE, 1, new Uint8Array(0))))).toBe(0);
  });

  it.each([
    ['capped', CAPPED | ACK_TLVS],
    ['with the whole request', ACK_TLVS],
  ])('may carry words and an offset: %s', (_, flags) => {
    const refusal = one(refusalWith(flags, 12));
    expect(readErrno(refusal)).toBe(-22);
    expect(readExtendedAck(refusal)).toEqual({ message: 'Attribute failed policy validation', offset: 20 });
  });

  it('without the flag carry nothing', () => {
    expect(readExtendedAck(one(refusalWith(CAPPED, 12)))).toBeUndefined();
    expect(readExtendedAck(one(acknowledgement(1, -1)))).toBeUndefined();
  });

  it('cut short are refused, not misread', () => {
    const truncated = message(NLMSG_ERROR, 1, new Uint8Array(4), ACK_TLVS);
    expect(() => readExtendedAck(one(truncated))).toThrow(ProtocolError);
  });
});
