/**
 * The service and the real server behind a row of the connection table, which shows neither: the kernel looks for both when a
 * sync message comes (ip_vs_find_dest in ip_vs_ctl.c), by the mark and by the way of forwarding that the message has.
 * @module
 */
import type { Endpoint } from '../address/endpoint.js';
import { familyOf } from '../address/ip.js';
import type { Connection } from '../model/connection.js';
import type { NormalDestination } from '../model/destination.js';
import { formatServiceKey, type ServiceKey } from '../model/service-key.js';
import type { TableService } from '../model/table.js';

/** What a sync message must say for the kernel to find the real server. */
export interface Binding {
  /** 0 where the service is one of an address. */
  readonly mark: number;
  readonly forward: NormalDestination['forward'];
}

/** The services of a director, to look up connections in. */
export class Services {
  readonly #byKey = new Map<string, TableService>();
  /** Services of marks, by the addresses of their real servers. */
  readonly #marksByServer = new Map<string, TableService[]>();

  constructor(services: readonly TableService[]) {
    for (const entry of services) {
      this.#byKey.set(formatServiceKey(entry.service), entry);
      if (entry.service.protocol !== 'fwmark') continue;
      for (const { destination } of entry.destinations) {
        const entries = this.#marksByServer.get(destination.address);
        if (entries === undefined) this.#marksByServer.set(destination.address, [entry]);
        else if (!entries.includes(entry)) entries.push(entry);
      }
    }
  }

  /**
   * What binds a connection to its real server; undefined if no service has that, or if several marks may. A connection of
   * a mark has the address that its client called: it is the mark's if no service of an address has it, and one mark alone has
   * its real server.
   */
  binding(connection: Connection): Binding | undefined {
    const entry = this.#serviceOf(connection);
    const found = entry && serverAt(entry, connection.destination);
    return entry && found && bindingOf(entry, found);
  }

  /**
   * Another real server of a connection's service, as the connection would have it: a server of every port has the connection's.
   * Undefined if the service is not known or has no such server.
   */
  otherServer(
    connection: Connection,
    { address, port }: { readonly address: string; readonly port?: number | undefined },
  ): { readonly endpoint: Endpoint; readonly binding: Binding } | undefined {
    const entry = this.#serviceOf(connection);
    const found = entry?.destinations
      .map(({ destination }) => destination)
      .find(
        (server) => server.address === address && (port === undefined || server.port === port || server.port === 0),
      );
    if (entry === undefined || found === undefined) return undefined;
    const endpoint = { address, port: found.port === 0 ? (port ?? connection.destination.port) : found.port };
    return { endpoint, binding: bindingOf(entry, found) };
  }

  #serviceOf(connection: Connection): TableService | undefined {
    for (const key of keysOf(connection)) {
      const found = this.#byKey.get(formatServiceKey(key));
      if (found !== undefined) return found;
    }
    const [only, ...others] = this.#marksByServer.get(connection.destination.address) ?? [];
    return others.length > 0 ? undefined : only;
  }
}

/** The services that the kernel would look for, in its order: the port of the connection, then every port. */
function keysOf({ protocol, virtual, client }: Connection): ServiceKey[] {
  if ('mark' in virtual) return [{ protocol: 'fwmark', mark: virtual.mark, family: familyOf(client.address) }];
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return [];
  const { address, port } = virtual;
  return [
    { protocol, address, port },
    { protocol, address, port: 0 },
  ];
}

/** Of a service of every port, or of a mark by DR or a tunnel, servers have the port 0. */
function serverAt({ destinations }: TableService, { address, port }: Endpoint): NormalDestination | undefined {
  const servers = destinations.map(({ destination }) => destination).filter((server) => server.address === address);
  return servers.find((server) => server.port === port) ?? servers.find((server) => server.port === 0);
}

function bindingOf({ service }: TableService, { forward }: NormalDestination): Binding {
  return { mark: service.protocol === 'fwmark' ? service.mark : 0, forward };
}
