/**
 * Set-ups: what a host is to be, and the name that each is known by.
 * @module
 */
import { createHash } from 'node:crypto';
import { InvalidArgumentError } from '../errors.js';
import { type Director, type NormalDirector, parseDirector } from '../model/director.js';
import { type NormalRealServer, parseRealServer, type RealServer } from '../model/real-server.js';

/** What a host is. */
export const ROLES = ['director', 'real-server'] as const;
/** One of {@link ROLES}. */
export type Role = (typeof ROLES)[number];

/** What a host is to be. A host may have several set-ups, also of one role: those for IPv4 and IPv6, or of two teams. */
export type HostSetup = {
  /**
   * By which it is known on its host: a set-up of the same role and name takes the place of the earlier one. Default: a text
   * made of the description, so that every description is a set-up of its own.
   */
  readonly name?: string | undefined;
} & (
  | { readonly role: 'director'; readonly description: Director | NormalDirector }
  | { readonly role: 'real-server'; readonly description: RealServer | NormalRealServer }
);

/** A set-up that was checked. */
export type NormalHostSetup = { readonly name: string } & (
  | { readonly role: 'director'; readonly description: NormalDirector }
  | { readonly role: 'real-server'; readonly description: NormalRealServer }
);

/** Checks a set-up. @throws {InvalidArgumentError} with the path of every wrong field. */
export function parseHostSetup(input: HostSetup): NormalHostSetup {
  if (typeof input !== 'object' || input === null) throw wrong('', 'must be an object');
  checkRole(input.role);
  if (input.name !== undefined) checkName(input.name);
  if (input.role === 'director') {
    const description = parseDirector(input.description);
    return { role: 'director', description, name: input.name ?? nameOf('director', description) };
  }
  const description = parseRealServer(input.description);
  return { role: 'real-server', description, name: input.name ?? nameOf('real-server', description) };
}

/** @throws {InvalidArgumentError} */
export function checkRole(role: unknown): void {
  if (ROLES.some((known) => known === role)) return;
  throw wrong('role', `must be ${ROLES.join(' or ')}, not ${JSON.stringify(role)}`);
}

/** @throws {InvalidArgumentError} */
export function checkName(name: unknown): void {
  if (typeof name === 'string' && /^[^\p{Cc}]{1,4096}$/u.test(name)) return;
  throw wrong('name', 'must be one line of text, of at most 4096 characters');
}

function wrong(path: string, message: string): InvalidArgumentError {
  return new InvalidArgumentError('host set-up', [{ path, message }]);
}

/** `dr 10.0.0.100 and 3 more (1f3a9c02)`: the same for the same description, and for no other. */
function nameOf(role: Role, description: NormalDirector | NormalRealServer): string {
  const subject = 'vips' in description ? counted(description.vips) : `by ${description.gateway}`;
  return `${description.mode} ${subject} (${shortDigest(role, JSON.stringify(description))})`;
}

function counted([first, ...more]: readonly { readonly address: string }[]): string {
  return `${first?.address}${more.length === 0 ? '' : ` and ${more.length} more`}`;
}

/** Eight hexadecimal digits that tell texts apart. */
export function shortDigest(...texts: readonly string[]): string {
  return createHash('sha256').update(texts.join('\0')).digest('hex').slice(0, 8);
}
