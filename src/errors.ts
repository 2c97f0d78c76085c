/**
 * Every error of the library on one page. Each class has one stable `code` (for {@link KernelError} the errno's name),
 * so that programs test `error.code` and never the message.
 * @module
 */
import { getSystemErrorMap } from 'node:util';

/** The parent of every error this library makes: `error instanceof IpvsError` tells ours from everybody else's. */
export abstract class IpvsError extends Error {
  /** Stable: `ERR_...`, or the errno's name (`EEXIST`) where the kernel refused. */
  abstract readonly code: string;

  override get name(): string {
    return this.constructor.name;
  }
}

/** So many characters of a user's text stand in a message. */
const SHOWN = 300;

/**
 * A user's text as it may stand in a message: control characters and characters that are not seen are spelled out
 * (`\\u{1b}`), and what is longer than 300 characters is cut. A file may have megabytes in one line, and terminals obey
 * control characters.
 */
export function printable(text: string, most = SHOWN): string {
  const shown = text.length > most ? `${text.slice(0, most)}... (${text.length} characters)` : text;
  return shown.replace(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** One thing that is wrong with a value: where it is, and what is allowed there. */
export interface Issue {
  /** The field as a program writes it: `persistence.timeout`, `schedulerFlags[1]`; empty for the value as a whole. */
  readonly path: string;
  readonly message: string;
}

/** A value that was passed in is not allowed. Nothing was sent to the kernel. */
export class InvalidArgumentError extends IpvsError {
  readonly code = 'ERR_INVALID_ARGUMENT';
  /** What was being checked: `service`, `destination`, `service key`, ... */
  readonly subject: string;
  readonly issues: readonly Issue[];

  constructor(subject: string, issues: readonly Issue[]) {
    super(
      `${subject}: ${issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ')}`,
    );
    this.subject = subject;
    this.issues = issues;
  }
}

/** What the kernel said beside the errno (NLMSGERR_ATTR_*). IPVS itself says nothing there; generic netlink does. */
export interface ExtendedAck {
  readonly message?: string;
  /** Offset in bytes, from the start of the request's netlink header, of the attribute that was refused. */
  readonly offset?: number;
}

/** What {@link KernelError} is made of. */
export interface Refusal {
  /** Negative, as in Node's own system errors: -17 for EEXIST. */
  readonly errno: number;
  /** The verb in words: `add destination`. */
  readonly command: string;
  /** What it was about: `10.0.0.1:80 of tcp://192.0.2.1:80`; absent for commands on the whole table. */
  readonly object?: string | undefined;
  /** What the errno means here, as far as it could be found out. */
  readonly reason?: string | undefined;
  /** What to do about it. */
  readonly hint?: string | undefined;
  readonly extendedAck?: ExtendedAck | undefined;
}

/** The kernel refused a command. `code` is the errno's name: `EEXIST`, `ESRCH`, `ENOENT`, `EPERM`, `EINVAL`, ... */
export class KernelError extends IpvsError implements Refusal {
  readonly code: string;
  readonly errno: number;
  readonly command: string;
  readonly object: string | undefined;
  readonly reason: string | undefined;
  readonly hint: string | undefined;
  readonly extendedAck: ExtendedAck | undefined;

  constructor(refusal: Refusal) {
    const code = errnoName(refusal.errno);
    const subject = refusal.object === undefined ? refusal.command : `${refusal.command} ${refusal.object}`;
    const details = [refusal.reason, refusal.extendedAck?.message, refusal.hint].filter((part) => part !== undefined);
    super([`${subject}: ${code}`, ...details].join('; '));
    this.code = code;
    this.errno = refusal.errno;
    this.command = refusal.command;
    this.object = refusal.object;
    this.reason = refusal.reason;
    this.hint = refusal.hint;
    this.extendedAck = refusal.extendedAck;
  }
}

/** IPVS, or this way of reaching it, is unavailable: no module, no addon, no right, or a source that cannot know. */
export class UnavailableError extends IpvsError {
  readonly code = 'ERR_UNAVAILABLE';
}

/** Who holds a lock. Plain JSON. */
export interface LockHolder {
  /** 0 where it has not said yet who it is. */
  readonly pid: number;
  readonly program: string;
  /** When it took the lock: `2026-11-27T20:41:00.000Z`. */
  readonly since: string;
  /** What else it says, as JSON. */
  readonly about?: unknown;
}

/** Another program has what may have one owner only. Nothing was changed. */
export class LockedError extends IpvsError {
  readonly code = 'ERR_LOCKED';
  readonly holder: LockHolder;

  constructor(what: string, holder: LockHolder) {
    super(`${what} is locked by ${holder.program} (pid ${holder.pid}) since ${holder.since}`);
    this.holder = holder;
  }
}

/** A change of the table that the desired state would undo at once. Nothing was changed. */
export class KeptError extends IpvsError {
  readonly code = 'ERR_KEPT';
}

/** A daemon answered with an error that is none of this library's others: no right, an ETag that is out of date, an older version. */
export class RemoteError extends IpvsError {
  readonly code = 'ERR_REMOTE';
  /** Of HTTP; 0 where it is about a part of a request. */
  readonly status: number;
  /** What the daemon calls it: `about:blank` where the status says all. */
  readonly type: string;

  constructor(message: string, status: number, type: string) {
    super(message);
    this.status = status;
    this.type = type;
  }
}

/** The table changed again and again while it was read, so that no consistent picture could be had. */
export class InterruptedError extends IpvsError {
  readonly code = 'ERR_DUMP_INTERRUPTED';
}

/** The client was closed before the call ended. A command that had been sent may have been carried out. */
export class ClosedError extends IpvsError {
  readonly code = 'ERR_CLOSED';
}

/** The answer did not come in time. A command that had been sent may have been carried out. */
export class TimeoutError extends IpvsError {
  readonly code = 'ERR_TIMEOUT';
}

/** The kernel dropped answers because the socket's receive buffer was full. Whether the command was done is unknown. */
export class OverrunError extends IpvsError {
  readonly code = 'ERR_OVERRUN';
}

/** Bytes or text from the kernel that make no sense: truncated, wrong lengths, not the documented format. */
export class ProtocolError extends IpvsError {
  readonly code = 'ERR_PROTOCOL';
}

/** A line of a rules text that cannot be taken. The text was read whole before anything was sent: nothing changed. */
export class RulesError extends IpvsError {
  readonly code = 'ERR_RULES';
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
  /** ipvsadm's words for what is wrong with the line. */
  readonly reason: string;

  constructor(line: number, text: string, reason: string) {
    super(`line ${line}: ${printable(reason)}: ${printable(text)}`);
    this.line = line;
    this.text = text;
    this.reason = reason;
  }
}

/** One line of a rules text that the kernel refused. */
export interface RestoreFailure {
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
  readonly error: Error;
}

/** A file of saved connections that is none, is damaged, or is of a newer version. Nothing was changed. */
export class ConnectionsFileError extends IpvsError {
  readonly code = 'ERR_CONNECTIONS_FILE';

  constructor(reason: string, options?: ErrorOptions) {
    super(`the file of saved connections: ${reason}`, options);
  }
}

/** Some lines of a restore were refused by the kernel. Every other line was carried out; see `applied`. */
export class RestoreError extends IpvsError {
  readonly code = 'ERR_RESTORE';
  /** How many commands were carried out. */
  readonly applied: number;
  readonly failures: readonly RestoreFailure[];

  constructor(applied: number, failures: readonly RestoreFailure[]) {
    const shown = failures.slice(0, 5).map(({ line, error }) => `line ${line}: ${error.message}`);
    const rest = failures.length - shown.length;
    if (rest > 0) shown.push(`and ${rest} more`);
    super(
      `${failures.length} of ${applied + failures.length} commands failed, the others were done: ${shown.join('; ')}`,
    );
    this.applied = applied;
    this.failures = failures;
  }
}

/** One thing that is wrong with a file, and where. */
export interface ConfigIssue extends Issue {
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1, in UTF-16 units. */
  readonly column: number;
}

/** A file that cannot be taken. It was read whole, `issues` is all that is wrong with it, and nothing was changed. */
export class ConfigError extends IpvsError {
  readonly code = 'ERR_CONFIG';
  /** The file's name as it was given. */
  readonly file: string;
  /** In the order of the file. */
  readonly issues: readonly ConfigIssue[];

  /** The message has a line for each of the first 20 issues, in the form that editors jump by. */
  constructor(file: string, issues: readonly ConfigIssue[]) {
    const told = issues.map((issue) => ({
      ...issue,
      path: printable(issue.path),
      message: printable(issue.message),
    }));
    const shown = told.slice(0, 20).map(({ line, column, path, message }) => {
      return `${printable(file)}:${line}:${column}: ${path === '' ? message : `${path}: ${message}`}`;
    });
    const rest = issues.length - shown.length;
    if (rest > 0) shown.push(`and ${rest} more`);
    super(shown.join('\n'));
    this.file = file;
    this.issues = told;
  }
}

/** What {@link HostApplyError} is made of; steps in words: `add 10.0.0.100/32 to lo`. */
export interface HostApplyFailure {
  /** The step that was refused. What it had begun was taken back, unless `inForce` ends with it. */
  readonly step: string;
  /** What this run did and what is still so; empty where it was taken back. */
  readonly inForce: readonly string[];
  /** What this run did and took back. */
  readonly takenBack: readonly string[];
  /** What it did not come to. */
  readonly notTried: readonly string[];
}

/** A step of a plan for a director or a real server was refused. `cause` is the refusal. */
export class HostApplyError extends IpvsError implements HostApplyFailure {
  readonly code = 'ERR_APPLY';
  readonly step: string;
  readonly inForce: readonly string[];
  readonly takenBack: readonly string[];
  readonly notTried: readonly string[];

  constructor(failure: HostApplyFailure, cause: Error) {
    const lists = [
      ['taken back', failure.takenBack],
      ['still in force', failure.inForce],
      ['not tried', failure.notTried],
    ] as const;
    const told = lists.filter(([, steps]) => steps.length > 0).map(([words, steps]) => `${words}: ${listed(steps)}`);
    super([stepFailure(failure.step, cause), ...told].join('; '), { cause });
    this.step = failure.step;
    this.inForce = failure.inForce;
    this.takenBack = failure.takenBack;
    this.notTried = failure.notTried;
  }
}

/** What {@link ReconcileError} is made of; steps in words: `add destination 10.0.0.2:80 of tcp://192.0.2.1:80`. */
export interface ReconcileFailure {
  /** The steps that were refused, and why, in the plan's order. Empty where the run was ended from outside. */
  readonly refused: readonly { readonly step: string; readonly error: Error }[];
  /** What this run did and what is still so. */
  readonly inForce: readonly string[];
  /** What this run did and took back. */
  readonly takenBack: readonly string[];
  /** What was not tried: it comes later in the plan, or would have harmed a service after a refusal. */
  readonly notTried: readonly string[];
  /** What the kernel may have done or not: it did not answer, and could not be asked again. */
  readonly unknown: readonly string[];
}

/** The plan of a table was not carried out whole. `cause` is the first refusal. Every step is in exactly one list. */
export class ReconcileError extends IpvsError implements ReconcileFailure {
  readonly code = 'ERR_RECONCILE';
  readonly refused: ReconcileFailure['refused'];
  readonly inForce: readonly string[];
  readonly takenBack: readonly string[];
  readonly notTried: readonly string[];
  readonly unknown: readonly string[];

  constructor(failure: ReconcileFailure, cause: unknown) {
    const lists = [
      ['not known whether done', failure.unknown],
      ['taken back', failure.takenBack],
      ['in force', failure.inForce],
      ['not tried', failure.notTried],
    ] as const;
    const told = lists.filter(([, steps]) => steps.length > 0).map(([words, steps]) => `${words}: ${listed(steps)}`);
    const reasons = failure.refused.map(({ step, error }) => stepFailure(step, error));
    const refused = reasons.length > 0 ? `refused: ${listed(reasons)}` : 'ended before its time';
    super([refused, ...told].join('; '), { cause });
    this.refused = failure.refused;
    this.inForce = failure.inForce;
    this.takenBack = failure.takenBack;
    this.notTried = failure.notTried;
    this.unknown = failure.unknown;
  }
}

/** A step and why it was refused; a refusal of the kernel names the step already. */
function stepFailure(step: string, { message }: Error): string {
  return message.startsWith(`${step}: `) ? message : `${step}: ${message}`;
}

function listed(steps: readonly string[]): string {
  const rest = steps.length - 5;
  return [...steps.slice(0, 5), ...(rest > 0 ? [`and ${rest} more`] : [])].join(', ');
}

/** `EEXIST` for -17 or 17; `ERRNO_524` for a number without a name. */
export function errnoName(errno: number): string {
  const number = Math.abs(errno);
  // libuv says ENOTSUP for 95, the kernel's headers and every netlink user EOPNOTSUPP.
  if (number === 95) return 'EOPNOTSUPP';
  return getSystemErrorMap().get(-number)?.[0] ?? `ERRNO_${number}`;
}
