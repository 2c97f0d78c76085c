/**
 * Checks -> checkers of keepalived.conf, and what follows a failure -> keywords of its virtual server.
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import { type HttpBody, type NormalCheck, type NormalHttpCheck, needsPort } from '../../model/check.js';
import type { NormalDestination } from '../../model/destination.js';
import type { NormalOnFailure, NormalServiceHealth } from '../../model/health.js';
import type { NormalHook } from '../../model/hook.js';
import { LONGEST } from '../import/keepalived-scripts.js';
import { patternOf, quoted } from '../import/regex.js';
import type { policyOfServer } from './checked.js';

/** Tells why something of a check is not written. */
type Tell = (why: string) => void;

/** The lines of a block, without its braces; undefined where keepalived has no such check. */
type Lines = readonly string[] | undefined;

/** The checkers of one real server. @param port that its line in the file has; 0: none */
export function checkerLines(
  checks: readonly NormalCheck[],
  destination: NormalDestination,
  port: number,
  tell: Tell,
): string[] {
  return checks.flatMap((check) => {
    const name = `the ${check.type} check`;
    const problems: string[] = [];
    const lines = blockOf(check, destination, (why) => void problems.push(why));
    if (lines === undefined) {
      tell(`without ${name}: ${problems.join('; ') || 'keepalived has none of this kind'}`);
      return [];
    }
    for (const why of problems) tell(`${name}: ${why}`);
    if (check.rise !== 1) tell(`${name}: one pass makes a server up, not ${check.rise}`);
    if (check.softFall !== check.fall) tell(`${name}: wrong answers count as other failures, ${check.fall}`);
    const [keyword = '', ...own] = lines;
    return [`${keyword} {`, ...[...own, ...commonLines(check, destination, port)].map((line) => `    ${line}`), '}'];
  });
}

function commonLines(check: NormalCheck, destination: NormalDestination, port: number): string[] {
  const { interval, timeout, fall, recheck, address, source, device, fwmark } = check;
  const called = check.port ?? destination.port;
  const isConnecting = check.type !== 'exec';
  return [
    `delay_loop ${interval / 1000}`,
    ...(isConnecting ? [`connect_timeout ${timeout / 1000}`] : []),
    `retry ${fall - 1}`,
    `delay_before_retry ${recheck / 1000}`,
    ...(isConnecting && address !== undefined ? [`connect_ip ${address}`] : []),
    ...(needsPort(check) && called !== port ? [`connect_port ${called}`] : []),
    ...(isConnecting && source !== undefined ? [`bindto ${source}`] : []),
    ...(isConnecting && device !== undefined ? [`bind_if ${device}`] : []),
    ...(isConnecting && fwmark !== undefined ? [`fwmark ${fwmark}`] : []),
  ];
}

const DNS_TYPES: readonly string[] = ['A', 'NS', 'CNAME', 'SOA', 'MX', 'TXT', 'AAAA'];
const HELO = 'smtpchecker.keepalived.org';

/** The keyword, and the lines that only this kind has. */
function blockOf(check: NormalCheck, destination: NormalDestination, tell: Tell): Lines {
  switch (check.type) {
    case 'tcp':
      return ['TCP_CHECK'];
    case 'ping':
      return ['PING_CHECK'];
    case 'http':
      return httpLines(check, tell);
    case 'smtp':
      if (check.tls !== undefined || check.startTls !== undefined) return refused(tell, 'it has no TLS for mail');
      if (check.helo === undefined) tell(`greets as ${HELO}, not as this host`);
      return ['SMTP_CHECK', `helo_name ${check.helo ?? HELO}`];
    case 'dns':
      if (check.answer !== undefined || check.transport === 'tcp')
        return refused(tell, 'it looks at no answer, and uses UDP');
      if (!DNS_TYPES.includes(check.recordType)) return refused(tell, `it asks for no ${check.recordType}`);
      return ['DNS_CHECK', `type ${check.recordType}`, `name ${check.name}`];
    case 'udp':
      return udpLines(check, tell);
    case 'exec':
      return execLines(check, destination, tell);
    default:
      return undefined;
  }
}

