/**
 * Which service a packet is for (`ip_vs_service_find` in ip_vs_ctl.c, Linux 6.1).
 * @module
 */

import type { Namespace } from '../table/namespace.js';
import type { Service } from '../table/service.js';
import type { ServiceIdentity } from '../table/service-identity.js';
import type { ServiceTable } from '../table/table.js';
import type { Packet } from '../traffic/packet.js';

/** FTPPORT and FTPDATA. */
export const FTP = 21;
export const FTP_DATA = 20;
/** net.ipv4.ip_unprivileged_port_start: passive FTP uses ports from here on. */
const FIRST_FREE_PORT = 1024;
const TCP = 6;

/** Finds services, and remembers the last one: packets for a service seldom come alone. */
export class ServiceFinder {
  readonly #namespace: Namespace;
  #last: Packet | undefined;
  #service: Service | undefined;
  #changes = 0;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  find(packet: Packet): Service | undefined {
    const { services, serviceChanges } = this.#namespace;
    if (this.#last === undefined || this.#changes !== serviceChanges || !areForOneService(packet, this.#last)) {
      this.#service = findService(services, packet);
      this.#last = packet;
      this.#changes = serviceChanges;
    }
    return this.#service;
  }
}

function areForOneService(packet: Packet, other: Packet): boolean {
  return (
    packet.virtualPort === other.virtualPort &&
    packet.transport === other.transport &&
    packet.mark === other.mark &&
    packet.family === other.family &&
    packet.virtual.equals(other.virtual)
  );
}

/** The service of the mark, else that of address and port, else an FTP service, else that of all ports. */
function findService(services: ServiceTable, packet: Packet): Service | undefined {
  const { mark, virtualPort, protocolNumber } = packet;
  const byMark = mark === 0 ? undefined : services.find(identityOf(packet, 0, mark));
  if (byMark !== undefined) return byMark;
  const exact = services.find(identityOf(packet, virtualPort));
  if (exact !== undefined) return exact;
  const mayBeFtp = protocolNumber === TCP && (virtualPort === FTP_DATA || virtualPort >= FIRST_FREE_PORT);
  return (mayBeFtp ? services.find(identityOf(packet, FTP)) : undefined) ?? services.find(identityOf(packet, 0));
}

function identityOf(packet: Packet, port: number, mark = 0): ServiceIdentity {
  return { family: packet.family, protocol: packet.protocolNumber, address: packet.destination, port, mark };
}
