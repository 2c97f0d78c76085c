/**
 * Commands written ahead of their sending, so that thousands wait as bytes and not as objects: what a restore reads is
 * garbage as soon as it is written, and collecting it costs nothing while it is young.
 * @module
 */
import { AttributeWriter, Bytes } from './attributes.js';
import { NLM_F_ACK, NLM_F_REQUEST, NLMSG_NOOP, writeMessage } from './message.js';

/**
 * Commands in a datagram: with the barrier's, half as many answers as a default socket holds if all are refused (measured:
 * 256). In datagrams of 64 a restore takes a seventh longer, in larger ones not less.
 */
const TOGETHER = 128;

/** Up to 128 commands as one datagram, a barrier behind them; their sequence numbers come when they are sent. */
export interface WrittenCommands {
  readonly bytes: Bytes;
  /** Without the barrier. */
  readonly count: number;
}

/** A command without its netlink header. */
interface Command {
  /** nlmsg_type. */
  readonly type: number;
  write(writer: AttributeWriter): void;
}

/** A no-op that asks for an acknowledgement, which vouches for all commands before it. */
export const BARRIER = { type: NLMSG_NOOP, command: 'acknowledge', write: () => {} };

/** Writes commands into datagrams. */
export class CommandWriter {
  readonly #writer = new AttributeWriter();
  #datagrams: WrittenCommands[] = [];
  /** In the datagram that is being written. */
  #count = 0;

  /** Appends a command. One that cannot be written throws and leaves nothing behind. */
  add(command: Command): void {
    const start = this.#writer.length;
    try {
      writeMessage(this.#writer, { type: command.type, flags: NLM_F_REQUEST, sequence: 0 }, command);
    } catch (error) {
      this.#writer.truncate(start);
      throw error;
    }
    if (++this.#count === TOGETHER) this.#end();
  }

  /** What was written since this was last called. */
  take(): WrittenCommands[] {
    if (this.#count > 0) this.#end();
    const datagrams = this.#datagrams;
    this.#datagrams = [];
    return datagrams;
  }

  #end(): void {
    writeMessage(this.#writer, { type: BARRIER.type, flags: NLM_F_REQUEST | NLM_F_ACK, sequence: 0 }, BARRIER);
    this.#datagrams.push({ bytes: new Bytes(this.#writer.written.slice()), count: this.#count });
    this.#writer.truncate(0);
    this.#count = 0;
  }
}
