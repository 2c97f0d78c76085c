/**
 * What a run of the benchmarks leaves: the raw figures of every round. What is said about them is made of them alone.
 */

/** Who was measured: the SDK, ipvsadm, the C program (bound.c), or somebody else by a name that is shown as it is. */
export type Side = string;

/** A figure for each side that was measured. */
export type Samples = Readonly<Record<Side, number>>;

export interface RowDescription {
  /** Unique. */
  readonly name: string;
  /** What was measured, for readers who know IPVS; a sentence. */
  readonly what: string;
  /** Of the figures: `us` a command, `ms`, `MiB`, ... Less is better, unless {@link RowDescription.more}. */
  readonly unit: string;
  /** More is better. */
  readonly more?: boolean;
  /** The first round, which finds cold caches and code that was never run, is told apart. */
  readonly cold?: boolean;
  /** What issue 7 asks for. */
  readonly targets?: readonly Target[];
}

/** A limit for a ratio, or for the largest figure of a side where there is no `over`. */
export interface Target {
  readonly of: Side;
  readonly over?: Side;
  readonly least?: number;
  readonly most?: number;
}

export interface Row extends RowDescription {
  /** By side, one figure a round: those at the same place were measured one right after the other. */
  readonly samples: Readonly<Record<Side, readonly number[]>>;
}

/** What the figures hold for. */
export interface Circumstances {
  /** ISO 8601, the day. */
  readonly date: string;
  readonly command: string;
  readonly processor: string;
  readonly processors: number;
  readonly kernel: string;
  readonly node: string;
  readonly ipvsadm: string;
  /** Rows of the hash table of connections (conn_tab_bits). */
  readonly connectionTableSize: number;
}

export interface Results {
  readonly circumstances: Circumstances;
  readonly rows: readonly Row[];
}
