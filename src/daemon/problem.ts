/**
 * What goes wrong with a request, as `application/problem+json` (RFC 9457).
 * @module
 */
import { STATUS_CODES } from 'node:http';
import { ConfigError, InvalidArgumentError, IpvsError, type Issue, KernelError, printable } from '../errors.js';
import { type ErrorJson, refusalJson } from '../json/error.js';

/** The body of an answer that is no success. */
export interface ProblemDetails {
  /** `urn:ipvs-ts:` and the code of an error, or `about:blank` where the status says all. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** What is wrong with the fields of the request: with a document, also where in it. */
  readonly errors?: readonly (Issue & { readonly line?: number; readonly column?: number })[];
  /** Of the kernel. */
  readonly refusal?: ErrorJson['refusal'];
}

/** What {@link Problem} takes besides status and words. */
export interface ProblemOptions {
  readonly type?: string;
  readonly errors?: ProblemDetails['errors'];
  readonly refusal?: ProblemDetails['refusal'];
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that is answered with an error. */
export class Problem extends Error {
  readonly status: number;
  readonly options: ProblemOptions;

  constructor(status: number, detail: string, options: ProblemOptions = {}) {
    super(detail);
    this.status = status;
    this.options = options;
  }

  get details(): ProblemDetails {
    const { type = 'about:blank', errors, refusal } = this.options;
    const title = STATUS_CODES[this.status] ?? 'Error';
    const more = { ...(errors !== undefined && { errors }), ...(refusal !== undefined && { refusal }) };
    return { type, title, status: this.status, detail: this.message, ...more };
  }
}

/** The most issues of a document that are told. */
const MOST_ISSUES = 200;
/** Characters of a detail. */
const DETAIL = 4000;

/** The statuses of the library's errors. What the kernel refuses is a conflict with what there is. */
const STATUSES: Readonly<Record<string, number>> = {
  ERR_CONFIG: 422,
  ERR_INVALID_ARGUMENT: 422,
  ERR_LOCKED: 409,
  ERR_UNAVAILABLE: 503,
  ERR_TIMEOUT: 503,
  ERR_CLOSED: 503,
  ERR_OVERRUN: 503,
  ERR_DUMP_INTERRUPTED: 503,
  ERR_PROTOCOL: 500,
};

/** Any error as a problem. What is no error of the library is the program's own mistake, or the machine's. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (!(error instanceof IpvsError)) {
    const { message = '' } = error as Partial<Error>;
    return new Problem(500, printable(message, DETAIL));
  }
  const { code } = error;
  const issues = error instanceof ConfigError || error instanceof InvalidArgumentError ? error.issues : undefined;
  return new Problem(STATUSES[code] ?? 409, printable(error.message.replaceAll('\n', '; '), DETAIL), {
    type: `urn:ipvs-ts:${code}`,
    ...(issues !== undefined && { errors: issues.slice(0, MOST_ISSUES).map(shown) }),
    ...(error instanceof KernelError && { refusal: refusalJson(error) }),
  });
}

function shown<Wrong extends Issue>(issue: Wrong): Wrong {
  return { ...issue, path: printable(issue.path), message: printable(issue.message) };
}

/** Does what reads a part of the request beside its body: what is wrong there is a bad request. */
export function reading<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    const { options, message } = problemOf(error);
    throw new Problem(400, message, options);
  }
}
