/**
 * The checkers of keepalived.conf, block by block -> checks (2.2.7, check_api.c and a check_*.c for each).
 * @module
 */
import { familyOf } from '../../address/ip.js';
import { type Check, type NormalCheck, needsPort, RECORD_TYPES } from '../../model/check.js';
import type { NormalDestination } from '../../model/destination.js';
import { withoutUndefined } from '../../model/parse.js';
import { MISSING_VALUE } from './keepalived-group.js';
import { readUrl, type SslFiles, TLS_END, type Url, urlCheck } from './keepalived-http.js';
import { type Account, commandOf } from './keepalived-scripts.js';
import { AT_RUN_TIME, type Keywords, UNKNOWN } from './keepalived-text.js';
import {
  CHECKER_TIMING,
  type Timing,
  type TimingDefaults,
  takeRetry,
  timesOf,
  USUAL_TIMING,
} from './keepalived-timing.js';
import { addressOf, unsigned } from './keepalived-values.js';
import type { Place, Report } from './report.js';
import { checkOf } from './service-health.js';
import { type Handler, handle, type Statement, withoutProblems } from './statement.js';

/** How a server begins. */
export const ALPHA = 'how a server begins is said to keep, by --start, not in the file';

/** Where a check goes to, and where it comes from. */
interface Connection {
  address?: string;
  port?: number;
  source?: string;
  device?: string;
  fwmark?: number;
}

/** A checker while it is read. */
interface Draft {
  readonly report: Report;
  readonly timing: Timing;
  readonly connection: Connection;
}

/** What stands elsewhere in the file, and a checker needs. */
export interface Surroundings {
  readonly ssl: SslFiles;
  /** The paths of the blocks track_file, by name. */
  readonly files: ReadonlyMap<string, TrackFile>;
  readonly virtualHost: string | undefined;
  /** Whom scripts run as that name nobody. */
  readonly account: Account;
  readonly fifo: string | undefined;
}

/** `track_file NAME { file PATH weight N }` */
export interface TrackFile {
  readonly path: string;
  readonly weight: number;
}

/** A checker as it was read. */
export interface Checker {
  readonly place: Place;
  readonly timing: Timing;
  readonly connection: Connection;
  readonly defaults: TimingDefaults;
  readonly timeout?: { readonly value: number; readonly place: Place } | undefined;
  /** The check without its times and its address; several URLs are several checks. */
  readonly checks: (around: Surroundings, weight: number) => readonly Check[];
}

/** The keywords of a real server that open blocks. */
export const CHECKER_BLOCKS: Keywords = new Map<string, Keywords>([
  ['HTTP_GET', new Map([['url', new Map()]])],
  ['SSL_GET', new Map([['url', new Map()]])],
  ['TCP_CHECK', new Map()],
  ['PING_CHECK', new Map()],
  ['SMTP_CHECK', new Map([['host', new Map()]])],
  ['DNS_CHECK', new Map()],
  ['UDP_CHECK', new Map()],
  ['MISC_CHECK', new Map()],
  ['FILE_CHECK', new Map()],
  ['BFD_CHECK', new Map()],
]);

const COMMON: Readonly<Record<string, Handler<Draft>>> = {
  ...CHECKER_TIMING,
  alpha: ALPHA,
  log_all_failures: AT_RUN_TIME,
};

const CONNECTION: Readonly<Record<string, Handler<Draft>>> = {
  ...COMMON,
  connect_ip: (draft, statement) => takeAddress(draft, 'address', statement),
  connect_port: ({ report, connection }, statement) => {
    const port = numberOf(statement, 1, 65535, report);
    if (port !== undefined) connection.port = port;
  },
  bindto: (draft, statement) => takeAddress(draft, 'source', statement),
  bind_port: 'a check has no fixed port of its own',
  bind_if: ({ report, connection }, statement) => {
    const device = firstValue(statement, report);
    if (device !== undefined) connection.device = device;
  },
  fwmark: ({ report, connection }, statement) => {
    const mark = numberOf(statement, 0, 0xffffffff, report);
    if (mark !== undefined) connection.fwmark = mark;
  },
};

function takeAddress({ report, connection }: Draft, field: 'address' | 'source', statement: Statement): void {
  const text = firstValue(statement, report);
  if (text === undefined) return;
  const address = addressOf(text, statement, report);
  const other = connection[field === 'address' ? 'source' : 'address'];
  if (address === undefined) report.passOver(statement, `"${text}" is not an address: keepalived ignores it`);
  else if (other !== undefined && familyOf(other) !== familyOf(address)) {
    report.passOver(statement, `is not of the family of ${other}: keepalived ignores it`);
  } else connection[field] = address;
}

