/**
 * The states of connections by the kernel's words, which /proc/net/ip_vs_conn shows, each at the place of its number, which sync
 * messages have (ip_vs_proto_tcp.c, ip_vs_proto_udp.c, ip_vs_proto_sctp.c, Linux 6.1 to 6.18).
 * @module
 */
import type { Protocol } from './service-key.js';

export const TCP_STATES = [
  ...['NONE', 'ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'FIN_WAIT', 'TIME_WAIT', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK'],
  ...['LISTEN', 'SYNACK'],
];
export const UDP_STATES = ['UDP'];
export const SCTP_STATES = [
  ...['NONE', 'INIT1', 'INIT', 'C-SENT', 'C-REPLIED', 'C-WAIT', 'COOKIE', 'C-ECHOED', 'ESTABLISHED'],
  ...['S-SENT', 'S-RECEIVED', 'S-ACK-SENT', 'REJECTED', 'CLOSED'],
];
/** Of persistence templates: before a connection was established under them, and since (IP_VS_CTPL_S_ASSURED). */
export const TEMPLATE_STATES = ['NONE', 'ASSURED'];

/** The states of each protocol. */
export const CONNECTION_STATES: Readonly<Record<Protocol, readonly string[]>> = {
  tcp: TCP_STATES,
  udp: UDP_STATES,
  sctp: SCTP_STATES,
};

/** The states in which a connection counts among the active ones of its real server (`tcp_state_active_table`). */
export const ACTIVE_STATES: Readonly<Record<Protocol, readonly string[]>> = {
  tcp: ['ESTABLISHED', 'SYN_SENT', 'SYN_RECV', 'SYNACK'],
  udp: [],
  sctp: ['ESTABLISHED'],
};
