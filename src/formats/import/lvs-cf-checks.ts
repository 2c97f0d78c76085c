/**
 * How Piranha's nanny checks a real server -> checks (Piranha 0.8.6, nanny.c and lvsd.c).
 * @module
 */
import type { Check, NormalCheck, ScriptStep } from '../../model/check.js';
import type { NormalDestination } from '../../model/destination.js';
import type { Protocol } from '../../model/service-key.js';
import { posixPatternOf, quoted } from './regex.js';
import type { Place, Report } from './report.js';
import { checkOf, within } from './service-health.js';
import type { Handler, Statement } from './statement.js';
import { anyBase } from './values.js';

/** What a virtual service says of its checks. */
export interface Checking {
  send?: Statement;
  expect?: Statement;
  program?: Statement;
  /** Seconds: between two runs, and until one has failed. */
  timeout?: Statement;
  /** Seconds that a server must answer before it serves again. */
  reentry?: Statement;
  isRegex?: boolean;
  isQuiesced?: boolean;
}

interface WithChecking {
  readonly report: Report;
  readonly checking: Checking;
}

function keep(name: 'send' | 'expect' | 'program'): Handler<WithChecking> {
  return ({ checking }, statement) => {
    checking[name] = statement;
  };
}

function seconds(name: 'timeout' | 'reentry'): Handler<WithChecking> {
  return ({ report, checking }, statement) => {
    if (anyBase(statement.values[0]) > 0) checking[name] = statement;
    else report.refuse(statement, 'must be a number of seconds above 0');
  };
}

function flag(name: 'isRegex' | 'isQuiesced'): Handler<WithChecking> {
  return ({ report, checking }, statement) => {
    const [value] = statement.values;
    if (value !== '0' && value !== '1') report.refuse(statement, 'must be 0 or 1');
    checking[name] = value === '1';
  };
}

/** The keys of a virtual service that are about its checks. */
export const CHECK_KEYS: Readonly<Record<string, Handler<WithChecking>>> = {
  send: keep('send'),
  expect: keep('expect'),
  send_program: keep('program'),
  timeout: seconds('timeout'),
  reentry: seconds('reentry'),
  use_regex: flag('isRegex'),
  quiesce_server: flag('isQuiesced'),
};

/** A virtual service, as far as its checks depend on it. */
export interface CheckedVirtual {
  readonly report: Report;
  readonly place: Place;
  readonly checking: Checking;
  readonly protocol: Protocol;
}

const DEFAULT_TIMEOUT = 10;
const DEFAULT_REENTRY = 180;

/** The checks of one real server. @param called the port that the file has for it; @param port that of the virtual service */
export function checksOf(
  virtual: CheckedVirtual,
  called: number,
  port: number,
  destination: NormalDestination,
): readonly NormalCheck[] {
  const { checking, report, place } = virtual;
  const check = checkOfVirtual(virtual, port);
  if (check === undefined) return [];
  const timeout = secondsOf(checking.timeout, DEFAULT_TIMEOUT);
  const reentry = secondsOf(checking.reentry, DEFAULT_REENTRY);
  const interval = within(timeout * 1000, 1000, 600_000, checking.timeout ?? place, report);
  const times = {
    interval,
    timeout: interval,
    fall: 1,
    rise: Math.min(Math.max(Math.floor(reentry / timeout), 1), 1000),
    recheck: interval,
  };
  const to = called === destination.port ? {} : { port: called };
  return checkOf({ ...times, ...check, ...to }, destination, place, report);
}

function secondsOf(statement: Statement | undefined, usual: number): number {
  return statement === undefined ? usual : anyBase(statement.values[0]);
}

/** What nanny asks where nothing is said and the port is that of HTTP. */
const HTTP = { send: 'GET / HTTP/1.0\r\n\r\n', expect: 'HTTP' };

function checkOfVirtual(virtual: CheckedVirtual, port: number): Check | undefined {
  const { checking, report, place, protocol } = virtual;
  const { program, send, expect } = checking;
  if (program !== undefined) return byProgram(virtual, program);
  const isHttp = send === undefined && expect === undefined && port === 80 && protocol === 'tcp';
  const text = isHttp ? HTTP.send : send && decoded(send);
  const wanted = isHttp ? { matches: `^${HTTP.expect}` } : expect && wantedOf(virtual, expect);
  if (protocol === 'tcp') {
    const steps: ScriptStep[] = [...(text ? [{ send: text }] : []), ...(wanted ? [wanted] : [])];
    return steps.length > 0 ? { type: 'script', steps } : { type: 'tcp' };
  }
  if (wanted === undefined) {
    report.skip(place, 'its real servers are not checked: by UDP, without expect, nanny finds no server down');
    return undefined;
  }
  return { type: 'udp', ...(text && { send: text }), ...wanted };
}

/** Without use_regex the first bytes count, and `*` is any byte. */
function wantedOf({ checking, report }: CheckedVirtual, expect: Statement): { matches: string } | { expect: string } {
  const text = decoded(expect);
  if (!checking.isRegex) return { matches: text === '*' ? '[\\s\\S]' : `^${quoted(text)}` };
  const pattern = posixPatternOf(text);
  if (pattern !== undefined) return 'contains' in pattern ? { expect: pattern.contains } : pattern;
  report.skip(expect, 'is no regular expression of JavaScript: any answer passes');
  return { matches: '[\\s\\S]' };
}

/** What nobody can split into words but a shell. */
const NEEDS_SHELL = /[|&;<>()$`\\"'*?~#]/;

function byProgram({ checking, report }: CheckedVirtual, program: Statement): Check {
  const { expect, send, isRegex } = checking;
  if (send !== undefined) report.skip(send, 'counts only without send_program');
  if (isRegex && expect !== undefined) report.skip(expect, 'is compared with what the program writes as it stands');
  const line = program.values.join(' ').replace(/%(?![hp])/g, '%%');
  const command = NEEDS_SHELL.test(line) ? ['/bin/sh', '-c', line] : line.split(/[ \t]+/).filter((word) => word !== '');
  const output = expect && decoded(expect);
  return { type: 'exec', command, ...(output !== undefined && output !== '*' && { output }) };
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** `\n`, `\r`, `\t`, `\\`, `\'` and `\"`. */
function decoded({ values }: Statement): string {
  return (values[0] ?? '').replace(/\\([nrt\\'"])/g, (_, name: string) => ESCAPES[name] ?? name);
}
