/**
 * UDP (ip_vs_proto_udp.c, Linux 6.1): one state, in which connections are inactive.
 * @module
 */
import { UDP_STATES } from '../../model/connection-state.js';
import { OUTPUT, type Protocol } from './protocol.js';

/** UDP as IPVS sees it. */
export const udp: Protocol = {
  number: 17,
  headerBytes: 8,
  stateNames: UDP_STATES,
  isOpening: () => false,
  isScheduled: () => true,
  stray: 'not-scheduled',
  givesWay: () => false,
  next: () => 0,
  isActive: () => false,
  assures: (direction) => direction === OUTPUT,
  timeout: (_, timeouts) => timeouts.udp,
};
