/**
 * What every call to a kernel takes.
 * @module
 */

/** What every call takes. */
export interface CallOptions {
  /** Ends the call with `signal.reason`. A command that was sent by then may have been carried out. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds from sending to the answer (of a list: between two pieces of it); default 5000. */
  readonly timeout?: number | undefined;
}
