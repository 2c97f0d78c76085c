/**
 * The cause of a refusal, and the one that is known without looking: the lack of rights.
 * @module
 */
import { KernelError } from '../errors.js';

/** Why the kernel refused, and what helps; both absent where neither is known. */
export interface Cause {
  readonly reason?: string;
  readonly hint?: string;
}

export const RIGHTS: Cause = {
  reason: 'the kernel wants CAP_NET_ADMIN in the initial user namespace for every IPVS command',
  hint: 'run as root or with "setcap cap_net_admin+ep"; root of a user namespace (rootless container) is not enough',
};

/** The same error with a cause; a reason that it has already stays. */
export function withCause(error: KernelError, { reason, hint }: Cause): KernelError {
  const { errno, command, object, extendedAck } = error;
  return new KernelError({ errno, command, object, extendedAck, reason: error.reason ?? reason, hint });
}

/** Explains a lack of rights. Any other error is given back as it is. */
export function explainRights(error: unknown): unknown {
  return error instanceof KernelError && error.code === 'EPERM' ? withCause(error, RIGHTS) : error;
}
