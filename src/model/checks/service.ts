/**
 * Checks of servers by the first words of their own protocol: directories, databases, RADIUS, SIP.
 * @module
 */
import { lazy } from '../parse.js';
import { baseShape, type CheckBase, lineSchema, statusSchema, textSchema, type WithFilled } from './base.js';
import { type NormalTls, type TlsOptions, tlsSchema } from './tls.js';

/** An anonymous bind by LDAP, which must succeed, as ldirectord's `ldap`. */
export interface LdapCheck extends CheckBase {
  readonly type: 'ldap';
  /** TLS from the start (ldaps): `true`, or how. Default: no TLS. */
  readonly tls?: true | TlsOptions | undefined;
}

/** With its defaults filled in. */
export type NormalLdapCheck = Omit<LdapCheck, 'tls'> & { readonly tls?: NormalTls | undefined };

/**
 * The greeting of MySQL or MariaDB, as HAProxy's mysql-check without a user. The server counts each run as an interrupted call:
 * it blocks this host after `max_connect_errors` of them in a row, with no real client in between (default 100).
 */
export interface MysqlCheck extends CheckBase {
  readonly type: 'mysql';
}

/** A call to PostgreSQL up to its question for a password. Passes whatever it thinks of the user, as pg_isready. */
export interface PostgresqlCheck extends CheckBase {
  readonly type: 'postgresql';
  /** Default `ipvs-ts`. */
  readonly user?: string | undefined;
  /** Default: the user's name. */
  readonly database?: string | undefined;
}

/** With its defaults filled in. */
export type NormalPostgresqlCheck = WithFilled<PostgresqlCheck, 'user'>;

/**
 * An Access-Request to a RADIUS server. Any reply that is signed with the secret passes, a reject too: the server works. ldirectord's
 * `radius` wants an accept.
 */
export interface RadiusCheck extends CheckBase {
  readonly type: 'radius';
  /** What this host and the server both know. */
  readonly secret: string;
  /** Default `ipvs-ts`. */
  readonly user?: string | undefined;
  /** At most 128 bytes. Default: empty. */
  readonly password?: string | undefined;
}

/** With its defaults filled in. */
export type NormalRadiusCheck = WithFilled<RadiusCheck, 'user' | 'password'>;

/** OPTIONS of SIP by UDP, as ldirectord's `sip`. */
export interface SipCheck extends CheckBase {
  readonly type: 'sip';
  /** Whom to ask: `service@example.com`. Default: the address that is checked. */
  readonly uri?: string | undefined;
  /** Statuses that pass: `200`, `'200-299'`. Default `[200]`. */
  readonly status?: readonly (number | string)[] | undefined;
}

/** With its defaults filled in. */
export type NormalSipCheck = WithFilled<SipCheck, 'status'>;

/** The schema of an LDAP check. */
export const ldapSchema = lazy((z) =>
  z.strictObject({ type: z.literal('ldap'), ...baseShape(), tls: tlsSchema().optional() }),
);

/** The schema of a MySQL check. */
export const mysqlSchema = lazy((z) => z.strictObject({ type: z.literal('mysql'), ...baseShape() }));

/** The schema of a PostgreSQL check. */
export const postgresqlSchema = lazy((z) =>
  z.strictObject({
    type: z.literal('postgresql'),
    ...baseShape(),
    user: lineSchema().default('ipvs-ts'),
    database: lineSchema().optional(),
  }),
);

/** The schema of a RADIUS check. */
export const radiusSchema = lazy((z) =>
  z.strictObject({
    type: z.literal('radius'),
    ...baseShape(),
    secret: textSchema(),
    user: textSchema()
      .refine((text) => Buffer.byteLength(text) <= 253, { error: 'must be at most 253 bytes' })
      .default('ipvs-ts'),
    password: z
      .string()
      .refine((text) => Buffer.byteLength(text) <= 128, { error: 'must be at most 128 bytes' })
      .default(''),
  }),
);

/** The schema of a SIP check. */
export const sipSchema = lazy((z) =>
  z.strictObject({
    type: z.literal('sip'),
    ...baseShape(),
    uri: textSchema()
      .regex(/^[\x21-\x7e]+$/, { error: 'must be printable ASCII without blanks' })
      .overwrite((text) => text.replace(/^sip:/, ''))
      .optional(),
    status: z.array(statusSchema()).min(1, { error: 'must not be empty' }).default([200]),
  }),
);
