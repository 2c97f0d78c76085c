/**
 * Who may do what by the API.
 * @module
 */
import type { PeerCredentials } from '../linux/peer-credentials.js';

/**
 * What a token is for, each with all that stands before it: `reader` looks, `operator` sets weights, drains, ends and moves connections,
 * `admin` changes the desired state.
 */
export const ROLES = ['reader', 'operator', 'admin'] as const;
/** One of {@link ROLES}. */
export type Role = (typeof ROLES)[number];

/** Who sends a request. */
export interface Visitor {
  /** The name of a token, or of the user at the socket: `unix:anna`. No token has a colon in its name. */
  readonly name: string;
  readonly role: Role;
  /** At the socket. */
  readonly peer?: PeerCredentials | undefined;
}

/** Whether somebody may do what needs a role. */
export function isAllowed({ role }: Visitor, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
