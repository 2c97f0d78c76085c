/**
 * What carries IPVS commands to a kernel: netlink, or the older socket options.
 * @module
 */
import { KernelError } from '../errors.js';
import type { CallOptions } from '../model/call-options.js';
import { type NormalChange, objectOf } from '../model/change.js';
import type { DestinationEntry } from '../model/destination.js';
import type { ServiceEntry } from '../model/service.js';
import type { ServiceKey } from '../model/service-key.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import type { Info, Source, TableService } from '../model/table.js';
import type { Timeouts } from '../model/timeouts.js';
import type { CommandRefusal } from '../netlink/connection.js';

/** One change of many that was not carried out: the kernel refused it, or (`error`) nobody knows. */
export type Undone =
  | { readonly place: number; readonly refusal: CommandRefusal }
  | { readonly place: number; readonly error: unknown };

/** What {@link Batch.carryOut} takes. */
export interface CarryOutOptions extends CallOptions {
  /** Called now and then with the number of changes behind it. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** Changes as bytes, ready to be sent. */
export interface Batch {
  /** How many were added. */
  readonly length: number;
  /** One that the source has no form for is refused when the changes are carried out, as those are that the kernel refuses. */
  add(change: NormalChange): void;
  /**
   * Brings the changes about, in their order; what the kernel refuses does not stop the others. Returns what was not done, or
   * not for sure, in order.
   */
  carryOut(options: CarryOutOptions): Promise<Undone[]>;
}

/** Everything that can be asked of a kernel by commands, on values that have been checked. */
export interface CommandSource {
  readonly name: Exclude<Source, 'proc'>;
  /** Brings a change about. Throws `KernelError`. */
  change(change: NormalChange, options?: CallOptions): Promise<void>;
  batch(): Batch;
  info(options?: CallOptions): Promise<Info>;
  timeouts(options?: CallOptions): Promise<Timeouts>;
  daemons(options?: CallOptions): Promise<NormalSyncDaemon[]>;
  /** Undefined where there is no such service. */
  service(key: ServiceKey, options?: CallOptions): Promise<ServiceEntry | undefined>;
  /** Every service, none twice, in one reading. */
  services(onEntry: (entry: ServiceEntry) => void, options?: CallOptions): Promise<void>;
  /** Every destination of a service, none twice. Nothing for a service that is not there. */
  destinations(key: ServiceKey, onEntry: (entry: DestinationEntry) => void, options?: CallOptions): Promise<void>;
  /** One reading of everything; the table may change meanwhile. */
  table(options?: CallOptions): Promise<TableService[]>;
  close(): void;
}

/** The error of a change that the kernel refused. */
export function refusalOf(change: NormalChange, refusal: CommandRefusal): KernelError {
  return new KernelError({ ...refusal, command: commandOf(change), object: objectOf(change) });
}

/** The verb in words: `add destination`. */
export function commandOf({ verb }: NormalChange): string {
  return verb.replace('-', ' ');
}
