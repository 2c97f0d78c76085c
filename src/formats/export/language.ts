/**
 * What the file format of another program can express.
 * @module
 */
import type { NormalDesiredTable } from '../../model/desired.js';
import type { ServiceKey } from '../../model/service-key.js';

/** Something that a file does not say as the state has it. */
export interface NotWritten {
  /**
   * `tcp://10.0.0.1:80`, `10.0.0.11:80 of tcp://10.0.0.1:80`, or a section of the state: `timeouts`, `sync daemon master`,
   * `daemons`, `director`, `realServer`, `services`.
   */
  readonly object: string;
  readonly why: string;
}

/** Keeps what a file does not say. */
export type ReportNotWritten = (object: string, why: string) => void;

/** What a format can express. A service or a real server that it cannot express at all is left out. */
export interface Capabilities {
  readonly protocols: readonly ServiceKey['protocol'][];
  readonly ipv6: boolean;
  /** Absent: every scheduler whose name is a plain word. */
  readonly schedulers?: readonly string[];
  /** What the name of a scheduler looks like. Default: a plain word. */
  readonly schedulerName?: RegExp;
  /** `named`: those that ipvsadm has names for, which are all but the third of sh and mh. */
  readonly schedulerFlags: 'all' | 'named' | 'none';
  /** `udp`: not of marks. */
  readonly onePacket: 'all' | 'udp' | 'none';
  readonly persistence: boolean;
  /** `persistent`: only of a persistent service. */
  readonly persistenceEngine: 'always' | 'persistent' | 'never';
  /** The highest threshold of a real server; 0 where the format has none. */
  readonly highestThreshold: number;
  /** `all`: ipip, gue and gre, each with its checksum. */
  readonly tunnels: 'all' | 'ipip';
  /** Whether a tunnel may lead into the other address family. */
  readonly crossFamily: boolean;
  readonly timeouts: boolean;
  readonly daemons: boolean;
  /** Whether real servers can be checked. Default false. */
  readonly checks?: boolean;
}

/** How the file of another program is written. */
export interface Language {
  readonly capabilities: Capabilities;
  /** Writes a table that lies within the capabilities, and reports what its program would still have otherwise. */
  write(table: NormalDesiredTable, report: ReportNotWritten): string;
}