function firstValue(statement: Statement, report: Report): string | undefined {
  const [value] = statement.values;
  if (value === undefined) report.refuse(statement, MISSING_VALUE);
  return value;
}

function numberOf(statement: Statement, min: number, max: number, report: Report): number | undefined {
  const text = firstValue(statement, report);
  return text === undefined ? undefined : unsigned(text, { min, max, isLoose: true }, statement, report);
}

function read<Target extends Draft>(
  statement: Statement,
  handlers: Readonly<Record<string, Handler<Target>>>,
  target: Target,
): Target {
  const { report } = target;
  const block = withoutProblems(statement.block ?? [], () => true, report);
  handle(block, handlers, target, report, (inner) => report.passOver(inner, UNKNOWN));
  return target;
}

function draft(report: Report): Draft {
  return { report, timing: {}, connection: {} };
}

/** A checker that says nothing but where to and how often. */
function simple(type: 'tcp' | 'ping') {
  return (statement: Statement, report: Report): Checker[] => {
    const { timing, connection } = read(statement, CONNECTION, draft(report));
    return [{ place: statement, timing, connection, defaults: USUAL_TIMING, checks: () => [{ type }] }];
  };
}

const NAMELESS = 'has no name: keepalived ignores it';

interface HttpDraft extends Draft {
  readonly urls: Url[];
  virtualHost?: string;
}

const HTTP: Readonly<Record<string, Handler<HttpDraft>>> = {
  ...CONNECTION,
  nb_get_retry: takeRetry(true),
  virtualhost: (http, statement) => {
    const [host] = statement.values;
    if (host === undefined) http.report.passOver(statement, NAMELESS);
    else http.virtualHost = host;
  },
  tls_compliant: TLS_END,
  http_protocol: ({ report }, statement) => {
    if (statement.values[0] !== '1.1') report.skip(statement, 'the check speaks HTTP/1.1');
  },
  enable_sni: ({ report }, statement) => {
    if (/^(false|off|no)$/.test(statement.values[0] ?? '')) report.skip(statement, 'a check always names its host');
  },
  fast_recovery: 'each URL is a check of its own, and none waits for another',
  url: ({ report, urls }, statement) => {
    const url = readUrl(statement, report);
    if (url !== undefined) urls.push(url);
  },
};

function http(isSecure: boolean) {
  return (statement: Statement, report: Report): Checker[] => {
    const http: HttpDraft = read(statement, HTTP, { ...draft(report), urls: [] });
    const { timing, connection, urls, virtualHost } = http;
    if (urls.length === 0) {
      report.passOver(statement, 'has no url: keepalived ignores it');
      return [];
    }
    const checks = (around: Surroundings) =>
      urls.map((url) => urlCheck(url, virtualHost ?? around.virtualHost, isSecure ? around.ssl : undefined));
    const defaults = { ...USUAL_TIMING, delayBeforeRetry: 3000 };
    return [{ place: statement, timing, connection, defaults, checks }];
  };
}

interface SmtpDraft extends Draft {
  readonly hosts: Draft[];
  helo: string;
}

const SMTP: Readonly<Record<string, Handler<SmtpDraft>>> = {
  ...CONNECTION,
  helo_name: (smtp, statement) => {
    const [helo] = statement.values;
    if (helo === undefined) smtp.report.passOver(statement, NAMELESS);
    else smtp.helo = helo;
  },
  host: ({ report, hosts }, statement) => void hosts.push(read(statement, CONNECTION, draft(report))),
};

/** A block `host` is a checker of its own, with the times of the whole; the checker itself counts only where it says where to. */
function smtp(statement: Statement, report: Report): Checker[] {
  const { helo, hosts, ...own }: SmtpDraft = read(statement, SMTP, {
    ...draft(report),
    hosts: [],
    helo: 'smtpchecker.keepalived.org',
  });
  const isOwn = hosts.length === 0 || own.timing.connectTimeout || Object.keys(own.connection).length > 0;
  return [...(isOwn ? [own] : []), ...hosts].map(({ timing, connection }) => ({
    place: statement,
    timing: { ...own.timing, ...timing },
    connection,
    defaults: USUAL_TIMING,
    checks: () => [{ type: 'smtp', helo }],
  }));
}

interface DnsDraft extends Draft {
  name?: string;
  recordType?: string;
}

/** The types of records that keepalived knows. */
const DNS_TYPES = ['A', 'NS', 'CNAME', 'SOA', 'MX', 'TXT', 'AAAA', 'RRSIG', 'DNSKEY'];

