/**
 * What clients of a service send, for traffic that is made.
 * @module
 */
import { familyOfKey, type ServiceKey } from '../../model/service-key.js';
import type { Opening, SimulatedConnection } from './simulated-connection.js';

/** Where a client of a service sends its first packet. */
export function openingTo(service: ServiceKey): Pick<Opening, 'protocol' | 'virtual' | 'mark'> {
  const protocol = protocolOf(service.protocol);
  if (service.protocol !== 'fwmark') {
    return { protocol, virtual: { address: service.address, port: service.port || 80 }, mark: 0 };
  }
  // A mark says nothing of addresses: those are for documentation.
  const address = familyOfKey(service) === 'ipv4' ? '192.0.2.1' : '2001:db8:ffff::1';
  return { protocol, virtual: { address, port: 80 }, mark: service.mark };
}

/** After the SYN: of a real server with NAT the director sees both directions. */
export function shakeHands(connection: SimulatedConnection, isNat: boolean): void {
  if (isNat) connection.reply('SYN', 'ACK');
  connection.send('ACK');
}

/** The client ends it, and then the real server. */
export function hangUp(connection: SimulatedConnection, isNat: boolean): void {
  connection.send('FIN', 'ACK');
  if (isNat) connection.reply('FIN', 'ACK');
}

/** Of a mark, and of protocols without connections in IPVS's eyes, TCP stands for all. */
function protocolOf(protocol: ServiceKey['protocol']): Opening['protocol'] {
  return protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp';
}
