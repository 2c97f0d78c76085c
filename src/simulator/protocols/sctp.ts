/**
 * SCTP (ip_vs_proto_sctp.c, Linux 6.1).
 * @module
 */
import { SCTP_STATES } from '../../model/connection-state.js';
import { type Direction, type Protocol, readTable } from './protocol.js';

/** The chunks that move the state, with their types (RFC 9260, 3.2). All others count as DATA. */
export const SCTP_CHUNKS = {
  DATA: 0,
  INIT: 1,
  'INIT-ACK': 2,
  SACK: 3,
  HEARTBEAT: 4,
  'HEARTBEAT-ACK': 5,
  ABORT: 6,
  SHUTDOWN: 7,
  'SHUTDOWN-ACK': 8,
  ERROR: 9,
  'COOKIE-ECHO': 10,
  'COOKIE-ACK': 11,
  'SHUTDOWN-COMPLETE': 14,
} as const;

/** The name of an SCTP chunk. */
export type SctpChunk = keyof typeof SCTP_CHUNKS;

const SHORT = ['NO', 'I1', 'IN', 'CS', 'CR', 'CW', 'CO', 'CE', 'ES', 'SS', 'SR', 'SA', 'RJ', 'CL'];
const ESTABLISHED = SCTP_STATES.indexOf('ESTABLISHED');
const CLOSED = SCTP_STATES.indexOf('CLOSED');

/** The lines of the tables. */
const EVENTS: readonly SctpChunk[] = [
  'DATA',
  'INIT',
  'INIT-ACK',
  'COOKIE-ECHO',
  'COOKIE-ACK',
  'SHUTDOWN',
  'SHUTDOWN-ACK',
  'SHUTDOWN-COMPLETE',
  'ERROR',
  'ABORT',
];
/** `sctp_events`: the line of each type of chunk. */
const LINES: number[] = [];
for (const [line, chunk] of EVENTS.entries()) LINES[SCTP_CHUNKS[chunk]] = line;

/** `sctp_states`: for each direction the next states, a line for each of {@link EVENTS}, by the state before. */
const TABLES = [
  `ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL
   I1 IN IN CS CR CW CO CE ES SS SR SA IN IN
   CW CW CW CS CR CO CO CE ES SS SR SA RJ CL
   CR IN IN CR CR CW CO CE ES SS SR SA RJ CL
   ES I1 IN CS CR CW CO ES ES SS SR SA RJ CL
   SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL
   CL IN IN CS CR CW CO CE ES CL SR CL RJ CL
   CL CL CL CS CR CW CO CE ES SS SR CL RJ CL
   CL I1 IN CS CR CW CO CL ES SS SR SA RJ CL
   CL CL CL CL CL RJ CL CL CL CL CL CL CL CL`,
  `ES I1 IN CS CR CW CO CE ES SS SR SA RJ CL
   CW CW CW CW CW CW CW CW ES CW CW CW CW CW
   CS CS CS CS CR CW CO CE ES SS SR SA RJ CL
   CE CE CE CE CE CE CE CE ES SS SR SA RJ CL
   ES ES ES ES ES ES ES ES ES SS SR SA RJ CL
   SS SS SS SS SS SS SS SS SS SS SR SA RJ CL
   SA SA SA SA SA CW CO CE ES SA SA SA RJ CL
   CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL
   CL CL CL CL CL CW CO CE ES SS SR SA RJ CL
   CL RJ CL CL CL CL CL CL CL CL CL CL CL CL`,
  `ES I1 IN CS CR ES CO CE ES SS SR SA RJ CL
   I1 IN IN IN IN IN CO CE ES SS SR SA IN IN
   CE CE CE CE CE CE CO CE ES SS SR SA RJ CL
   ES ES ES ES ES ES CO CE ES SS SR SA RJ CL
   ES I1 IN ES ES CW ES ES ES SS SR SA RJ CL
   SR I1 IN CS CR CW CO CE SR SS SR SA RJ CL
   CL IN IN CS CR CW CO CE CL CL SR CL RJ CL
   CL CL CL CL CL CW CO CE ES SS CL CL RJ CL
   CL I1 IN CS CR CW CO CE ES SS SR SA RJ CL
   CL CL CL CL CL RJ CL CL CL CL CL CL CL CL`,
].map((table) => readTable(SHORT, table));

/** IP_VS_SCTP_MAX_RTO and `sctp_timeouts`, in seconds. */
const MAX_RTO = 61;
const TIMEOUTS = [2, 4, MAX_RTO, MAX_RTO, MAX_RTO, MAX_RTO, MAX_RTO, MAX_RTO, 900].concat(
  [MAX_RTO, MAX_RTO, MAX_RTO],
  [4, MAX_RTO],
);

/** SCTP as IPVS sees it. */
export const sctp: Protocol = {
  number: 132,
  headerBytes: 12,
  stateNames: SCTP_STATES,
  isOpening: (signal) => signal === SCTP_CHUNKS.INIT,
  isScheduled: (signal, { sloppy_sctp }) => signal === SCTP_CHUNKS.INIT || sloppy_sctp !== 0,
  stray: 'dropped',
  givesWay: (state) => state === CLOSED,
  next(direction: Direction, state: number, signal: number): number {
    return TABLES[direction]?.[LINES[signal] ?? 0]?.[state] ?? state;
  },
  isActive: (state) => state === ESTABLISHED,
  assures: (_, from, to) => from !== to && to === ESTABLISHED,
  timeout: (state) => TIMEOUTS[state] ?? 0,
};