function refused(tell: Tell, why: string): undefined {
  tell(why);
  return undefined;
}

function httpLines(check: NormalHttpCheck, tell: Tell): Lines {
  const { method, path, host, headers, status, body, redirects, tls } = check;
  const words = word(path);
  const site = host === undefined ? undefined : word(host);
  if (method !== 'GET' || Object.keys(headers).length > 0) return refused(tell, 'it sends GET without headers');
  if (redirects > 0) return refused(tell, 'it follows no redirects');
  if (words === undefined || (host !== undefined && site === undefined))
    return refused(tell, 'it has no words for the URL');
  if (status.some((each) => !/^[1-5]\d\d(-[1-5]\d\d)?$/.test(String(each))))
    return refused(tell, 'a status is 100 to 599');
  if (tls?.cert !== undefined) return refused(tell, 'its certificate is that of the whole file');
  const compared = body === undefined ? [] : bodyLines(body);
  if (compared === undefined) return refused(tell, 'it has no words for what the body must be');
  if (tls?.verify) tell('keepalived does not look whether the certificate is valid');
  if (tls?.serverName !== undefined) tell(`asks for ${host ?? 'the address'} by TLS, not for ${tls.serverName}`);
  return [
    tls === undefined ? 'HTTP_GET' : 'SSL_GET',
    'url {',
    `    path ${words}`,
    ...(site === undefined ? [] : [`    virtualhost ${site}`]),
    `    status_code ${status.join(' ')}`,
    ...compared,
    '}',
    ...(tls === undefined ? [] : ['enable_sni']),
  ];
}

