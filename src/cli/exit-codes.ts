/** @module */

/** What an exit code means. */
export interface ExitCode {
  readonly code: number;
  readonly help: string;
}

/** The exit codes of command lines of ipvsadm. */
export const IPVSADM_EXIT_CODES: readonly ExitCode[] = [
  { code: 0, help: 'done; after -R: the last line was done' },
  { code: 1, help: 'what was to be listed is not there, or cannot be read' },
  { code: 2, help: 'usage error, or IPVS is out of reach' },
  { code: 255, help: 'the kernel refused, or an option is unknown or lacks its value' },
];

/** The exit codes of verbs. */
export const VERB_EXIT_CODES: readonly ExitCode[] = [
  { code: 0, help: 'done, all of it' },
  { code: 1, help: 'the kernel refused something, or IPVS is out of reach' },
  { code: 2, help: 'usage error, or a mistake in a file; nothing was changed' },
];