const DNS: Readonly<Record<string, Handler<DnsDraft>>> = {
  ...CONNECTION,
  type: (dns, statement) => {
    const type = firstValue(statement, dns.report);
    const known = DNS_TYPES.find((name) => name === type?.toUpperCase());
    if (known !== undefined) dns.recordType = known;
    else if (type !== undefined) dns.report.passOver(statement, `"${type}" is none of ${DNS_TYPES.join(', ')}`);
  },
  name: (dns, statement) => {
    const name = firstValue(statement, dns.report);
    if (name === undefined || dns.name !== undefined) return;
    if (/^\..|\.\./.test(name)) dns.report.passOver(statement, 'has an empty label: keepalived ignores it');
    else dns.name = name;
  },
};

function dns(statement: Statement, report: Report): Checker[] {
  const { timing, connection, name, recordType = 'SOA' }: DnsDraft = read<DnsDraft>(statement, DNS, draft(report));
  const known = RECORD_TYPES.find((type) => type === recordType);
  if (known === undefined) {
    report.skip(statement, `asks for ${recordType}; a check asks for ${RECORD_TYPES.join(', ')}`);
    return [];
  }
  const defaults = { retry: 3, delayBeforeRetry: 'interval', timeout: 5000 } as const;
  return [{ place: statement, timing, connection, defaults, checks: () => [{ type: 'dns', name, recordType: known }] }];
}

interface UdpDraft extends Draft {
  sendHex?: string;
  expectHex?: string;
  needsReply?: boolean;
}

const LENGTHS = 'a check does not look at the length of a reply';

const UDP: Readonly<Record<string, Handler<UdpDraft>>> = {
  ...CONNECTION,
  payload: (udp, statement) => {
    const hex = hexOf(statement, /^(?:\s*[0-9a-f]{2})+$/i, udp.report);
    if (hex !== undefined) udp.sendHex = hex;
  },
  require_reply: (udp, statement) => {
    udp.needsReply = true;
    if (statement.values.length === 0) return;
    const hex = hexOf(statement, /^(?:\s*[0-9a-fx]{2})+$/i, udp.report);
    if (hex !== undefined) udp.expectHex = hex;
  },
  min_reply_length: LENGTHS,
  max_reply_length: LENGTHS,
};

function hexOf(statement: Statement, form: RegExp, report: Report): string | undefined {
  const text = statement.values.join(' ');
  if (form.test(text)) return text;
  report.passOver(statement, `"${text}" is not pairs of hexadecimal digits: keepalived ignores it`);
  return undefined;
}

function udp(statement: Statement, report: Report): Checker[] {
  const { timing, connection, sendHex, expectHex, needsReply }: UdpDraft = read<UdpDraft>(
    statement,
    UDP,
    draft(report),
  );
  // Any reply at all: silence would pass a check that expects nothing.
  const matches = needsReply && expectHex === undefined ? '^' : undefined;
  const checks = () => [withoutUndefined({ type: 'udp', sendHex, expectHex, matches } as const)];
  return [{ place: statement, timing, connection, defaults: USUAL_TIMING, checks }];
}

interface MiscDraft extends Draft {
  command?: readonly string[];
  timeout?: { readonly value: number; readonly place: Place };
  isDynamic?: boolean;
}

const MISC: Readonly<Record<string, Handler<MiscDraft>>> = {
  ...COMMON,
  misc_path: (misc, statement) => {
    const { command, path, others } = commandOf(statement);
    if (command === undefined) return misc.report.passOver(statement, 'has no command that can be read');
    if (others.length > 0)
      misc.report.passOver(statement, `keepalived takes "${path}" alone: a command with arguments stands in quotes`);
    misc.command = command.map((word) => word.replaceAll('%', '%%'));
  },
  misc_timeout: (misc, statement) => {
    const seconds = numberOf(statement, 0, 4294, misc.report);
    if (seconds !== undefined && seconds > 0) misc.timeout = { value: seconds * 1000, place: statement };
  },
  misc_dynamic: (misc) => {
    misc.isDynamic = true;
  },
  user: 'a check runs as the user of keep',
};

function misc(statement: Statement, report: Report): Checker[] {
  const { timing, connection, command, timeout, isDynamic }: MiscDraft = read<MiscDraft>(
    statement,
    MISC,
    draft(report),
  );
  if (command === undefined) {
    report.passOver(statement, 'has no misc_path: keepalived ignores it');
    return [];
  }
  const checks = (_: Surroundings, weight: number) => {
    if (isDynamic && weight !== 100)
      report.skip(statement, `misc_dynamic: exit codes are percent of the weight, ${weight} here, not weights`);
    return [withoutUndefined({ type: 'exec', command, dynamicWeight: isDynamic } as const)];
  };
  const defaults = { retry: 0, delayBeforeRetry: 1000, timeout: 'interval' } as const;
  return [{ place: statement, timing, connection, defaults, timeout, checks }];
}

interface FileDraft extends Draft {
  file?: Statement;
  weight?: number;
  isReverse?: boolean;
}

