/**
 * What ipvsadm says when it does not take a command line.
 * @module
 */

/** 2 for ipvsadm's own checks; 255 for popt's (unknown option, missing argument) and for a missing command (1.31). */
export type CommandExitCode = 2 | 255;

/** A command line that ipvsadm 1.31 would not take. The message is ipvsadm's; nothing was sent to the kernel. */
export class CommandError extends Error {
  /** What the `ipvsadm` program exits with. */
  readonly exitCode: CommandExitCode;

  constructor(message: string, exitCode: CommandExitCode = 2) {
    super(message);
    this.exitCode = exitCode;
  }

  override get name(): string {
    return 'CommandError';
  }

  /** What is wrong, also where ipvsadm only sends people to its help. */
  get reason(): string {
    return this.message === TRY_HELP ? 'does not begin with a command (-A, -a, ...)' : this.message.trimEnd();
  }

  /**
   * Whether ipvsadm ends here even in the middle of `-R`: after its own checks, and where a line has no command. What popt
   * refuses costs the line only.
   */
  get isFatal(): boolean {
    return this.exitCode === 2 || this.message === TRY_HELP;
  }

  /** The exact bytes for standard error. */
  get stderr(): string {
    return `${this.message}\n`;
  }
}

const TRY_HELP = "Try `ipvsadm -h' or 'ipvsadm --help' for more information.";

/** ipvsadm's answer to a command line that does not begin with a command (`tryhelp_exit`, 1.31). */
export function tryHelp(): CommandError {
  return new CommandError(TRY_HELP, 255);
}
