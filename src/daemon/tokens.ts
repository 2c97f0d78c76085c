/**
 * The tokens that open the API by TCP, in a file. A token is told once, when it is made: the file has hashes.
 * @module
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { statSync } from 'node:fs';
import { z } from 'zod';
import { InvalidArgumentError, UnavailableError } from '../errors.js';
import { Lock } from '../linux/lock.js';
import { persistentDirectory, readStateText, writeStateText } from '../linux/state-directory.js';
import { ROLES, type Role, type Visitor } from './role.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

const tokenSchema = z.strictObject({
  name: z.string().regex(NAME),
  role: z.enum(ROLES),
  /** Of 256 random bits: to guess them is beyond anybody, however fast the hash is. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Milliseconds since 1970. */
  created: z.number(),
});
const fileSchema = z.strictObject({ version: z.literal(1), tokens: z.array(tokenSchema) });

/** A token, as its file has it. */
export type StoredToken = z.infer<typeof tokenSchema>;

/** Where tokens are if nobody says. */
export function defaultTokenFile(): string {
  return `${persistentDirectory()}/tokens.json`;
}

/** Bytes of a token, and what stands before them, by which a scanner for secrets knows it. */
const BYTES = 32;
const PREFIX = 'ipvs-ts_';

/**
 * Makes a token and adds it to a file, which is made where there is none.
 * @param name 1 to 64 letters, digits, `.`, `_`, `@`, `-`; the history and the log name it
 * @returns the token, which nobody can find out later.
 * @throws {InvalidArgumentError} for a name that is none, or that another token has.
 * @throws {UnavailableError} if the file can't be read or written, or is none of tokens.
 */
export function createToken(path: string, name: string, role: Role): Promise<string> {
  return change(path, (tokens) => {
    if (!NAME.test(name))
      refuse('must be 1 to 64 letters, digits, ".", "_", "@" and "-", and begin with a letter or digit');
    if (tokens.some((token) => token.name === name)) refuse(`"${name}" is there already; revoke it first`);
    const token = PREFIX + randomBytes(BYTES).toString('base64url');
    return {
      tokens: [...tokens, { name, role, sha256: hashOf(token).toString('hex'), created: Date.now() }],
      result: token,
    };
  });
}

/** Takes a token out of a file. A running `serve` refuses it from its next request on. @throws as {@link createToken} does. */
export function revokeToken(path: string, name: string): Promise<void> {
  return change(path, (tokens) => {
    const left = tokens.filter((token) => token.name !== name);
    if (left.length === tokens.length) refuse(`there is no token "${name}"`);
    return { tokens: left, result: undefined };
  });
}

/** The tokens of a file; none where there is no file. @throws {UnavailableError} if it can't be read, or is none of tokens. */
export function readTokens(path: string): readonly StoredToken[] {
  const text = readStateText(path);
  if (text === undefined) return [];
  const { success, data } = fileSchema.safeParse(parsed(text));
  if (!success) throw new UnavailableError(`${path} is no file of tokens, which "ipvs-ts token create" writes`);
  return data.tokens;
}

/** The tokens of a file as it is now. */
export class TokenFile {
  readonly #path: string;
  #seen: string | undefined;
  #tokens: readonly StoredToken[] = [];

  constructor(path: string) {
    this.#path = path;
  }

  /** Whose token it is; undefined: nobody's. @throws {UnavailableError} if the file can't be read: then nobody comes in. */
  find(token: string): Visitor | undefined {
    const hash = hashOf(token);
    // All are compared: how long it takes says nothing about which one fits.
    const found = this.#current().filter(({ sha256 }) => timingSafeEqual(hash, Buffer.from(sha256, 'hex')));
    return found.map(({ name, role }) => ({ name, role }))[0];
  }

  #current(): readonly StoredToken[] {
    const stat = statSync(this.#path, { throwIfNoEntry: false, bigint: true });
    const seen = stat && [stat.dev, stat.ino, stat.mtimeNs, stat.ctimeNs, stat.size].join();
    if (seen === undefined) return [];
    if (seen !== this.#seen) {
      this.#tokens = readTokens(this.#path);
      this.#seen = seen;
    }
    return this.#tokens;
  }
}

/** Milliseconds to wait for another program that changes the file. */
const WAIT = 5000;

async function change<Result>(
  path: string,
  changed: (tokens: readonly StoredToken[]) => { readonly tokens: readonly StoredToken[]; readonly result: Result },
): Promise<Result> {
  using _lock = await Lock.take(`${path}.lock`, { what: path, wait: WAIT });
  const { tokens, result } = changed(readTokens(path));
  writeStateText(path, `${JSON.stringify({ version: 1, tokens }, null, 2)}\n`);
  return result;
}

function refuse(message: string): never {
  throw new InvalidArgumentError('token', [{ path: 'name', message }]);
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
