/**
 * Many callers on one netlink socket.
 *
 * The kernel carries a request out inside sendmsg(): when send returns, every answer waits in the socket. So requests
 * made in one turn of the event loop travel together, and the answers are read at once; the poller is for the rest.
 *
 * Commands are sent without NLM_F_ACK; where they end a datagram a netlink no-op follows that asks for one. The kernel
 * works through a datagram in order and reports every error, asked or not, so an answer vouches for the silent commands
 * before it. That holds unless the kernel had to drop answers, and then the socket says so (ENOBUFS) before it hands out
 * anything else: the silent commands of that moment are reported as lost, never as done.
 *
 * One answer for many is also one wait less for nothing: a command that returns -EINTR is not acknowledged, whatever was
 * asked (netlink_rcv_skb in af_netlink.c, 2.6 to 7.1). IPVS does that when a sync daemon is stopped whose thread has not
 * run yet (kthread_stop); the daemon is gone then.
 * @module
 */

import {
  ClosedError,
  InterruptedError,
  KernelError,
  OverrunError,
  ProtocolError,
  type Refusal,
  TimeoutError,
} from '../errors.js';
import { TIME_SLICE } from '../linux/time-slice.js';
import type { CallOptions } from '../model/call-options.js';
import { AbortListeners } from './abort-listeners.js';
import { AttributeWriter, Bytes } from './attributes.js';
import { Fifo } from './fifo.js';
import {
  type Message,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_MIN_TYPE,
  numberMessages,
  readErrno,
  readExtendedAck,
  readMessages,
  writeMessage,
} from './message.js';
import { EAGAIN, ENOBUFS, type Transport } from './transport.js';
import { BARRIER, type WrittenCommands } from './written-commands.js';

/** Requests in flight: a default socket holds 128 answers with their ACKs before the kernel drops any (measured). */
const WINDOW = 64;
/** The kernel sizes the pieces of a dump by the reader's buffer, up to 32 KiB. */
const ROOM = 32 * 1024;
/**
 * Datagrams received at a time. The kernel makes the next piece of a dump while one is received, so that a short dump and
 * its end come in one call; more would hold the event loop for longer.
 */
const ROOMS = 2;
const UNSENT = 'the request could not be sent';
/** Milliseconds, where a call says nothing. */
const DEFAULT_TIMEOUT = 5000;

/** A request without its netlink header, which is the connection's business. */
export interface Request {
  /** nlmsg_type. */
  readonly type: number;
  /** nlmsg_flags beside those that the connection sets itself: NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE. */
  readonly flags?: number | undefined;
  /** For errors: the verb in words. */
  readonly command: string;
  /** For errors: what it is about, if anything in particular. */
  object?(): string | undefined;
  write(writer: AttributeWriter): void;
}

/** What the kernel said to a command that it did not carry out. */
export type CommandRefusal = Pick<Refusal, 'errno' | 'extendedAck'>;

/** A call on its way. Once sent it stays in flight until it is answered, even if it was aborted before that. */
interface Call {
  readonly kind: 'command' | 'commands' | 'query' | 'dump' | 'barrier';
  readonly request: Request;
  readonly timeout: number;
  /** 0 until it is sent. */
  sequence: number;
  /** When the answer is late, by performance.now(); set on sending, and anew by each piece of a dump. */
  deadline: number;
  /** Takes a message that is data. */
  readonly onData: (message: Message) => void;
  /** Ends the call, well or with an error; later ends are ignored. */
  readonly settle: (error?: unknown) => void;
  settled: boolean;
  /** The kernel said that the dump changed underneath. */
  interrupted: boolean;
  /** Commands that were written ahead: a datagram of its own, answered by its barrier. */
  readonly written?: Written | undefined;
}

interface Written {
  readonly commands: WrittenCommands;
  /** Takes the place of a command among them, from 0. */
  readonly onRefused: (place: number, refusal: CommandRefusal) => void;
}

const FLAGS: Readonly<Record<Call['kind'], number>> = {
  command: NLM_F_REQUEST,
  commands: NLM_F_REQUEST,
  query: NLM_F_REQUEST,
  dump: NLM_F_REQUEST | NLM_F_DUMP,
  barrier: NLM_F_REQUEST | NLM_F_ACK,
};

// One of each for all connections of a thread: what is written is sent at once, what is received is read at once.
const writer = new AttributeWriter();
const received = new Uint8Array(ROOMS * ROOM);
const lengths = new Int32Array(ROOMS);
const rooms = Array.from(lengths, (_, index) => new Bytes(received.subarray(index * ROOM, (index + 1) * ROOM)));