const FILE: Readonly<Record<string, Handler<FileDraft>>> = {
  track_file: (file, statement) => {
    if (firstValue(statement, file.report) !== undefined) file.file = statement;
  },
  weight: (file, statement) => {
    const [text = '', word] = statement.values;
    if (/^[+-]?\d+$/.test(text)) file.weight = Number(text);
    else file.report.passOver(statement, `"${text}" is not a number: keepalived ignores it`);
    file.isReverse = word === 'reverse';
  },
};

/** The first number of a file, which keepalived takes for 0 where there is none. */
const READS_ZERO = 'read -r n 2>/dev/null < "$1"; [ "0$n" -eq 0 ]';

/** keepalived is told of changes by the kernel; a check looks this often. */
const FILE_TIMES: Timing = {};
const FILE_INTERVAL = 2000;

function file(statement: Statement, report: Report): Checker[] {
  const { file, weight, isReverse }: FileDraft = read<FileDraft>(statement, FILE, draft(report));
  if (file === undefined) {
    report.passOver(statement, 'has no track_file: keepalived ignores it');
    return [];
  }
  const checks = ({ files }: Surroundings): Check[] => {
    const tracked = files.get(file.values[0] ?? '');
    if (tracked === undefined) {
      report.passOver(file, `there is no track_file "${file.values[0]}": keepalived ignores it`);
      return [];
    }
    if ((weight ?? tracked.weight) !== 0 || isReverse) {
      report.skip(statement, 'adds the number of its file to the weight; a check has only weight 0: 0 is up');
      return [];
    }
    const path = tracked.path.replaceAll('%', '%%');
    return [
      {
        type: 'exec',
        command: ['/bin/sh', '-c', READS_ZERO, 'sh', path],
        interval: FILE_INTERVAL,
        timeout: FILE_INTERVAL,
        fall: 1,
        rise: 1,
        recheck: FILE_INTERVAL,
      },
    ];
  };
  return [{ place: statement, timing: FILE_TIMES, connection: {}, defaults: USUAL_TIMING, checks }];
}

const READERS: Readonly<Record<string, (statement: Statement, report: Report) => Checker[]>> = {
  HTTP_GET: http(false),
  SSL_GET: http(true),
  TCP_CHECK: simple('tcp'),
  PING_CHECK: simple('ping'),
  SMTP_CHECK: smtp,
  DNS_CHECK: dns,
  UDP_CHECK: udp,
  MISC_CHECK: misc,
  FILE_CHECK: file,
};

interface WithCheckers {
  readonly report: Report;
  readonly checkers: Checker[];
}

/** The handlers of the checkers in a real server. */
export const CHECKERS: Readonly<Record<string, Handler<WithCheckers>>> = {
  ...Object.fromEntries(
    Object.entries(READERS).map(([keyword, reader]): [string, Handler<WithCheckers>] => [
      keyword,
      ({ checkers, report }, statement) => void checkers.push(...reader(statement, report)),
    ]),
  ),
  BFD_CHECK: 'hears of failures by BFD, which no check does',
};

/** A real server, as far as its checks depend on it. */
export interface CheckedReal {
  readonly report: Report;
  readonly place: Place;
  /** As it is written; 0: not given. */
  readonly port: number;
  readonly checkers: readonly Checker[];
}

/** The checks of one real server. @param levels of the real and the virtual server, the nearest first */
export function checksOf(
  real: CheckedReal,
  destination: NormalDestination,
  levels: readonly Timing[],
  around: Surroundings,
): NormalCheck[] {
  const { report, checkers } = real;
  return checkers.flatMap((checker) => {
    const { place, timing, connection, defaults, timeout } = checker;
    return checker.checks(around, destination.weight).flatMap((check) => {
      const times = check.interval === undefined ? timesOf([timing, ...levels], defaults, report, timeout) : {};
      const port = portOf(checker, check, real, destination);
      const { address, source, device, fwmark } = connection;
      // To keepalived the mark 0 is none.
      const to = withoutUndefined({ address, source, device, fwmark: fwmark || undefined, port });
      return checkOf({ ...times, ...check, ...to }, destination, place, report);
    });
  });
}

/** keepalived calls the port that the file has, even where the kernel gets another one. Undefined: the real server's own. */
function portOf(
  { connection, place }: Checker,
  check: Check,
  { port, report }: CheckedReal,
  destination: NormalDestination,
): number | undefined {
  if (!needsPort(check)) return undefined;
  const called = connection.port ?? port;
  if (called !== 0) return called === destination.port ? undefined : called;
  if (destination.port !== 0)
    report.skip(
      place,
      `keepalived itself calls port 0, as the real server has no port: the check calls ${destination.port}`,
    );
  return undefined;
}
