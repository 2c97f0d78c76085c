/**
 * Checks by UDP: one datagram and what is answered, and questions to a name server.
 * @module
 */
import { lazy } from '../parse.js';
import { baseShape, type CheckBase, hexSchema, regexSchema, textSchema, type WithFilled } from './base.js';

/**
 * One datagram. It is refused by an ICMP message (port unreachable). Where nothing is expected, silence until the timeout passes,
 * and so does any answer: keepalived's UDP_CHECK without `require_reply`.
 */
export interface UdpCheck extends CheckBase {
  readonly type: 'udp';
  /** Text to send, as UTF-8. Default: an empty datagram. */
  readonly send?: string | undefined;
  /** Bytes to send, instead of text: pairs of hexadecimal digits. */
  readonly sendHex?: string | undefined;
  /** Text that the answer must contain. */
  readonly expect?: string | undefined;
  /** Bytes that the answer must begin with: pairs of hexadecimal digits, `x` for any digit. As keepalived's `require_reply`. */
  readonly expectHex?: string | undefined;
  /** A regular expression of JavaScript, without slashes and flags, that must match the answer. */
  readonly matches?: string | undefined;
}

/** Types of records that a name server can be asked for. */
export const RECORD_TYPES = ['A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'TXT'] as const;

/** One question to a name server, which must be answered with a record at least. */
export interface DnsCheck extends CheckBase {
  readonly type: 'dns';
  /** What is asked for. Default `.`, as keepalived's DNS_CHECK. */
  readonly name?: string | undefined;
  /** Default `SOA`, as keepalived's DNS_CHECK. */
  readonly recordType?: (typeof RECORD_TYPES)[number] | undefined;
  /** Text that one of the records must contain: `192.0.2.1`, `10 mail.example.`. */
  readonly answer?: string | undefined;
  /** Default `udp`. */
  readonly transport?: 'udp' | 'tcp' | undefined;
}

/** With its defaults filled in. */
export type NormalDnsCheck = WithFilled<DnsCheck, 'name' | 'recordType' | 'transport'>;

/** Of IPv6 and UDP, a datagram that is not split on any link. */
const DATAGRAM = 1232;

/** The schema of a UDP check. */
export const udpSchema = lazy((z) =>
  z
    .strictObject({
      type: z.literal('udp'),
      ...baseShape(),
      send: textSchema()
        .refine((text) => Buffer.byteLength(text) <= DATAGRAM, { error: `must be at most ${DATAGRAM} bytes` })
        .optional(),
      sendHex: hexSchema()
        .refine((text) => text.length <= 2 * DATAGRAM, { error: `must be at most ${DATAGRAM} bytes` })
        .optional(),
      expect: textSchema().optional(),
      expectHex: textSchema()
        .regex(/^(?:\s*[0-9a-fx]{2})+\s*$/i, { error: 'must be pairs of hexadecimal digits, or x for any: "0d xx"' })
        .overwrite((text) => text.replace(/\s+/g, '').toLowerCase())
        .optional(),
      matches: regexSchema().optional(),
    })
    .refine(({ send, sendHex }) => send === undefined || sendHex === undefined, {
      path: ['sendHex'],
      error: 'has no meaning with send',
    }),
);

/** The labels of a name, and their lengths (RFC 1035, 2.3.4). */
function isDomainName(text: string): boolean {
  const labels = text.replace(/\.$/, '').split('.');
  if (text === '.') return true;
  return text.length <= 254 && labels.every((label) => /^[\x21-\x2d\x2f-\x7e]{1,63}$/.test(label));
}

/** The schema of a DNS check. */
export const dnsSchema = lazy((z) =>
  z.strictObject({
    type: z.literal('dns'),
    ...baseShape(),
    name: z.string().refine(isDomainName, { error: 'must be a domain name: "www.example.com", "."' }).default('.'),
    recordType: z.enum(RECORD_TYPES, { error: `must be ${RECORD_TYPES.join(', ')}` }).default('SOA'),
    answer: textSchema().optional(),
    transport: z.enum(['udp', 'tcp'], { error: 'must be udp, tcp' }).default('udp'),
  }),
);
