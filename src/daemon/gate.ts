/**
 * Who comes in, and how often.
 * @module
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { peerCredentials } from '../linux/peer-credentials.js';
import { nameOfUser } from '../linux/user.js';
import { Problem } from './problem.js';
import type { Visitor } from './role.js';
import type { TokenFile } from './tokens.js';

/** Says who sends a request. @throws {Problem} 401 for nobody that is known, 429 for one who comes too often. */
export type Gate = (request: IncomingMessage) => Visitor;

/** Whoever can use the socket has the rights of this program. Who it is says the kernel: `unix:anna`; `socket` where it says nothing. */
export function socketGate(): Gate {
  const visitors = new WeakMap<Socket, Visitor>();
  return ({ socket }) => {
    let visitor = visitors.get(socket);
    if (visitor === undefined) {
      const peer = peerCredentials(socket);
      visitor = { name: peer === undefined ? UNKNOWN : `unix:${nameOfUser(peer.uid)}`, role: 'admin', peer };
      visitors.set(socket, visitor);
    }
    return visitor;
  };
}

const UNKNOWN = 'socket';

/** Requests a second of one token, and how many may come at once. */
const RATE = 100;
const BURST = 200;
/** Wrong tokens a second of one address, and how many may come at once. */
const WRONG_RATE = 1;
const WRONG_BURST = 20;

/** Lets in who has a token of the file: `Authorization: Bearer TOKEN`. */
export function tokenGate(tokens: TokenFile, now: () => number = () => performance.now()): Gate {
  const requests = new RateLimit(RATE, BURST, now);
  const wrong = new RateLimit(WRONG_RATE, WRONG_BURST, now);
  return ({ headers: { authorization = '' }, socket: { remoteAddress = '' } }) => {
    const [, token] = /^Bearer +([\w.~+/-]+=*)$/i.exec(authorization) ?? [];
    const visitor = token === undefined ? undefined : tokens.find(token);
    if (visitor !== undefined) {
      if (!requests.take(visitor.name)) throw tooOften(`more than ${RATE} requests a second`);
      return visitor;
    }
    if (!wrong.take(remoteAddress)) throw tooOften('too many requests without a token that is known');
    const headers = { 'WWW-Authenticate': 'Bearer realm="ipvs-ts"' };
    throw new Problem(401, 'needs "Authorization: Bearer TOKEN" with a token of "ipvs-ts token create"', { headers });
  };
}

function tooOften(detail: string): Problem {
  return new Problem(429, detail, { headers: { 'Retry-After': '1' } });
}

/** Names that are remembered: those who came longest ago are forgotten first. */
const NAMES = 10_000;

/** So many things a second for each name, and so many at once. */
export class RateLimit {
  readonly #rate: number;
  readonly #burst: number;
  readonly #now: () => number;
  readonly #left = new Map<string, { readonly tokens: number; readonly at: number }>();

  constructor(rate: number, burst: number, now: () => number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#now = now;
  }

  /** Whether one more may come. */
  take(name: string): boolean {
    const at = this.#now();
    const before = this.#left.get(name) ?? { tokens: this.#burst, at };
    const tokens = Math.min(this.#burst, before.tokens + ((at - before.at) * this.#rate) / 1000);
    const isLet = tokens >= 1;
    this.#left.delete(name);
    this.#left.set(name, { tokens: isLet ? tokens - 1 : tokens, at });
    const [oldest] = this.#left.keys();
    if (this.#left.size > NAMES && oldest !== undefined) this.#left.delete(oldest);
    return isLet;
  }
}
