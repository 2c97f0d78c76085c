/**
 * `url` of HTTP_GET and SSL_GET in keepalived.conf -> HTTP checks (2.2.7, check_http.c, check_ssl.c).
 * @module
 */
import type { HttpBody, HttpCheck } from '../../model/check.js';
import { withoutUndefined } from '../../model/parse.js';
import { AT_RUN_TIME, UNKNOWN } from './keepalived-text.js';
import { quotedWords } from './keepalived-words.js';
import { expressionOf, type Pattern, patternOf } from './regex.js';
import type { Report } from './report.js';
import { type Handler, handle, type Statement, withoutProblems } from './statement.js';

/** The block `SSL`: how this host shows who it is. */
export interface SslFiles {
  readonly cert?: string;
  readonly key?: string;
}

/** One request, and what its answer must be. */
export interface Url {
  readonly path: string;
  readonly status: readonly (number | string)[];
  readonly virtualHost?: string | undefined;
  readonly body?: HttpBody | undefined;
}

interface Draft {
  readonly report: Report;
  readonly status: (number | string)[];
  path?: string;
  virtualHost?: string;
  regex?: Statement;
  options?: Statement;
  digest?: string;
  isReversed?: boolean;
}

/** Why `tls_compliant` is left out. */
export const TLS_END = 'a check does not ask how a connection ends';

const OFFSET = 'a check looks at the whole body';

const URL_KEYS: Readonly<Record<string, Handler<Draft>>> = {
  path: (url, statement) => {
    const [path] = statement.values;
    if (path !== undefined) url.path = path;
  },
  status_code: ({ report, status }, statement) => {
    for (const text of statement.values) {
      const found = statusOf(text);
      if (found === undefined)
        report.passOver(statement, `"${text}" is not a status from 100 to 599: keepalived ignores it`);
      else status.push(found);
    }
  },
  virtualhost: (url, statement) => {
    const [host] = statement.values;
    if (host === undefined) url.report.passOver(statement, 'has no name: keepalived ignores it');
    else url.virtualHost = host;
  },
  digest: takeDigest,
  regex: (url, statement) => {
    url.regex = statement;
  },
  regex_options: (url, statement) => {
    url.options = statement;
  },
  regex_no_match: (url) => {
    url.isReversed = true;
  },
  regex_min_offset: OFFSET,
  regex_max_offset: OFFSET,
  regex_stack: AT_RUN_TIME,
  tls_compliant: TLS_END,
};

/** The MD5 that genhash prints. */
function takeDigest(url: Draft, statement: Statement): void {
  const [text = ''] = statement.values;
  if (url.digest !== undefined) url.report.passOver(statement, 'is there already: keepalived ignores it');
  else if (!/^[0-9a-f]{32}$/i.test(text))
    url.report.passOver(statement, 'must be 32 hexadecimal digits: keepalived ignores it');
  else url.digest = text.toLowerCase();
}

/** `200`, `200-299`. */
function statusOf(text: string): number | string | undefined {
  const [, low = '', high = low] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const [min, max] = [Number(low), Number(high)];
  if (low === '' || min < 100 || max > 599 || min > max) return undefined;
  return min === max ? min : `${min}-${max}`;
}

/** Undefined where keepalived leaves it out. */
export function readUrl(statement: Statement, report: Report): Url | undefined {
  const url: Draft = { report, status: [] };
  const block = withoutProblems(statement.block ?? [], () => true, report);
  handle(block, URL_KEYS, url, report, (inner) => report.passOver(inner, UNKNOWN));
  const { path, virtualHost, status } = url;
  if (path === undefined) {
    report.passOver(statement, 'has no path: keepalived ignores it');
    return undefined;
  }
  return { path, virtualHost, status: status.length > 0 ? status : ['200-299'], body: bodyOf(url) };
}

/** What the body must be; nothing where the expression is none of JavaScript. */
function bodyOf(url: Draft): HttpBody | undefined {
  const { digest } = url;
  const pattern = regexOf(url);
  return digest === undefined ? pattern : { ...pattern, md5: digest };
}

function regexOf({ report, regex, options, isReversed }: Draft): Pattern | undefined {
  if (regex === undefined) return undefined;
  const words = quotedWords(regex.text ?? '') ?? [];
  const pattern = patternOf(words[1] ?? '');
  if (words.length !== 2) report.passOver(regex, 'must be one word, or stand in quotes: keepalived ignores it');
  else if (options !== undefined) report.skip(regex, 'has regex_options: the body is not compared');
  else if (pattern === undefined)
    report.skip(regex, 'is no regular expression of JavaScript: the body is not compared');
  else return isReversed ? { matches: `^(?![\\s\\S]*(?:${expressionOf(pattern)}))` } : pattern;
  return undefined;
}

/** @param ssl for SSL_GET; keepalived never looks whether a certificate is valid */
export function urlCheck(url: Url, virtualHost: string | undefined, ssl: SslFiles | undefined): HttpCheck {
  const { path, status, body } = url;
  return withoutUndefined({
    type: 'http',
    path,
    host: url.virtualHost ?? virtualHost,
    status,
    body,
    tls: ssl && { verify: false, ...ssl },
  } as const);
}
