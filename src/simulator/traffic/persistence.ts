/**
 * By what template the connections of a persistent service stay together (`ip_vs_sched_persist` in ip_vs_core.c, Linux 6.1).
 * @module
 */

import { FTP } from '../netlink/find-service.js';
import type { Service } from '../table/service.js';
import type { Sysctls } from '../table/sysctls.js';
import type { Connection, ConnectionKey } from './connection.js';
import { PackedAddress } from './packed-address.js';
import type { Packet } from './packet.js';

/**
 * What the template of a packet is found by: the client's network, and the virtual address with its port. Of services of all
 * ports and of FTP all ports have one template; of fwmark services all addresses and protocols too.
 */
export function templateKey(packet: Packet, service: Service): ConnectionKey {
  const { family } = packet;
  const client = networkOf(packet, service);
  const hasOwnPort = packet.virtualPort === service.port;
  if (service.mark !== 0 && !hasOwnPort) {
    return {
      family,
      protocolNumber: 0,
      client,
      clientPort: 0,
      virtual: new PackedAddress(service.mark),
      virtualPort: 0,
    };
  }
  const virtualPort = hasOwnPort && service.port !== FTP ? packet.virtualPort : 0;
  return { family, protocolNumber: packet.protocolNumber, client, clientPort: 0, virtual: packet.virtual, virtualPort };
}

function networkOf({ client, family }: Packet, service: Service): PackedAddress {
  return family === 'ipv4' ? new PackedAddress(client.a & service.netmask) : client.network(service.prefix);
}

/** The real server's port in a template: 0 where it stands for all. */
export function templatePort(packet: Packet, service: Service, port: number): number {
  return packet.virtualPort === service.port && service.port !== FTP ? port : 0;
}

/** `ip_vs_check_template`: whether the real server of a template still takes the client's connections. */
export function isTemplateGood({ destination }: Connection, { expire_quiescent_template }: Sysctls): boolean {
  return destination.available && !(expire_quiescent_template !== 0 && destination.weight === 0);
}
