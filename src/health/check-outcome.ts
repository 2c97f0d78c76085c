/**
 * Where a check goes, and what one run of it against one real server found.
 * @module
 */

/** Where a check goes. */
export interface Target {
  /** IPv4 or IPv6. */
  readonly address: string;
  /** 0 where the check needs none. */
  readonly port: number;
}

/** What one run found. */
export type CheckOutcome =
  /** The server answered as it should. */
  | {
      readonly result: 'passed';
      /** What was seen: `HTTP status 200`. */
      readonly reason: string;
      /** Percent of its weight that the server asks for: an agent, an exec check with dynamic weights. */
      readonly load?: number | undefined;
      /** Something to look at soon: `the certificate ends in 3 days`. */
      readonly warning?: string | undefined;
    }
  /**
   * It did not. `hard`: it could not be reached, it refused, it was silent until the timeout. `soft`: it answered otherwise than it
   * should.
   */
  | { readonly result: 'failed'; readonly kind: 'hard' | 'soft'; readonly reason: string }
  /** This program's own trouble: no descriptors, no memory, no address to call from. Says nothing of the server. */
  | { readonly result: 'not measured'; readonly reason: string };
