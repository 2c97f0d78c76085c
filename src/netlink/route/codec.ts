/**
 * rtnetlink's messages as objects <-> bytes: the codec of the `netlink` package (0.3.0), which only this file knows. The
 * bytes travel over our own socket: the package's sockets end the process when they overrun.
 *
 * The package is loaded with the first message: it installs on Linux alone, and reading plans or files needs none of it.
 * Its reader of routes is not used. It takes an address for one byte in RTA_VIA, and refuses the whole list for it.
 * @module
 */
import { createRequire } from 'node:module';
import type * as rtnetlink from 'netlink/dist/rt/structs.js';
import type * as structs from 'netlink/dist/structs.js';
import { ProtocolError, UnavailableError } from '../../errors.js';
import type { Request } from '../connection.js';
import type { Message } from '../message.js';

type Codec = typeof rtnetlink & Pick<typeof structs, 'AttrStream'>;
type Content = rtnetlink.LinkMessage | rtnetlink.AddressMessage | rtnetlink.RouteMessage | rtnetlink.NeighborMessage;

/** A request without its content. */
export interface RequestParts extends Pick<Request, 'flags' | 'command'> {
  /** RTM_* without that. */
  readonly type: keyof typeof rtnetlink.MessageType;
  readonly object?: string | undefined;
}

/** An attribute that the codec does not know. */
export type PlainAttribute = readonly [type: number, payload: Uint8Array];

let loaded: Codec | undefined;

function codec(): Codec {
  loaded ??= load();
  return loaded;
}

function load(): Codec {
  const require = createRequire(import.meta.url);
  try {
    return { ...require('netlink/dist/rt/structs.js'), AttrStream: require('netlink/dist/structs.js').AttrStream };
  } catch (cause) {
    const message =
      'the package "netlink" could not be loaded, without which devices, addresses and routes are out of reach';
    throw new UnavailableError(`${message}; it is installed with this one on Linux`, { cause });
  }
}

/** The kernel's number of a message type. */
export function messageType(name: RequestParts['type']): number {
  return codec().MessageType[name];
}

/** A request with this content, and attributes after it that the codec does not know. */
export function request(
  { type, object, ...rest }: RequestParts,
  content: Content,
  attributes: readonly PlainAttribute[] = [],
): Request {
  return {
    ...rest,
    type: messageType(type),
    object: () => object,
    write(writer) {
      const stream = new (codec().AttrStream)();
      format(content, stream);
      let offset = writer.reserve(stream.bufs.reduce((length, bytes) => length + bytes.length, 0));
      for (const bytes of stream.bufs) {
        writer.setBytes(offset, bytes);
        offset += bytes.length;
      }
      for (const [attribute, payload] of attributes) writer.bytes(attribute, payload);
    },
  };
}

function format(content: Content, stream: structs.AttrStream): void {
  switch (content.kind) {
    case 'link':
      return codec().formatLinkMessage(content, stream);
    case 'address':
      return codec().formatAddressMessage(content, stream);
    case 'route':
      return codec().formatRouteMessage(content, stream);
    case 'neighbor':
      return codec().formatNeighborMessage(content, stream);
  }
}

/** Reads an answer to GETLINK. What it holds are views of the receive buffer. */
export function parseLink(message: Message): rtnetlink.LinkMessage {
  return parse('link', codec().parseLinkMessage, message);
}

/** Reads an answer to GETADDR. What it holds are views of the receive buffer. */
export function parseAddress(message: Message): rtnetlink.AddressMessage {
  return parse('address', codec().parseAddressMessage, message);
}

/** Reads an answer to GETNEIGH. What it holds are views of the receive buffer. */
export function parseNeighbour(message: Message): rtnetlink.NeighborMessage {
  return parse('neighbour', codec().parseNeighborMessage, message);
}

/** Whatever the codec complains of is a {@link ProtocolError}. */
function parse<T>(what: string, parser: (payload: Buffer) => T, { bytes, start, end }: Message): T {
  try {
    return parser(bufferOf(bytes.array.subarray(start, end)));
  } catch (cause) {
    throw new ProtocolError(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** The same memory, as the codec takes it. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** `NEWADDR`; undefined for a type that has no name. */
export function messageTypeName(type: number): string | undefined {
  return codec().MessageType[type];
}

/** The two sets of numbers that ip(8) has words for. */
type NumberNames = 'RouteType' | 'RouteProtocol';

/** ip(8)'s word for a number of the kernel; where there is none, the number as text. */
export function nameOfNumber(names: NumberNames, number: number): string {
  return codec()[names][number]?.toLowerCase() ?? String(number);
}

/** The reverse of {@link nameOfNumber}. */
export function numberOfName(names: NumberNames, name: string): number {
  const numbers: Readonly<Record<string, string | number>> = codec()[names];
  return Number(numbers[name.toUpperCase()] ?? name);
}
