/**
 * The cause of a refusal, and the one that is known without looking: the lack of rights.
 * @module
 */
import { KernelError } from '../errors.js';
import type { CommandSource } from './command-source.js';

/** Why the kernel refused, and what helps; both absent where neither is known. */
export interface Cause {
  readonly reason?: string;
  readonly hint?: string;
}

/** What each way of commands wants; the kernel looks at another user namespace for each (do_ip_vs_set_ctl, GENL_ADMIN_PERM). */
export const RIGHTS: Readonly<Record<CommandSource['name'], Cause>> = {
  netlink: {
    reason: 'the kernel wants CAP_NET_ADMIN in the initial user namespace for every IPVS command by netlink',
    hint:
      'run as root or with "setcap cap_net_admin+ep"; root of a user namespace (rootless container) has the source sockopt ' +
      'instead',
  },
  sockopt: {
    reason: 'the kernel wants CAP_NET_ADMIN in the user namespace that owns the network namespace',
    hint: 'run as root, as root of that user namespace ("unshare -Urn"), or with "setcap cap_net_admin+ep"',
  },
};

/** The same error with a cause; a reason that it has already stays. */
export function withCause(error: KernelError, { reason, hint }: Cause): KernelError {
  const { errno, command, object, extendedAck } = error;
  return new KernelError({ errno, command, object, extendedAck, reason: error.reason ?? reason, hint });
}

/** Explains a lack of rights. Any other error is given back as it is. */
export function explainRights(error: unknown, source: CommandSource['name']): unknown {
  return error instanceof KernelError && error.code === 'EPERM' ? withCause(error, RIGHTS[source]) : error;
}
