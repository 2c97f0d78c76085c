/**
 * How ldirectord checks a virtual service -> checks (`_check_real` and the subs `check_*` of ldirectord in resource-agents 4.12).
 * @module
 */
import type { Check, NormalCheck } from '../../model/check.js';
import type { NormalDestination } from '../../model/destination.js';
import { withoutUndefined } from '../../model/parse.js';
import type { Protocol } from '../../model/service-key.js';
import { type Pattern, patternOf } from './regex.js';
import type { Place, Report } from './report.js';
import { checkOf, within } from './service-health.js';
import type { Handler, Statement } from './statement.js';

/** The numbers of the whole file or of a virtual service. */
export type Numbers = {
  [Name in 'checktimeout' | 'negotiatetimeout' | 'checkinterval' | 'checkcount' | 'failurecount']?: Statement & {
    readonly number: number;
  };
};

/** The texts of a virtual service, in which most services look for something else. */
type Texts = {
  [Name in
    | 'request'
    | 'receive'
    | 'checkcommand'
    | 'login'
    | 'passwd'
    | 'database'
    | 'secret'
    | 'virtualhost']?: Statement & { readonly text: string };
};

/** What a virtual service says of its checks. */
export interface Checking {
  readonly numbers: Numbers;
  readonly texts: Texts;
  type: string;
  typePlace: Statement | undefined;
  service: string | undefined;
  port: number | undefined;
  method: string;
}

interface WithNumbers {
  readonly report: Report;
  readonly numbers: Numbers;
}

interface WithChecking {
  readonly report: Report;
  readonly checking: Checking;
}

/** Nothing said yet. */
export function noChecking(): Checking {
  return {
    numbers: {},
    texts: {},
    type: 'negotiate',
    typePlace: undefined,
    service: undefined,
    port: undefined,
    method: 'GET',
  };
}

/** ldirectord ends where a value is not as it must be. */
const STOPS = 'ldirectord does not start';

function valueText({ values }: Statement): string {
  return values[0] ?? '';
}

function takeNumber(name: keyof Numbers): Handler<WithNumbers> {
  return ({ report, numbers }, statement) => {
    const [digits] = /\d+/.exec(valueText(statement)) ?? [];
    const number = Number(digits ?? 0);
    if (number === 0) report.refuse(statement, `must be a number above 0: ${STOPS}`);
    else numbers[name] = { ...statement, number };
  };
}

/** The keys that the file and a virtual service both have. */
export const NUMBER_KEYS: Readonly<Record<string, Handler<WithNumbers>>> = {
  checktimeout: takeNumber('checktimeout'),
  negotiatetimeout: takeNumber('negotiatetimeout'),
  checkinterval: takeNumber('checkinterval'),
  checkcount: takeNumber('checkcount'),
  failurecount: takeNumber('failurecount'),
};

function takeText(name: keyof Texts, pattern: RegExp): Handler<WithChecking> {
  return ({ report, checking }, statement) => {
    const [, inQuotes, bare] = pattern.exec(valueText(statement)) ?? [];
    const text = inQuotes ?? bare ?? '';
    if (text === '') report.refuse(statement, `must be a text in quotes, "...", and not empty: ${STOPS}`);
    else checking.texts[name] = { ...statement, text };
  };
}

const IN_QUOTES = /^"(.*)"/s;
const MAY_BE_IN_QUOTES = /^"?([^"]*)"?/s;

/** What ldirectord takes for a service, and its port. */
const SERVICES: ReadonlyMap<string, number> = new Map([
  ['ftp', 21],
  ['smtp', 25],
  ['dns', 53],
  ['http', 80],
  ['pop', 110],
  ['nntp', 119],
  ['imap', 143],
  ['ldap', 389],
  ['https', 443],
  ['submission', 587],
  ['ldaps', 636],
  ['imaps', 993],
  ['pops', 995],
  ['oracle', 1521],
  ['radius', 1812],
  ['http_proxy', 3128],
  ['mysql', 3306],
  ['sip', 5060],
  ['pgsql', 5432],
]);
const PORTLESS_SERVICES = ['none', 'simpletcp'];
const CHECK_TYPES = ['connect', 'negotiate', 'ping', 'off', 'on', 'external', 'external-perl'];

