/**
 * Errors of the library as JSON, and back: whoever asks a daemon gets the error that the call would have thrown here.
 * @module
 */
import { z } from 'zod';
import {
  ClosedError,
  ConfigError,
  type ConfigIssue,
  InvalidArgumentError,
  IpvsError,
  type Issue,
  KeptError,
  KernelError,
  OverrunError,
  printable,
  RemoteError,
  TimeoutError,
  UnavailableError,
} from '../errors.js';

const refusal = z.object({
  errno: z.number().int().describe('negative: -17 for EEXIST'),
  command: z.string(),
  object: z.string().optional(),
  reason: z.string().optional(),
  hint: z.string().optional(),
});

/** What went wrong, as the API tells it. */
export const errorJsonSchema = z.object({
  code: z.string().describe('ERR_..., or the name of the errno with which the kernel refused'),
  message: z.string(),
  subject: z.string().optional().describe('what was checked'),
  issues: z.array(z.looseObject({ path: z.string(), message: z.string() })).optional(),
  refusal: refusal.optional().describe('of the kernel'),
});

/** See {@link errorJsonSchema}. */
export type ErrorJson = z.infer<typeof errorJsonSchema>;

/** The code of an error that is none of the library. */
const OTHER = 'ERR_OTHER';

/** An error as JSON. */
export function errorJson(error: Error): ErrorJson {
  const { message } = error;
  if (!(error instanceof IpvsError)) return { code: OTHER, message: printable(message) };
  const { code } = error;
  const issues = error instanceof InvalidArgumentError || error instanceof ConfigError ? error.issues : undefined;
  return {
    code,
    message,
    ...(error instanceof InvalidArgumentError && { subject: error.subject }),
    ...(issues !== undefined && { issues: issues.map((issue) => ({ ...issue })) }),
    ...(error instanceof KernelError && { refusal: refusalJson(error) }),
  };
}

/** What a kernel's refusal is made of. */
export function refusalJson({ errno, command, object, reason, hint }: KernelError): z.infer<typeof refusal> {
  return { errno, command, object, reason, hint };
}

/** The error again. What no class of the library fits is a {@link RemoteError} with that code's words. */
export function errorOf(
  { code, message, subject = 'request', issues, refusal: refused }: ErrorJson,
  status = 0,
): IpvsError {
  if (refused !== undefined) return new KernelError(refused);
  if (code === 'ERR_INVALID_ARGUMENT' && issues !== undefined) return new InvalidArgumentError(subject, issues);
  if (code === 'ERR_CONFIG' && issues !== undefined) return new ConfigError('document', issues.map(placed));
  const Kind = CLASSES[code];
  return Kind === undefined ? new RemoteError(message, status, code) : new Kind(message);
}

const CLASSES: Readonly<Record<string, new (message: string) => IpvsError>> = {
  ERR_UNAVAILABLE: UnavailableError,
  ERR_TIMEOUT: TimeoutError,
  ERR_CLOSED: ClosedError,
  ERR_OVERRUN: OverrunError,
  ERR_KEPT: KeptError,
};

function placed({ path, message, ...where }: Issue & { readonly [name: string]: unknown }): ConfigIssue {
  const { line, column } = where;
  return { path, message, line: Number(line ?? 1), column: Number(column ?? 1) };
}
