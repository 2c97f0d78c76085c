/**
 * Generic netlink families as the kernel has them (net/netlink/genetlink.c, Linux 6.1): commands, each of which acts, dumps
 * or both.
 * @module
 */
import type { AttributeWriter, Bytes } from '../../netlink/attributes.js';
import type { ExtendedAck } from './extended-ack.js';

/** A request that is being answered. What it points at is gone afterwards, but for a dump, which has a copy. */
export interface Request {
  readonly bytes: Bytes;
  /** The command. */
  readonly command: number;
  /** Where the attributes start. */
  readonly start: number;
  readonly end: number;
  /** What is said beside the errno. */
  readonly ack: ExtendedAck;
}

/** Answers a request. */
export interface Reply {
  /** Sends a message of the family with this command around what `write` appends, in a datagram of its own. */
  message(command: number, write: (writer: AttributeWriter) => void): void;
}

/** One piece of a dump. */
export interface Piece {
  /** Appends such a message; false where it does not fit, and then nothing was appended. */
  message(command: number, write: (writer: AttributeWriter) => void): boolean;
}

/** One command of a family. */
export interface Command {
  /** GENL_ADMIN_PERM: wants CAP_NET_ADMIN. */
  readonly needsAdmin: boolean;
  /** Does it, and answers. 0 or an errno. */
  readonly execute?: (request: Request, reply: Reply) => number;
  /**
   * Appends what fits from `position` on, and returns the position to go on from: a plain index, so that what comes and
   * goes meanwhile is missed or told twice. A piece that stays empty ends the dump.
   */
  readonly dump?: (request: Request, piece: Piece, position: number) => number;
}

/** One family. */
export interface GenericFamily {
  readonly name: string;
  /** The message type. */
  readonly id: number;
  readonly version: number;
  /** The highest attribute type that the family says it knows. */
  readonly maxAttribute: number;
  /** By number; those that are missing are refused. */
  readonly commands: readonly (Command | undefined)[];
  /** Commands from here on have their reserved bits checked (resv_start_op). */
  readonly strictFrom: number;
}
