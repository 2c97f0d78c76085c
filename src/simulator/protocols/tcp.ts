/**
 * TCP (ip_vs_proto_tcp.c, Linux 6.1; without `secure_tcp`).
 * @module
 */
import { ACTIVE_STATES, TCP_STATES } from '../../model/connection-state.js';
import { type Direction, type Protocol, readTable } from './protocol.js';

/** The flags of a TCP header that IPVS looks at, with their bits. */
export const TCP_FLAGS = { FIN: 0x01, SYN: 0x02, RST: 0x04, ACK: 0x10 } as const;

/** The name of a TCP flag. */
export type TcpFlag = keyof typeof TCP_FLAGS;

const SHORT = ['NO', 'ES', 'SS', 'SR', 'FW', 'TW', 'CL', 'CW', 'LA', 'LI', 'SA'];
const [, ESTABLISHED = 0, , , FIN_WAIT = 0, TIME_WAIT = 0, CLOSE = 0] = TCP_STATES.keys();

/** `tcp_states`: for each direction the next states after SYN, FIN, ACK and RST, by the state before. */
const TABLES = [
  `SR ES ES SR SR SR SR SR SR SR SR
   CL CW SS TW TW TW CL CW LA LI TW
   ES ES SS ES FW TW CL CW CL LI ES
   CL CL CL SR CL CL CL CL LA LI SR`,
  `SS ES SS SR SS SS SS SS SS LI SR
   TW FW SS TW FW TW CL TW LA LI TW
   ES ES SS ES FW TW CL CW LA ES ES
   CL CL SS CL CL TW CL CL CL CL CL`,
  `SR ES ES SR SR SR SR SR SR SR SR
   CL FW SS TW FW TW CL CW LA LI TW
   ES ES SS ES FW TW CL CW CL LI ES
   CL CL CL SR CL CL CL CL LA LI CL`,
].map((table) => readTable(SHORT, table));

/** `tcp_timeouts`, in seconds; those of ESTABLISHED and FIN_WAIT are settings. */
const TIMEOUTS = [2, 0, 120, 60, 0, 120, 10, 60, 30, 120, 120];
const ACTIVE = new Set(ACTIVE_STATES.tcp.map((name) => TCP_STATES.indexOf(name)));

/** TCP as IPVS sees it. */
export const tcp: Protocol = {
  number: 6,
  headerBytes: 20,
  stateNames: TCP_STATES,
  isOpening: (signal) => (signal & TCP_FLAGS.SYN) !== 0,
  isScheduled: (signal, { sloppy_tcp }) =>
    (signal & TCP_FLAGS.RST) === 0 && (sloppy_tcp !== 0 || (signal & TCP_FLAGS.SYN) !== 0),
  stray: 'not-scheduled',
  givesWay: (state, reuseMode, noOutput) =>
    state === TIME_WAIT || state === CLOSE || ((reuseMode & 2) !== 0 && state === FIN_WAIT && noOutput),
  next(direction: Direction, state: number, signal: number): number {
    return TABLES[direction]?.[event(signal)]?.[state] ?? CLOSE;
  },
  isActive: (state) => ACTIVE.has(state),
  assures: (_, from, to) => from !== to && to === ESTABLISHED,
  timeout(state, { tcp: established, tcpFin }) {
    if (state === ESTABLISHED) return established;
    return state === FIN_WAIT ? tcpFin : (TIMEOUTS[state] ?? 0);
  },
};

/** `tcp_state_idx`: of several flags one counts. None at all closes. */
function event(signal: number): number {
  if ((signal & TCP_FLAGS.RST) !== 0) return 3;
  if ((signal & TCP_FLAGS.SYN) !== 0) return 0;
  if ((signal & TCP_FLAGS.FIN) !== 0) return 1;
  return (signal & TCP_FLAGS.ACK) !== 0 ? 2 : -1;
}