/** A word of the file, in quotes where it needs them. */
function word(text: string): string | undefined {
  if (/^[\w./:?=&%+~,;@*()-]+$/.test(text)) return text;
  return /["\\\p{Cc}]/u.test(text) ? undefined : `"${text}"`;
}

/** What the body must be. Undefined where there are no words for it. */
function bodyLines({ contains, matches, md5, sha256 }: HttpBody): string[] | undefined {
  if (sha256 !== undefined || (contains !== undefined && matches !== undefined)) return undefined;
  const digest = md5 === undefined ? [] : [`    digest ${md5}`];
  if (contains === undefined && matches === undefined) return digest;
  const regex = regexOf({ contains, matches });
  return regex === undefined ? undefined : [...digest, `    regex ${regex}`];
}

/** Read by rules of its own, in which a backslash counts. Undefined where it would come back as another one. */
function regexOf({ contains, matches }: Pick<HttpBody, 'contains' | 'matches'>): string | undefined {
  const text = contains === undefined ? (matches ?? '').replaceAll('(?=\\n?$)', '$') : quoted(contains);
  if (!isDeepStrictEqual(patternOf(text), contains === undefined ? { matches } : { contains })) return undefined;
  return inQuotes(text);
}

function inQuotes(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    // Octal: as many digits as it needs, whatever stands behind it.
    .replace(/["'\p{Cc}]/gu, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
  return `"${escaped}"`;
}

function udpLines(check: Extract<NormalCheck, { type: 'udp' }>, tell: Tell): Lines {
  const { send, sendHex, expect, expectHex, matches } = check;
  const isAny = matches === '^';
  if (expect !== undefined || (matches !== undefined && !isAny))
    return refused(tell, 'it compares bytes, from the first on');
  const payload = sendHex ?? (send === undefined ? undefined : Buffer.from(send).toString('hex'));
  return [
    'UDP_CHECK',
    ...(payload === undefined ? [] : [`payload ${payload}`]),
    ...(expectHex !== undefined ? [`require_reply ${expectHex}`] : []),
    ...(expectHex === undefined && isAny ? ['require_reply'] : []),
  ];
}

function execLines(check: Extract<NormalCheck, { type: 'exec' }>, destination: NormalDestination, tell: Tell): Lines {
  const { command, env, output, dynamicWeight, timeout, address, port } = check;
  if (output !== undefined || Object.keys(env).length > 0)
    return refused(tell, 'it has no environment, and reads no output');
  const named: Readonly<Record<string, string>> = {
    h: address ?? destination.address,
    p: String(port ?? destination.port),
    '%': '%',
  };
  const words = command.map((each) => inQuotes(each.replace(/%([hp%])/g, (_, name: string) => named[name] ?? '')));
  const seconds = Math.ceil(timeout / 1000);
  if (seconds * 1000 !== timeout) tell(`its timeout is whole seconds, ${seconds}`);
  if (dynamicWeight && destination.weight !== 100) tell(`exit codes are weights, not percent of ${destination.weight}`);
  return [
    'MISC_CHECK',
    // As that of a hook.
    `misc_path ${inQuotes(words.join(' '))}`,
    `misc_timeout ${seconds}`,
    ...(dynamicWeight ? ['misc_dynamic'] : []),
  ];
}

/** The program of a hook: the whole command is a word, of which the words are read once more. */
export function scriptLine(keyword: string, hook: NormalHook | undefined, tell: Tell): string[] {
  if (hook === undefined) return [];
  const { command, timeout, user, group } = hook;
  if (timeout !== LONGEST) tell(`${keyword}: runs for as long as it likes`);
  if (user === undefined && group !== undefined) tell(`${keyword}: without its group, which needs a user`);
  const account = user === undefined ? [] : [user, group].filter((each) => each !== undefined);
  return [[keyword, inQuotes(command.map(inQuotes).join(' ')), ...account].join(' ')];
}

/** What one real server has of them. @param usual what its virtual server has */
export function serverPolicyLines(
  { onFailure, notify }: ReturnType<typeof policyOfServer>,
  usual: NormalOnFailure,
  tell: Tell,
): string[] {
  if (!isDeepStrictEqual(onFailure, usual)) tellOnFailure(onFailure, tell);
  const isOther = (onFailure.removeAfter === 'never') !== (usual.removeAfter === 'never');
  return [
    ...(isOther ? [`inhibit_on_failure ${onFailure.removeAfter === 'never'}`] : []),
    ...scriptLine('notify_up', notify.up, tell),
    ...scriptLine('notify_down', notify.down, tell),
  ];
}

function tellOnFailure({ quiesce, removeAfter, endConnections }: NormalOnFailure, tell: Tell): void {
  if (removeAfter !== 'never' && removeAfter !== 0) tell('a server that is down is removed at once');
  if (!quiesce && removeAfter !== 0) tell('a server that is down has weight 0');
  if (endConnections) tell('without endConnections: not in this format');
}

/** What a virtual server has of them. @param total the sum of the weights of its real servers */
export function policyLines(health: NormalServiceHealth, total: number, tell: Tell): string[] {
  const { onFailure, quorum, backups, failOpen, ramp, notify = {} } = health;
  tellOnFailure(onFailure, tell);
  if (backups.length > 0) tell('without its backups: not in this format');
  if (failOpen) tell('without failOpen: not in this format');
  if (ramp > 0) tell('without its ramp: not in this format');
  if (typeof quorum.up === 'string') tell('without its quorum: a share is not in this format');
  const isUsual = quorum.up === 1 && quorum.hysteresis === 0;
  return [
    ...(onFailure.removeAfter === 'never' ? ['inhibit_on_failure'] : []),
    ...scriptLine('quorum_up', notify.quorumUp, tell),
    ...scriptLine('quorum_down', notify.quorumDown, tell),
    ...(typeof quorum.up === 'string' || isUsual ? [] : quorumLines(quorum.up, quorum.hysteresis, total, tell)),
  ];
}

/** keepalived lowers a quorum that its servers never reach. */
function quorumLines(up: number, hysteresis: number, total: number, tell: Tell): string[] {
  if (up <= total && hysteresis < up) return [`quorum ${up}`, `hysteresis ${hysteresis}`];
  tell(`without its quorum: it is more than all weights, ${total}, or its hysteresis is as much`);
  return [];
}

/** Whether keepalived would have the sorry server serve even while all real servers are up. */
export function isNeverReached({ quorum: { up, hysteresis } }: NormalServiceHealth, total: number): boolean {
  if (total === 0) return true;
  return typeof up === 'number' && up <= total && hysteresis < up && total < up + hysteresis;
}