/** The keys of a virtual service alone. */
export const CHECK_KEYS: Readonly<Record<string, Handler<WithChecking>>> = {
  checktype: ({ report, checking }, statement) => {
    const text = valueText(statement);
    const [word = ''] = /[\w-]+/.exec(text) ?? [];
    if (!/\d/.test(text) && !CHECK_TYPES.includes(word)) {
      return report.refuse(statement, `must be a number, or one of ${CHECK_TYPES.join(', ')}`);
    }
    checking.type = /\d/.test(text) ? 'combined' : word;
    checking.typePlace = statement;
  },
  service: ({ report, checking }, statement) => {
    const [word = ''] = /\w+/.exec(valueText(statement)) ?? [];
    const known = [...SERVICES.keys(), ...PORTLESS_SERVICES];
    if (known.includes(word)) checking.service = word;
    else report.refuse(statement, `must be one of ${known.join(', ')}: ${STOPS}`);
  },
  checkport: ({ report, checking }, statement) => {
    const port = Number(/\d+/.exec(valueText(statement))?.[0] ?? 0);
    if (port < 1 || port > 65535) report.refuse(statement, `must be a port from 1 to 65535: ${STOPS}`);
    else checking.port = port;
  },
  httpmethod: ({ report, checking }, statement) => {
    const method = (/\w+/.exec(valueText(statement))?.[0] ?? '').toUpperCase();
    if (method === 'GET' || method === 'HEAD') checking.method = method;
    else report.refuse(statement, `must be GET or HEAD: ${STOPS}`);
  },
  request: takeText('request', IN_QUOTES),
  receive: takeText('receive', IN_QUOTES),
  checkcommand: takeText('checkcommand', /^(?:"(.*)"|(.*))/s),
  login: takeText('login', IN_QUOTES),
  passwd: takeText('passwd', IN_QUOTES),
  database: takeText('database', IN_QUOTES),
  secret: takeText('secret', IN_QUOTES),
  virtualhost: takeText('virtualhost', MAY_BE_IN_QUOTES),
  load: 'is not looked at by ldirectord itself',
};

/** A virtual service, as far as its checks depend on it. */
export interface CheckedVirtual {
  readonly report: Report;
  readonly place: Place;
  readonly checking: Checking;
  readonly protocol: Protocol | 'fwmark';
  /** The address, or the mark, and the port, as a program is told them. */
  readonly target: { readonly host: string; readonly port: number };
  readonly file: Numbers;
  /** Whether each virtual service is checked by a process of its own, which then has its own interval. */
  readonly isForking: boolean;
}

/** A real server, as far as its checks depend on it. */
export interface CheckedReal {
  readonly statement: Statement;
  /** As it is written; 0: not given. */
  readonly port: number;
  readonly request?: string | undefined;
  readonly receive?: string | undefined;
}

/** All that a way of checking looks at. */
interface Asked extends Pick<CheckedVirtual, 'report' | 'protocol' | 'checking'> {
  readonly texts: Texts;
  /** As it is written, without the slashes that ldirectord puts before it. */
  readonly request: string;
  readonly receive: string;
  readonly place: Place;
  readonly service: string;
}

/** The checks of one real server; none: ldirectord has it up at all times. */
export function checksOf(virtual: CheckedVirtual, real: CheckedReal, destination: NormalDestination): NormalCheck[] {
  const { report, checking, place } = virtual;
  const { typePlace, type } = checking;
  const check = checkOfType(virtual, real);
  if (check === undefined) return [];
  if (type === 'combined') report.skip(typePlace ?? place, 'every run asks for the service, not each few connections');
  const called = checking.port ?? (real.port > 0 ? real.port : SERVICES.get(serviceOf(virtual)));
  const port = called === destination.port || check.type === 'ping' ? undefined : called;
  const whole = { ...timesOf(virtual, check), ...check, ...(port !== undefined && { port }) };
  return checkOf(whole, destination, typePlace ?? place, report);
}

function serviceOf({ checking, target, protocol }: CheckedVirtual): string {
  if (checking.service !== undefined) return checking.service;
  if (protocol === 'fwmark') return 'none';
  return [...SERVICES].find(([, port]) => port === target.port)?.[0] ?? 'none';
}

