/**
 * What all rtnetlink messages have in common: the codec of the `netlink` package is strict and knows only Buffers.
 * @module
 */
import { AttrStream } from 'netlink/dist/structs.js';
import { parseIP } from '../../address/ip.js';
import { InvalidArgumentError, ProtocolError } from '../../errors.js';
import type { AttributeWriter } from '../attributes.js';
import type { Request } from '../connection.js';
import type { Message } from '../message.js';

/** The payload in the receive buffer, as the codec takes it. What is kept of it must be copied. */
export function payloadOf({ bytes, start, end }: Message): Buffer {
  return Buffer.from(bytes.array.buffer, bytes.array.byteOffset + start, end - start);
}

/** Reads a payload by one of the codec's parsers, whose every complaint is a {@link ProtocolError}. */
export function parse<T>(what: string, parser: (payload: Buffer) => T, message: Message): T {
  try {
    return parser(payloadOf(message));
  } catch (cause) {
    throw new ProtocolError(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** A request whose payload one of the codec's formatters makes. */
export function request(
  parts: Omit<Request, 'write' | 'object'> & { readonly object?: string },
  format: (out: AttrStream) => void,
): Request {
  const { object, ...rest } = parts;
  return {
    ...rest,
    object: () => object,
    write(writer) {
      const out = new AttrStream();
      format(out);
      writeBytes(writer, Buffer.concat(out.bufs));
    },
  };
}

/** Appends bytes that are whole attributes, and so padded, or will be the last. */
export function writeBytes(writer: AttributeWriter, bytes: Uint8Array): void {
  const start = writer.reserve(bytes.length);
  for (const [index, byte] of bytes.entries()) writer.setU8(start + index, byte);
}

/** The bytes of an address that was passed in. @throws {InvalidArgumentError} */
export function addressBytes(subject: string, path: string, text: string): Buffer {
  const bytes = parseIP(text);
  if (bytes === undefined) {
    throw new InvalidArgumentError(subject, [{ path, message: `"${text}" is not an IPv4 or IPv6 address` }]);
  }
  return Buffer.from(bytes);
}

/** Checks the length of a prefix of an address of so many bytes. @throws {InvalidArgumentError} */
export function checkPrefixLength(subject: string, path: string, length: number, bytes: Uint8Array): void {
  const most = 8 * bytes.length;
  if (Number.isInteger(length) && length >= 0 && length <= most) return;
  throw new InvalidArgumentError(subject, [{ path, message: `${length} is not a whole number from 0 to ${most}` }]);
}
