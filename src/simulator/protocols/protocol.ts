/**
 * What IPVS knows of a transport protocol (struct ip_vs_protocol, Linux 6.1).
 * @module
 */
import type { ConnectionTimeouts } from '../table/namespace.js';
import type { Sysctls } from '../table/sysctls.js';

/** IP_VS_DIR_*: from the client, from the real server, and from the client where the director never sees the other way. */
export const INPUT = 0;
export const OUTPUT = 1;
export const INPUT_ONLY = 2;

/** One of {@link INPUT}, {@link OUTPUT} and {@link INPUT_ONLY}. */
export type Direction = 0 | 1 | 2;

/**
 * A protocol with its state machine. What moves it is the packet's signal: of TCP the flag bits of the header, of SCTP the
 * type of the first chunk, of UDP nothing.
 */
export interface Protocol {
  /** Of the IP protocol. */
  readonly number: number;
  /** Bytes of the header. */
  readonly headerBytes: number;
  /** The kernel's word for each state; new connections are in the first. */
  readonly stateNames: readonly string[];
  /** `is_new_conn`: whether this starts a connection, even where there is one with the same addresses and ports. */
  isOpening(signal: number): boolean;
  /** Whether a packet of no known connection is scheduled (`conn_schedule`). */
  isScheduled(signal: number, sysctls: Sysctls): boolean;
  /** What becomes of a packet that is neither scheduled nor of a known connection. */
  readonly stray: 'not-scheduled' | 'dropped';
  /** Whether a connection in this state gives way to a new one with the same addresses and ports (`is_new_conn_expected`). */
  givesWay(state: number, reuseMode: number, noOutput: boolean): boolean;
  /** The state that comes next. */
  next(direction: Direction, state: number, signal: number): number;
  /** Whether a state counts among the active connections. */
  isActive(state: number): boolean;
  /** Whether a packet assures the connection's template, which then outlives it (`ip_vs_control_assure_ct`). */
  assures(direction: Direction, from: number, to: number): boolean;
  /** Seconds that a connection is kept in a state. */
  timeout(state: number, timeouts: Readonly<ConnectionTimeouts>): number;
}

/** The states of a table that is written as the kernel's comments write it: short names in columns, a line for each event. */
export function readTable(shortNames: readonly string[], table: string): readonly (readonly number[])[] {
  const lines = table.trim().split('\n');
  return lines.map((line) =>
    line
      .trim()
      .split(/\s+/)
      .map((name) => shortNames.indexOf(name)),
  );
}
