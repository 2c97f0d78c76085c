/**
 * What the language of another program has words for.
 * @module
 */
import type { DesiredTable } from '../../model/desired.js';
import type { ServiceKey } from '../../model/service-key.js';

/** Something that a file does not tell as the state has it. */
export interface NotTold {
  /**
   * `tcp://10.0.0.1:80`, `10.0.0.11:80 of tcp://10.0.0.1:80`, or a section of the state: `timeouts`, `sync daemon master`,
   * `daemons`, `director`, `realServer`, `services`.
   */
  readonly object: string;
  readonly why: string;
}

/** Keeps what a file does not tell. */
export type Tell = (object: string, why: string) => void;

/** What can be said. A service or a real server without words for what it is cannot be said at all. */
export interface Words {
  readonly protocols: readonly ServiceKey['protocol'][];
  readonly ipv6: boolean;
  /** Absent: every scheduler. */
  readonly schedulers?: readonly string[];
  /** `named`: those that ipvsadm has names for, which are all but the third of sh and mh. */
  readonly schedulerFlags: 'all' | 'named' | 'none';
  readonly onePacket: boolean;
  readonly persistence: boolean;
  /** `persistent`: only of a persistent service. */
  readonly persistenceEngine: 'always' | 'persistent' | 'never';
  readonly thresholds: boolean;
  /** `all`: ipip, gue and gre, each with its checksum. */
  readonly tunnels: 'all' | 'ipip';
  /** Whether a tunnel may lead into the other address family. */
  readonly crossFamily: boolean;
  readonly timeouts: boolean;
  readonly daemons: boolean;
}

/** How the file of another program is written. */
export interface Language {
  readonly words: Words;
  /** Writes a table that the words suffice for, and tells what else its program would not have as it stands here. */
  write(table: DesiredTable, tell: Tell): string;
}
