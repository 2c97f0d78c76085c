/**
 * One change of a director's state, as a value: what a program asks for, what a line of rules says, what the kernel is
 * told.
 * @module
 */
import { formatDestinationKey, type NormalDestination } from './destination.js';
import type { NormalService } from './service.js';
import { formatServiceKey, type ServiceKey } from './service-key.js';
import type { DaemonRole, NormalSyncDaemon } from './sync-daemon.js';
import type { Timeouts } from './timeouts.js';

/** One change of a director, as a checked value; `verb` says which. */
export type Change =
  | { readonly verb: 'add-service' | 'update-service'; readonly service: NormalService }
  | { readonly verb: 'delete-service'; readonly key: ServiceKey }
  | {
      readonly verb: 'add-destination' | 'update-destination';
      readonly key: ServiceKey;
      readonly destination: NormalDestination;
    }
  | {
      readonly verb: 'delete-destination';
      readonly key: ServiceKey;
      readonly destination: { readonly address: string; readonly port: number };
    }
  /** Deletes every service. */
  | { readonly verb: 'flush' }
  /** Without a key: all counters and the totals. */
  | { readonly verb: 'zero'; readonly key?: ServiceKey }
  /** What is absent stays as it is. */
  | { readonly verb: 'set-timeouts'; readonly timeouts: Partial<Timeouts> }
  | { readonly verb: 'start-daemon'; readonly daemon: NormalSyncDaemon }
  | { readonly verb: 'stop-daemon'; readonly role: DaemonRole };

/** One of many changes that was not carried out. */
export interface ChangeFailure {
  /** Its place in the list, from 0. */
  readonly place: number;
  readonly change: Change;
  /** `KernelError` where the kernel refused it. */
  readonly error: Error;
}

/** What a change is about: `tcp://10.0.0.1:80`, `10.0.0.2:80 of tcp://10.0.0.1:80`; undefined for the whole table. */
export function objectOf(change: Change): string | undefined {
  switch (change.verb) {
    case 'add-service':
    case 'update-service':
      return formatServiceKey(change.service);
    case 'delete-service':
      return formatServiceKey(change.key);
    case 'add-destination':
    case 'update-destination':
    case 'delete-destination':
      return `${formatDestinationKey(change.destination)} of ${formatServiceKey(change.key)}`;
    case 'zero':
      return change.key && formatServiceKey(change.key);
    case 'start-daemon':
      return `${change.daemon.role} on ${change.daemon.interface}`;
    case 'stop-daemon':
      return change.role;
    case 'flush':
    case 'set-timeouts':
      return undefined;
  }
}
