/**
 * What the backup daemon does with the messages that it receives (net/netfilter/ipvs/ip_vs_sync.c, Linux 6.1).
 * @module
 */
import { parseIP } from '../../address/ip.js';
import { ProtocolError } from '../../errors.js';
import { IP_VS_CONN_F_FWD_MASK, IP_VS_CONN_F_MASQ } from '../../kernel/constants.js';
import { TEMPLATE_STATES } from '../../model/connection-state.js';
import { IP_VS_CONN_F_INACTIVE, IP_VS_CONN_F_ONE_PACKET, IP_VS_CONN_F_TEMPLATE } from '../../sync/constants.js';
import { readSyncMessage, type SyncConnection, type SyncMessage } from '../../sync/message.js';
import type { Protocol } from '../protocols/protocol.js';
import { sctp } from '../protocols/sctp.js';
import { tcp } from '../protocols/tcp.js';
import { udp } from '../protocols/udp.js';
import type { ReleaseTraits } from '../release.js';
import { Destination } from '../table/destination.js';
import { Meter } from '../table/estimator.js';
import type { Namespace } from '../table/namespace.js';
import type { Service } from '../table/service.js';
import type { ServiceIdentity } from '../table/service-identity.js';
import { Statistics } from '../table/statistics.js';
import type { ConnectionKey, ConnectionKind } from './connection.js';
import type { Connections } from './connections.js';
import { PackedAddress } from './packed-address.js';

const PROTOCOLS: ReadonlyMap<number, Protocol> = new Map(
  [tcp, udp, sctp].map((protocol) => [protocol.number, protocol]),
);

/** The backup daemon's half that receives. */
export class SyncReceiver {
  readonly #namespace: Namespace;
  readonly #connections: Connections;

  constructor(namespace: Namespace, connections: Connections) {
    this.#namespace = namespace;
    this.#connections = connections;
  }

  /** Works a datagram off. What is malformed, or of another sync id than the daemon's, is dropped without a word. */
  receive(datagram: Uint8Array, syncId: number): void {
    const message = read(datagram);
    if (message === undefined || (syncId !== 0 && message.syncId !== syncId)) return;
    for (const connection of message.connections) this.#take(connection, message.version);
  }

  #take(connection: SyncConnection, version: SyncMessage['version']): void {
    const isTemplate = (connection.flags & IP_VS_CONN_F_TEMPLATE) !== 0;
    const known = PROTOCOLS.get(connection.protocol);
    const states = isTemplate ? TEMPLATE_STATES : (known?.stateNames ?? []);
    if (connection.state >= states.length) return;
    const isOnePacket = version === 0 && (connection.flags & IP_VS_CONN_F_ONE_PACKET) !== 0;
    const kind: ConnectionKind = isTemplate ? 'template' : isOnePacket ? 'one-packet' : 'connection';
    const service = this.#serviceOf(connection);
    this.#connections.synchronize({
      key: keyOf(connection),
      // The templates of marks have none; whichever it is, they don't ask it.
      protocol: known ?? tcp,
      kind,
      destination: (service && serverOf(service, connection)) ?? unbound(connection, this.#namespace.options.traits),
      destinationPort: connection.destination.port,
      inactive: (connection.flags & IP_VS_CONN_F_INACTIVE) !== 0,
      state: connection.state,
      timeout: connection.timeout === 0 ? undefined : connection.timeout * 1000,
    });
  }

  #serviceOf({ family, protocol, virtual, mark }: SyncConnection): Service | undefined {
    const identity = { family, protocol, address: union(virtual.address), port: virtual.port };
    const find = (port: number, its: number) => this.#namespace.services.find({ ...identity, port, mark: its });
    return (mark === 0 ? undefined : find(0, mark)) ?? find(virtual.port, 0) ?? find(0, 0);
  }
}

function read(datagram: Uint8Array): SyncMessage | undefined {
  try {
    return readSyncMessage(datagram);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

function keyOf({ family, protocol, client, virtual }: SyncConnection): ConnectionKey {
  return {
    family,
    protocolNumber: protocol,
    client: packed(client.address),
    clientPort: client.port,
    virtual: packed(virtual.address),
    virtualPort: virtual.port,
  };
}

/** `ip_vs_find_dest`: by the port, or of a mark that does not translate ports without one. */
function serverOf(service: Service, { family, destination, mark, flags }: SyncConnection): Destination | undefined {
  const address = union(destination.address);
  const keepsPort = mark !== 0 && (flags & IP_VS_CONN_F_FWD_MASK) !== IP_VS_CONN_F_MASQ;
  return (
    service.destination(family, address, keepsPort ? 0 : destination.port) ??
    service.destination(family, address, keepsPort ? destination.port : 0)
  );
}

/** The place of a real server that no service has: the connection goes there all the same, and is counted nowhere. */
function unbound(connection: SyncConnection, { overload }: ReleaseTraits): Destination {
  const { family, protocol, virtual, destination, mark, flags } = connection;
  const owner: ServiceIdentity = { family, protocol, address: union(virtual.address), port: virtual.port, mark };
  const service = { ...owner, meter: new Meter(new Statistics()) };
  const server = new Destination(family, union(destination.address), destination.port, service, overload);
  server.method = flags & IP_VS_CONN_F_FWD_MASK;
  server.available = true;
  return server;
}

function packed(address: string): PackedAddress {
  return PackedAddress.parse(address) ?? new PackedAddress(0);
}

/** 16 bytes, as the kernel's nf_inet_addr. */
function union(address: string): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(parseIP(address) ?? []);
  return bytes;
}