/** See the module's comment. */
export class Connection {
  readonly #transport: Transport;
  readonly #timeout: number;
  readonly #aborts = new AbortListeners();
  readonly #queue = new Fifo<Call>();
  /** Dumps wait in a line of their own: the kernel runs one at a time on a socket and answers a second with EBUSY. */
  readonly #dumps = new Fifo<Call>();
  /** The dump in flight. */
  #dump: Call | undefined;
  /** The written commands in flight: they fill the window, so that others wait. */
  #commands: { readonly call: Call; readonly written: Written; readonly first: number } | undefined;
  /** Sent and not answered, oldest first, by sequence number. */
  readonly #inFlight = new Map<number, Call>();
  /** Answers were dropped, and what is left of them has not been read to its end yet. */
  #overran = false;
  /** Read once a datagram: where the clock is a system call, asking it for each message costs more than the message. */
  #now = 0;
  #sequence = 0;
  #scheduled = false;
  #watching = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(transport: Transport, options: { timeout?: number | undefined } = {}) {
    this.#transport = transport;
    this.#timeout = options.timeout ?? DEFAULT_TIMEOUT;
  }

  /** Has a command carried out. */
  execute(request: Request, options: CallOptions = {}): Promise<void> {
    return this.#call('command', request, refuseData, options);
  }

  /**
   * Has commands carried out that were written ahead; ends when every one was answered. `onRefused` learns which the kernel
   * did not carry out; where this throws, all others may or may not have been.
   */
  executeWritten(
    commands: WrittenCommands,
    onRefused: (place: number, refusal: CommandRefusal) => void,
    options: CallOptions = {},
  ): Promise<void> {
    const request = { ...BARRIER, command: `${commands.count} commands sent together` };
    return this.#call('commands', request, refuseData, options, { commands, onRefused });
  }

  /** Asks for one reply; `read` copies what it needs out of it. */
  async query<T>(request: Request, read: (reply: Message) => T, options: CallOptions = {}): Promise<T> {
    let result: { value: T } | undefined;
    const onData = (reply: Message) => {
      result = { value: read(reply) };
    };
    await this.#call('query', request, onData, options);
    if (result === undefined) throw new ProtocolError(`${describe(request)}: acknowledged without a reply`);
    return result.value;
  }

  /** Asks for a list; `onEntry` copies what it needs out of each message. Ends after the last. */
  dump(request: Request, onEntry: (entry: Message) => void, options: CallOptions = {}): Promise<void> {
    return this.#call('dump', request, onEntry, options);
  }

  /** Ends every pending call with {@link ClosedError} and closes the socket. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopWaiting();
    this.#transport.close();
    const pending = [...this.#inFlight.values(), ...this.#queue.takeAll(), ...this.#dumps.takeAll()];
    this.#inFlight.clear();
    for (const call of pending) call.settle(new ClosedError(`${describe(call.request)}: the client was closed`));
  }

  #call(
    kind: Call['kind'],
    request: Request,
    onData: (message: Message) => void,
    { signal, timeout = this.#timeout }: CallOptions,
    written?: Written,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) throw new ClosedError(`${describe(request)}: the client is closed`);
      signal?.throwIfAborted();
      const onAbort = signal && this.#aborts.add(signal, () => call.settle(signal.reason));
      const call: Call = {
        kind,
        request,
        timeout,
        sequence: 0,
        deadline: 0,
        onData,
        settled: false,
        interrupted: false,
        written,
        settle(error) {
          if (call.settled) return;
          call.settled = true;
          onAbort?.[Symbol.dispose]();
          if (error === undefined) resolve();
          else reject(error);
        },
      };
      (kind === 'dump' ? this.#dumps : this.#queue).put(call);
      this.#schedule(queueMicrotask);
    });
  }

  /** Works later: at the end of this turn, so that calls made together travel together, or in the next turn. */
  #schedule(later: (work: () => void) => void): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    later(() => {
      this.#scheduled = false;
      this.#work();
    });
  }

  /** Sends and receives until nothing is left, the kernel is silent, or it is the event loop's turn. */
  #work(): void {
    this.#now = performance.now();
    const end = this.#now + TIME_SLICE;
    while (!this.#closed) {
      if (!this.#overran) this.#send();
      if (this.#inFlight.size > 0) {
        if (!this.#receive()) {
          if (!this.#overran) return this.#wait();
          this.#endOverrun();
        }
      } else if (this.#queue.empty && this.#dumps.empty) return this.#stopWaiting();
      this.#now = performance.now();
      if (this.#now > end) return this.#schedule(setImmediate);
    }
  }

  #send(): void {
    const next = this.#queue.first;
    if (next?.written === undefined) return this.#sendBatch();
    // They may be answered by as many errors as the socket should hold, so that nothing but a dump is in flight beside them.
    if (this.#inFlight.size > (this.#dump === undefined ? 0 : 1)) return;
    this.#queue.take();
    if (!next.settled) this.#sendWritten(next, next.written);
  }

  #sendWritten(call: Call, written: Written): void {
    const { bytes, count } = written.commands;
    const first = this.#consecutiveSequences(count + 1);
    numberMessages(bytes, first);
    call.sequence = first + count;
    call.deadline = this.#now + call.timeout;
    this.#inFlight.set(call.sequence, call);
    this.#commands = { call, written, first };
    const errno = this.#transport.send(bytes.array);
    if (errno < 0) this.#finish(call, refused(call, { errno, reason: UNSENT }));
  }

  /** Sends what waits, as far as the window allows, in one datagram. */
  #sendBatch(): void {
    const batch = this.#nextBatch();
    if (batch.length === 0) return;
    writer.truncate(0);
    const sent = batch.filter((call) => this.#write(call));
    // A query's reply and a dump's pieces vouch for the commands before them as well.
    if (sent.at(-1)?.kind === 'command') sent.push(this.#writeBarrier());
    if (sent.length === 0) return;
    const errno = this.#transport.send(writer.written);
    if (errno >= 0) return;
    for (const call of sent) this.#finish(call, refused(call, { errno, reason: UNSENT }));
  }

  /** The calls to send now; those that were aborted while they waited are left out. */
  #nextBatch(): Call[] {
    const batch: Call[] = [];
    while (this.#commands === undefined && this.#inFlight.size + batch.length < WINDOW) {
      if (this.#queue.first?.written !== undefined) break;
      const call = this.#queue.take() ?? (this.#dump === undefined ? this.#dumps.take() : undefined);
      if (call === undefined) break;
      if (call.settled) continue;
      if (call.kind === 'dump') this.#dump = call;
      batch.push(call);
    }
    return batch;
  }

  /** Appends a call's message. What cannot be written ends the call and leaves nothing behind. */
  #write(call: Call): boolean {
    const start = writer.length;
    call.sequence = this.#nextSequence();
    call.deadline = this.#now + call.timeout;
    try {
      const { type, flags = 0 } = call.request;
      writeMessage(writer, { type, flags: FLAGS[call.kind] | flags, sequence: call.sequence }, call.request);
    } catch (error) {
      writer.truncate(start);
      this.#finish(call, error);
      return false;
    }
    this.#inFlight.set(call.sequence, call);
    return true;
  }

  /** Appends a no-op whose acknowledgement vouches for all before it. Nobody waits for it alone. */
  #writeBarrier(): Call {
    const call: Call = {
      kind: 'barrier',
      request: BARRIER,
      timeout: this.#timeout,
      sequence: 0,
      deadline: 0,
      onData: () => {},
      settled: true,
      interrupted: false,
      settle: () => {},
    };
    this.#write(call);
    return call;
  }

  /** Never 0, which the kernel uses for what nobody asked for, and never one that is still awaited. */
  #nextSequence(): number {
    do this.#sequence = (this.#sequence + 1) >>> 0;
    while (this.#sequence === 0 || this.#inFlight.has(this.#sequence));
    return this.#sequence;
  }

  /** The first of so many numbers in a row. */
  #consecutiveSequences(count: number): number {
    let first = this.#nextSequence();
    for (let found = 1; found < count; found++) {
      const next = this.#nextSequence();
      if (next === first + found) continue;
      first = next;
      found = 0;
    }
    return first;
  }

  /** Reads what has come. False when there is nothing. */
  #receive(): boolean {
    const count = this.#transport.receiveMany(received, lengths);
    if (count === -EAGAIN) return false;
    if (count === -ENOBUFS) this.#overran = true;
    else if (count < 0) this.#failAll((call) => refused(call, { errno: count, reason: 'no answer could be received' }));
    for (let index = 0; index < count; index++) {
      const room = rooms[index];
      if (room !== undefined) this.#dispatchDatagram(room, lengths[index] ?? 0);
    }
    return true;
  }

  /** What is still unanswered after the rest was read was dropped. A dump goes on: its pieces are not dropped. */
  #endOverrun(): void {
    this.#overran = false;
    for (const call of this.#inFlight.values()) {
      if (call.kind === 'dump') continue;
      const message = 'the kernel dropped its answer (receive buffer full); whether it was done is unknown';
      this.#finish(call, new OverrunError(`${describe(call.request)}: ${message}`));
    }
  }

  #dispatchDatagram(bytes: Bytes, length: number): void {
    try {
      if (length > ROOM) throw new ProtocolError(`datagram of ${length} bytes, cut at ${ROOM}`);
      for (const message of readMessages(bytes, length)) this.#dispatch(message);
    } catch (error) {
      // What the rest of the datagram would have answered cannot be known.
      this.#failAll(() => error);
    }
  }

  #dispatch(message: Message): void {
    const call = this.#inFlight.get(message.sequence);
    // Otherwise the late answer of a call that timed out.
    if (call === undefined) return this.#takeRefusal(message);
    // What of the commands before the barrier was refused may have been dropped.
    if (this.#overran && call.kind === 'commands') return;
    if (!this.#overran) this.#vouchForThoseBefore(call);
    if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) this.#finish(call, outcome(call, message));
    else if (message.type >= NLMSG_MIN_TYPE) this.#takeData(call, message);
  }

  /** The answer to one of the written commands; only errors are answered. */
  #takeRefusal(message: Message): void {
    if (this.#commands === undefined || message.type !== NLMSG_ERROR) return;
    const { call, written, first } = this.#commands;
    const place = message.sequence - first;
    if (place < 0 || place >= written.commands.count || call.settled) return;
    try {
      const errno = readErrno(message);
      if (errno !== 0) written.onRefused(place, { errno, extendedAck: readExtendedAck(message) });
    } catch (error) {
      call.settle(error);
    }
  }

  #vouchForThoseBefore(answered: Call): void {
    for (const call of this.#inFlight.values()) {
      if (call === answered) return;
      if (call.kind === 'command') this.#finish(call);
    }
  }

  #takeData(call: Call, message: Message): void {
    call.deadline = this.#now + call.timeout;
    if ((message.flags & NLM_F_DUMP_INTR) !== 0) call.interrupted = true;
    try {
      if (!call.settled) call.onData(message);
    } catch (error) {
      // Ends this call alone; the rest of a dump is then read unheard.
      call.settle(error);
    }
    if (call.kind !== 'dump') this.#finish(call);
  }

  #finish(call: Call, error?: unknown): void {
    this.#inFlight.delete(call.sequence);
    if (this.#dump === call) this.#dump = undefined;
    if (this.#commands?.call === call) this.#commands = undefined;
    call.settle(error);
  }

  #failAll(errorOf: (call: Call) => unknown): void {
    for (const call of this.#inFlight.values()) this.#finish(call, errorOf(call));
  }

  /** Nothing to read now: the poller and the earliest deadline wake us. */
  #wait(): void {
    if (!this.#watching) this.#transport.watch(() => this.#work());
    this.#watching = true;
    const deadline = Math.min(...Array.from(this.#inFlight.values(), (call) => call.deadline));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#expire(), Math.max(0, deadline - this.#now));
  }

  #stopWaiting(): void {
    if (this.#watching) this.#transport.unwatch();
    this.#watching = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #expire(): void {
    this.#now = performance.now();
    for (const call of this.#inFlight.values()) {
      if (call.deadline > this.#now) continue;
      this.#finish(call, new TimeoutError(`${describe(call.request)}: no answer within ${call.timeout} ms`));
    }
    this.#work();
  }
}

function refuseData(): never {
  throw new ProtocolError('a command was answered with data, not with an acknowledgement');
}

/** `add service tcp://10.0.0.1:80`. */
function describe(request: Request): string {
  const what = request.object?.();
  return what === undefined ? request.command : `${request.command} ${what}`;
}

function refused({ request }: Call, refusal: Pick<Refusal, 'errno' | 'reason' | 'extendedAck'>): KernelError {
  return new KernelError({ ...refusal, command: request.command, object: request.object?.() });
}

/** What an NLMSG_ERROR or NLMSG_DONE means for its call: undefined when all is well. */
function outcome(call: Call, message: Message): unknown {
  try {
    const errno = readErrno(message);
    if (errno !== 0) return refused(call, { errno, extendedAck: readExtendedAck(message) });
  } catch (error) {
    return error;
  }
  if (!call.interrupted) return undefined;
  return new InterruptedError(`${describe(call.request)}: the list changed while it was read`);
}