function checkOfType(virtual: CheckedVirtual, real: CheckedReal): Check | undefined {
  const { report, checking, protocol, place } = virtual;
  const { texts, type, typePlace } = checking;
  switch (type) {
    case 'on':
    case 'off':
      return undefined;
    case 'ping':
      return { type: 'ping' };
    case 'connect':
      return { type: protocol === 'udp' ? 'ping' : 'tcp' };
    case 'external':
      return external(virtual, real);
    case 'external-perl':
      report.skip(typePlace ?? place, 'runs Perl inside ldirectord: the real servers are not checked');
      return undefined;
    default: {
      const service = serviceOf(virtual);
      const { request = texts.request?.text ?? '/', receive = texts.receive?.text ?? '' } = real;
      const asked = { report, checking, protocol, texts, place, service, receive, request: request.replace(/^\//, '') };
      return NEGOTIATE[service]?.(asked);
    }
  }
}

function external({ checking: { texts }, target }: CheckedVirtual, { port }: CheckedReal): Check {
  const command = texts.checkcommand?.text ?? '/bin/true';
  const words = [command, target.host, String(target.port)].map((word) => word.replaceAll('%', '%%'));
  return { type: 'exec', command: [...words, '%h', String(port)] };
}

const TLS = { verify: false } as const;

/** What ldirectord asks of each service. */
const NEGOTIATE: Readonly<Record<string, (asked: Asked) => Check | undefined>> = {
  none: () => undefined,
  http: (asked) => httpOf(asked, asked.request),
  https: (asked) => httpOf(asked, asked.request),
  http_proxy: proxied,
  smtp: () => ({ type: 'smtp' }),
  submission: () => ({ type: 'smtp' }),
  pop: (asked) => greeting('pop', asked),
  pops: (asked) => greeting('pop', asked),
  imap: (asked) => greeting('imap', asked),
  imaps: (asked) => greeting('imap', asked),
  nntp: (asked) => greeting('nntp', asked),
  ftp: (asked) => greeting('ftp', asked),
  ldap: (asked) => {
    tell(asked, ['login', 'passwd', 'request', 'receive'], 'the check is an anonymous bind');
    return withoutUndefined({ type: 'ldap', tls: asked.service === 'ldaps' ? TLS : undefined } as const);
  },
  ldaps: (asked) => NEGOTIATE['ldap']?.(asked),
  dns: dnsOf,
  sip: (asked) => {
    if (asked.protocol === 'udp') return withoutUndefined({ type: 'sip', uri: asked.texts.login?.text } as const);
    asked.report.skip(asked.place, 'asks SIP by TCP: the check only connects');
    return { type: 'tcp' };
  },
  radius: ({ texts: { secret, login, passwd }, report, place }) => {
    if (secret !== undefined) {
      report.skip(login ?? place, 'of RADIUS: a reject passes here; ldirectord wants the server to accept it');
      return withoutUndefined({
        type: 'radius',
        secret: secret.text,
        user: login?.text,
        password: passwd?.text,
      } as const);
    }
    report.skip(place, 'asks RADIUS without a secret: the real servers are not checked');
    return undefined;
  },
  mysql: (asked) => {
    tell(asked, ['login', 'passwd', 'database', 'request'], 'the check is the greeting of the server');
    return { type: 'mysql' };
  },
  pgsql: (asked) => {
    tell(asked, ['passwd', 'request'], 'the check ends before a password and a query');
    const { login, database } = asked.texts;
    return withoutUndefined({ type: 'postgresql', user: login?.text, database: database?.text } as const);
  },
  oracle: (asked) => {
    asked.report.skip(asked.place, 'asks Oracle: the check only connects');
    return { type: 'tcp' };
  },
  simpletcp: simpleOf,
};

function tell({ texts, report }: Asked, names: readonly (keyof Texts)[], why: string): void {
  for (const name of names) {
    const text = texts[name];
    if (text !== undefined) report.skip(text, why);
  }
}

/** What the answer must be. A text that stands at a real server is told there. */
function answerOf({ receive, texts, report, place }: Asked): Pattern | undefined {
  if (receive === '') return undefined;
  const pattern = patternOf(receive);
  if (pattern === undefined)
    report.skip(texts.receive ?? place, 'is no regular expression of JavaScript: it is not compared');
  return pattern;
}

function httpOf(asked: Asked, request: string): Check {
  const { checking, texts, service } = asked;
  const absolute = /^https?:\/\/[^/]+(\/.*)?$/s.exec(request);
  if (absolute !== null)
    asked.report.skip(texts.request ?? asked.place, 'names a host: the check calls the real server');
  const isHead = checking.method === 'HEAD';
  if (isHead) tell(asked, ['receive'], 'an answer to HEAD has no body: ldirectord never takes the server for up');
  return withoutUndefined({
    type: 'http',
    method: checking.method,
    path: absolute === null ? `/${request.replace(/^\/+/, '')}` : (absolute[1] ?? '/'),
    host: texts.virtualhost?.text,
    body: isHead ? undefined : answerOf(asked),
    // As LWP follows them.
    redirects: 7,
    tls: service === 'https' ? TLS : undefined,
  } as const);
}

/** A proxy is asked for a whole URL. */
function proxied(asked: Asked): Check {
  const [, host] = /^http:\/\/([^/]+)/.exec(asked.request) ?? [];
  if (host === undefined) {
    asked.report.skip(asked.texts.request ?? asked.place, 'asks a proxy for no http:// URL: the check only connects');
    return { type: 'tcp' };
  }
  return withoutUndefined({
    type: 'http',
    method: asked.checking.method,
    path: asked.request,
    host,
    body: answerOf(asked),
  } as const);
}

function greeting(preset: 'pop' | 'imap' | 'nntp' | 'ftp', asked: Asked): Check {
  tell(asked, ['login', 'passwd', 'request', 'receive'], 'the check ends at the greeting of the server');
  const isSecure = asked.service === 'pops' || asked.service === 'imaps';
  return withoutUndefined({ type: 'script', preset, tls: isSecure ? TLS : undefined } as const);
}

function dnsOf(asked: Asked): Check {
  const { request, receive, protocol, report, texts, place } = asked;
  const pattern = patternOf(receive);
  const isText = /^[\w.:-]+$/.test(receive);
  const answer = isText ? receive : pattern && 'contains' in pattern ? pattern.contains : undefined;
  if (receive === '') report.skip(place, 'asks DNS without receive, which never passes there; any record passes here');
  else if (answer === undefined) report.skip(texts.receive ?? place, 'is more than a text: any record passes');
  const isAddress = /^\d+\.\d+\.\d+\.\d+$/.test(request);
  return withoutUndefined({
    type: 'dns',
    name: isAddress ? `${request.split('.').reverse().join('.')}.in-addr.arpa` : request || '.',
    recordType: isAddress ? 'PTR' : 'A',
    answer,
    transport: protocol === 'tcp' ? 'tcp' : undefined,
  } as const);
}

/** Any byte, where nothing is to be found in them. */
const ANYTHING: Pattern = { matches: '[\\s\\S]' };

function simpleOf(asked: Asked): Check {
  const send = asked.request.replaceAll('\\n', '\n');
  const pattern = answerOf(asked) ?? ANYTHING;
  const wanted = 'matches' in pattern ? pattern : { expect: pattern.contains };
  if (asked.protocol === 'udp') return { type: 'udp', ...(send !== '' && { send }), ...wanted };
  return { type: 'script', steps: [...(send === '' ? [] : [{ send }]), wanted] };
}

/** Seconds; the two timeouts stand in for each other (`ld_setup`). */
const DEFAULTS = { checktimeout: 5, negotiatetimeout: 30, checkinterval: 10, checkcount: 1, failurecount: 1 };

function timesOf(virtual: CheckedVirtual, { type }: Check) {
  const { checking, file, isForking, report } = virtual;
  const own = checking.numbers;
  const { checkinterval } = own;
  if (checkinterval !== undefined && !isForking)
    report.skip(checkinterval, 'counts in ldirectord only with fork = yes');
  const interval = (isForking ? checkinterval : undefined) ?? file.checkinterval;
  const connects = own.checktimeout ?? own.negotiatetimeout ?? file.checktimeout ?? file.negotiatetimeout;
  const asks = own.negotiatetimeout ?? own.checktimeout ?? file.negotiatetimeout ?? file.checktimeout;
  const isConnect = ['connect', 'ping', 'external'].includes(checking.type);
  const timeout = isConnect ? connects : asks;
  const usual = isConnect ? DEFAULTS.checktimeout : DEFAULTS.negotiatetimeout;
  const every = milliseconds(interval, DEFAULTS.checkinterval, 86_400_000, virtual);
  const limit = milliseconds(timeout, usual, 600_000, virtual);
  const failures = (own.failurecount ?? file.failurecount)?.number ?? DEFAULTS.failurecount;
  const count = (own.checkcount ?? file.checkcount)?.number ?? DEFAULTS.checkcount;
  const isAgain = type === 'ping' && count > 1;
  return {
    interval: every,
    timeout: limit,
    fall: Math.min(isAgain ? failures * count : failures, 1000),
    rise: 1,
    recheck: isAgain ? Math.min(limit, every) : every,
  };
}

function milliseconds(
  told: (Statement & { readonly number: number }) | undefined,
  usual: number,
  max: number,
  { report }: CheckedVirtual,
): number {
  return told === undefined ? usual * 1000 : within(told.number * 1000, 1000, max, told, report);
}
