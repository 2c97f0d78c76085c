/**
 * What the kernel tells of its own tables: /proc/net/ip_vs_status.
 * @module
 */

/** One of the kernel's hash tables. */
export interface HashTable {
  /** The sysctl `conn_lfactor` or `svc_lfactor`: the table grows and shrinks to 2^loadFactor entries for a bucket. */
  readonly loadFactor: number;
  readonly buckets: number;
  /** Buckets without an entry; absent where the kernel does not say. */
  readonly empty?: number;
  /** How many buckets have so many entries; those lengths that no bucket has are left out. */
  readonly chains: readonly { readonly length: number; readonly buckets: number }[];
}

/** The threads that bring statistics up to date, with the kernel's numbers for them. */
export interface EstimationThreads {
  readonly slots: number;
  readonly maxSlots: number;
  /** The longest chain that is worked off at once. */
  readonly maxChainLength: number;
  /** Statistics of one thread. */
  readonly estimators: number;
}

/** What the kernel tells of its own tables, since Linux 7.1. */
export interface IpvsStatus {
  readonly connections: number;
  /** Absent where there is none: before the first connection. */
  readonly connectionTable?: HashTable;
  readonly services: number;
  /** Absent where there is none: before the first service. */
  readonly serviceTable?: HashTable;
  readonly estimation?: EstimationThreads;
}
