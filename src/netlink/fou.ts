/**
 * FOU ports, by the generic netlink family `fou`: UDP ports of the kernel that unwrap what comes to them, which it then takes for
 * a packet of the wrapped protocol.
 * @module
 */
import type { Family } from '../address/ip.js';
import { ProtocolError, UnavailableError } from '../errors.js';
import type { NamespaceOptions } from '../linux/namespace.js';
import { NETLINK_GENERIC } from '../linux/native.js';
import type { CallOptions } from '../model/call-options.js';
import type { AttributeWriter } from './attributes.js';
import { Connection, type Request } from './connection.js';
import { debugTransport } from './debug.js';
import { observed } from './diagnostics.js';
import { readGeneric, resolveFamily, writeGenericHeader } from './generic.js';
import type { Message } from './message.js';
import { openNetlinkSocket } from './socket.js';
import type { Transport } from './transport.js';

/** A FOU port of a namespace. */
export interface FouPort {
  /** UDP port, 1 to 65535. */
  readonly port: number;
  /** Of the packets that come to it; each family has its own ports. */
  readonly family: Family;
  /** `gue` unwraps GUE, `direct` packets of one protocol without a header of their own; else the kernel's number: `type3`. */
  readonly type: 'direct' | 'gue' | `type${number}`;
  /** Whether it takes packets of some senders, to some address or by some device alone. */
  readonly bound: boolean;
}

/** linux/fou.h */
const FOU_GENL_NAME = 'fou';
const FOU_GENL_VERSION = 1;
const FOU_CMD_ADD = 1;
const FOU_CMD_DEL = 2;
const FOU_CMD_GET = 3;
const FOU_ATTR_PORT = 1;
const FOU_ATTR_AF = 2;
const FOU_ATTR_TYPE = 4;
/** LOCAL_V4, LOCAL_V6, PEER_V4, PEER_V6, PEER_PORT, IFINDEX: all zero where a port takes packets from anyone. */
const FOU_ATTR_LOCAL_V4 = 6;
const FOU_ATTR_IFINDEX = 11;
const FOU_ENCAP_GUE = 2;
const TYPES: readonly (FouPort['type'] | undefined)[] = [undefined, 'direct', 'gue'];

/** linux/socket.h */
const FAMILY_NUMBERS: Readonly<Record<Family, number>> = { ipv4: 2, ipv6: 10 };

/** The FOU ports of a namespace. Reading needs no rights, changing needs CAP_NET_ADMIN. */
export class FouClient implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #family: number;

  private constructor(connection: Connection, family: number) {
    this.#connection = connection;
    this.#family = family;
  }

  /**
   * Undefined where the kernel has no FOU: its module has no alias by which asking would load it (6.1).
   * @throws {UnavailableError} without the addon, or if the namespace can't be entered.
   */
  static async open({ netns }: NamespaceOptions = {}): Promise<FouClient | undefined> {
    return FouClient.over(openNetlinkSocket(NETLINK_GENERIC, netns));
  }

  /** On a transport that is there: a double's, in tests. */
  static async over(transport: Transport): Promise<FouClient | undefined> {
    const debug = process.env['IPVS_DEBUG'] === '1';
    const seen = observed(transport, 'generic');
    const connection = new Connection(debug ? debugTransport(seen, describeMessage) : seen);
    try {
      const family = await resolveFamily(connection, FOU_GENL_NAME);
      if (family !== undefined) return new FouClient(connection, family);
    } catch (error) {
      connection.close();
      throw error;
    }
    connection.close();
    return undefined;
  }

  /** All ports of both families. */
  async ports(options?: CallOptions): Promise<FouPort[]> {
    const ports: FouPort[] = [];
    const request = this.#request(FOU_CMD_GET, 'list FOU ports');
    await this.#connection.dump(request, (message) => ports.push(readPort(message)), options);
    return ports;
  }

  /** Opens a port that unwraps GUE, whoever sent it. `EADDRINUSE` if the host uses that UDP port already. */
  async addGue(port: number, family: Family, options?: CallOptions): Promise<void> {
    await this.#connection.execute(this.#request(FOU_CMD_ADD, 'add FOU port', { port, family }), options);
  }

  /** Closes a port that takes packets from anyone. `EINVAL` if there is none. */
  async delete(port: number, family: Family, options?: CallOptions): Promise<void> {
    await this.#connection.execute(this.#request(FOU_CMD_DEL, 'delete FOU port', { port, family }), options);
  }

  /** Ends every pending call with `ClosedError`. Idempotent. */
  close(): void {
    this.#connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #request(number: number, command: string, port?: Pick<FouPort, 'port' | 'family'>): Request {
    return {
      type: this.#family,
      command,
      object: () => port && formatFouPort(port),
      write(writer: AttributeWriter) {
        writeGenericHeader(writer, number, FOU_GENL_VERSION);
        if (port === undefined) return;
        writer.be16(FOU_ATTR_PORT, port.port);
        writer.u8(FOU_ATTR_AF, FAMILY_NUMBERS[port.family]);
        writer.u8(FOU_ATTR_TYPE, FOU_ENCAP_GUE);
      },
    };
  }
}

/** `6080 (IPv4)` */
export function formatFouPort({ port, family }: Pick<FouPort, 'port' | 'family'>): string {
  return `${port} (${family === 'ipv4' ? 'IPv4' : 'IPv6'})`;
}

/** {@link FouClient.open} where there must be one. @throws {UnavailableError} also where the kernel has no FOU. */
export async function needFou(options: NamespaceOptions): Promise<FouClient> {
  const client = await FouClient.open(options);
  if (client === undefined) throw new UnavailableError(NO_FOU);
  return client;
}

/** What is said where the module is not loaded. */
const NO_FOU = 'this kernel has no FOU ports: the module fou is not loaded; try "modprobe fou"';

function readPort(message: Message): FouPort {
  const { attributes } = readGeneric(message, 'FOU port');
  let port: number | undefined;
  let family = FAMILY_NUMBERS.ipv4;
  let type = 0;
  let bound = false;
  while (attributes.next()) {
    if (attributes.type === FOU_ATTR_PORT) port = attributes.be16();
    else if (attributes.type === FOU_ATTR_AF) family = attributes.u8();
    else if (attributes.type === FOU_ATTR_TYPE) type = attributes.u8();
    else if (attributes.type >= FOU_ATTR_LOCAL_V4 && attributes.type <= FOU_ATTR_IFINDEX) {
      bound ||= attributes.payload().some((byte) => byte !== 0);
    }
  }
  if (port === undefined) throw new ProtocolError('FOU port: no FOU_ATTR_PORT');
  return {
    port,
    family: family === FAMILY_NUMBERS.ipv6 ? 'ipv6' : 'ipv4',
    type: TYPES[type] ?? `type${type}`,
    bound,
  };
}

/** `fou command 1, 24 bytes: 0101...` */
function describeMessage({ bytes, start, end }: Message): string {
  const payload = Buffer.from(bytes.array.subarray(start, end));
  return `fou command ${payload[0]}, ${payload.length} bytes: ${payload.toString('hex')}`;
}
