/**
 * How a check speaks TLS.
 * @module
 */
import { integer, lazy } from '../parse.js';
import { lineSchema, textSchema, type WithFilled } from './base.js';

/** How a check speaks TLS. */
export interface TlsOptions {
  /**
   * The name that the server is asked for (SNI), and that its certificate must be for. Default: the name of the `host` of an
   * HTTP check; else the address that is checked.
   */
  readonly serverName?: string | undefined;
  /** Whether the certificate must be valid, for that name, and signed by somebody trusted. Default true. */
  readonly verify?: boolean | undefined;
  /** The path of a PEM file of the signers to trust. Default: those of Node. */
  readonly ca?: string | undefined;
  /** The path of a PEM file of this client's own certificate; needs `key`. */
  readonly cert?: string | undefined;
  /** The path of the PEM file of its key; needs `cert`. */
  readonly key?: string | undefined;
  /** Days before the certificate's end from which on a pass carries a warning, 0 (never) to 3650. Default 14. */
  readonly expiryWarning?: number | undefined;
}

/** With its defaults filled in. */
export type NormalTls = WithFilled<TlsOptions, 'verify' | 'expiryWarning'>;

/** The schema of `tls`: `true` has all defaults. */
export const tlsSchema = lazy((z) =>
  z
    .preprocess(
      (input) => (input === true ? {} : input),
      z
        .strictObject(
          {
            serverName: lineSchema().optional(),
            verify: z.boolean().default(true),
            ca: textSchema().optional(),
            cert: textSchema().optional(),
            key: textSchema().optional(),
            expiryWarning: integer(0, 3650, ' days').default(14),
          },
          { error: ({ code }) => (code === 'invalid_type' ? 'must be true or an object' : undefined) },
        )
        .superRefine(({ cert, key }, context) => {
          if ((cert === undefined) === (key === undefined)) return;
          const [path, other] = cert === undefined ? ['cert', 'key'] : ['key', 'cert'];
          context.addIssue({ code: 'custom', path: [path], message: `is needed with ${other}` });
        }),
    )
    // For the JSON Schema, which knows the object alone.
    .meta({ type: ['boolean', 'object'] }),
);
