/**
 * Health checks as values: what is asked of a real server, how often, and how many answers make a verdict.
 * @module
 */
import type { z } from 'zod';
import { familyOf } from '../address/ip.js';
import { type AgentCheck, agentSchema, type GrpcCheck, grpcSchema, type NormalGrpcCheck } from './checks/agent.js';
import { baseShape, type CheckBase, timesShape, type WithFilled } from './checks/base.js';
import { type DnsCheck, dnsSchema, type NormalDnsCheck, type UdpCheck, udpSchema } from './checks/datagram.js';
import { type ExecCheck, execSchema, type FileCheck, fileSchema, type NormalExecCheck } from './checks/exec.js';
import { type HttpCheck, httpSchema, type NormalHttpCheck } from './checks/http.js';
import { type PingCheck, pingSchema } from './checks/ping.js';
import {
  type NormalScriptCheck,
  type NormalSmtpCheck,
  type ScriptCheck,
  type SmtpCheck,
  scriptSchema,
  smtpSchema,
} from './checks/script.js';
import {
  type LdapCheck,
  ldapSchema,
  type MysqlCheck,
  mysqlSchema,
  type NormalLdapCheck,
  type NormalPostgresqlCheck,
  type NormalRadiusCheck,
  type NormalSipCheck,
  type PostgresqlCheck,
  postgresqlSchema,
  type RadiusCheck,
  radiusSchema,
  type SipCheck,
  sipSchema,
} from './checks/service.js';
import { lazy, oneOf, parse } from './parse.js';
import { zod } from './zod.js';

export type { AgentCheck, GrpcCheck, NormalGrpcCheck } from './checks/agent.js';
export type { CallFrom, CheckBase, WithFilled } from './checks/base.js';
export type { DnsCheck, NormalDnsCheck, UdpCheck } from './checks/datagram.js';
export { RECORD_TYPES } from './checks/datagram.js';
export type { ExecCheck, FileCheck, NormalExecCheck } from './checks/exec.js';
export type { HttpBody, HttpCheck, NormalHttpCheck } from './checks/http.js';
export type { PingCheck } from './checks/ping.js';
export type { NormalScriptCheck, NormalSmtpCheck, ScriptCheck, ScriptStep, SmtpCheck } from './checks/script.js';
export { PRESETS } from './checks/script.js';
export type {
  LdapCheck,
  MysqlCheck,
  NormalLdapCheck,
  NormalPostgresqlCheck,
  NormalRadiusCheck,
  NormalSipCheck,
  PostgresqlCheck,
  RadiusCheck,
  SipCheck,
} from './checks/service.js';
export type { NormalTls, TlsOptions } from './checks/tls.js';

/** Whether a TCP connection comes about. It is ended by a reset, so that the server has nothing to wait for. */
export interface TcpCheck extends CheckBase {
  readonly type: 'tcp';
}

/** One check, as a program writes it. */
export type Check =
  | TcpCheck
  | HttpCheck
  | ScriptCheck
  | SmtpCheck
  | DnsCheck
  | UdpCheck
  | ExecCheck
  | FileCheck
  | AgentCheck
  | GrpcCheck
  | PingCheck
  | LdapCheck
  | MysqlCheck
  | PostgresqlCheck
  | RadiusCheck
  | SipCheck;

/** With the defaults that every check has. */
export type TimedCheck<Checks> = Checks extends CheckBase
  ? WithFilled<Checks, 'interval' | 'timeout' | 'fall' | 'softFall' | 'rise' | 'recheck'>
  : never;

/** A check with its defaults filled in. */
export type NormalCheck = TimedCheck<
  | TcpCheck
  | NormalHttpCheck
  | NormalScriptCheck
  | NormalSmtpCheck
  | NormalDnsCheck
  | UdpCheck
  | NormalExecCheck
  | FileCheck
  | AgentCheck
  | NormalGrpcCheck
  | PingCheck
  | NormalLdapCheck
  | MysqlCheck
  | NormalPostgresqlCheck
  | NormalRadiusCheck
  | NormalSipCheck
>;

const tcpSchema = lazy((z) => z.strictObject({ type: z.literal('tcp'), ...baseShape() }));

const anySchema = lazy((z) =>
  z.discriminatedUnion(
    'type',
    [
      tcpSchema(),
      httpSchema(),
      scriptSchema(),
      smtpSchema(),
      dnsSchema(),
      udpSchema(),
      execSchema(),
      fileSchema(),
      agentSchema(),
      grpcSchema(),
      pingSchema(),
      ldapSchema(),
      mysqlSchema(),
      postgresqlSchema(),
      radiusSchema(),
      sipSchema(),
    ],
    oneOf(
      'tcp',
      'http',
      'script',
      'smtp',
      'dns',
      'udp',
      'exec',
      'file',
      'agent',
      'grpc',
      'ping',
      'ldap',
      'mysql',
      'postgresql',
      'radius',
      'sip',
    ),
  ),
);

/** The schema of a check whose times are milliseconds. */
export const checkSchema = lazy((): z.ZodType<NormalCheck, unknown> => ofOneFamily(anySchema().transform(filled)));

/** The same where times are written otherwise: `time` reads one of `min` to `max` milliseconds. */
export function checkSchemaWith(
  time: (min: number, max: number) => z.ZodType<number>,
): z.ZodType<NormalCheck, unknown> {
  const { options } = anySchema();
  const times = timesShape(time);
  const schemas = options.map((schema) => (schema as z.ZodObject).safeExtend(times)) as unknown as typeof options;
  const names = options.flatMap(({ shape }) => [...shape.type.values]);
  return ofOneFamily(
    zod()
      .discriminatedUnion('type', schemas, oneOf(...names))
      .transform(filled),
  );
}

/** A check that names both ends of its call. */
function ofOneFamily(schema: z.ZodType<NormalCheck, unknown>): z.ZodType<NormalCheck, unknown> {
  return schema
    .refine(
      ({ address, source }) => address === undefined || source === undefined || familyOf(address) === familyOf(source),
      { path: ['source'], error: 'must be of the family of address' },
    )
    .superRefine((check, context) => {
      for (const name of ['device', 'fwmark'] as const) {
        if (check[name] === undefined || !callsNobody(check)) continue;
        context.addIssue({ code: 'custom', path: [name], message: 'has no meaning: the check calls nobody itself' });
      }
    });
}

/** What follows from other fields. */
function filled(check: z.output<ReturnType<typeof anySchema>>): NormalCheck {
  const { fall, interval, softFall = fall, recheck = Math.max(100, Math.round(interval / 4)) } = check;
  return { ...check, softFall, recheck: Math.min(recheck, interval) };
}

/** Checks that go to no port, and those that do without one. */
const PORTLESS: ReadonlySet<string> = new Set(['ping', 'exec', 'file']);

/** Whether a check needs a port to go to. */
export function needsPort({ type }: Pick<Check, 'type'>): boolean {
  return !PORTLESS.has(type);
}

/** Whether a check calls no address itself: a program that it starts may. */
export function callsNobody({ type }: Pick<Check, 'type'>): boolean {
  return type === 'exec' || type === 'file';
}

/** Checks a check, and fills in its defaults. Throws {@link InvalidArgumentError} with the path of each field that is wrong. */
export function parseCheck(check: Check): NormalCheck {
  return parse(checkSchema, 'check', check);
}
