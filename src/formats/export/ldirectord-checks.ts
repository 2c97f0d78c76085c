/**
 * Checks -> ldirectord.cf, which has one for all real servers of a virtual service.
 * @module
 */
import { isDeepStrictEqual } from 'node:util';
import type { NormalCheck, NormalHttpCheck, ScriptStep } from '../../model/check.js';
import type { NormalDestination } from '../../model/destination.js';
import type { NormalServiceHealth } from '../../model/health.js';
import type { NormalService } from '../../model/service.js';
import { patternOf, quoted } from '../import/regex.js';

/** Tells why something is not written. */
type Tell = (why: string) => void;
/** `key = value` for each key; undefined where ldirectord has no such check. */
type Keys = Readonly<Record<string, string | number>> | undefined;

/** The keys of a virtual service; undefined where its real servers are not checked. */
export function checkKeys(
  service: NormalService,
  health: NormalServiceHealth | undefined,
  destinations: readonly NormalDestination[],
  tell: Tell,
): Keys {
  if (health === undefined) return undefined;
  const [check, ...others] = health.checks;
  const isOther = health.servers.some(({ checks }) => !isDeepStrictEqual(checks, health.checks));
  if (check === undefined || others.length > 0 || isOther) {
    tell('without its checks: ldirectord has one for all real servers of a virtual service');
    return undefined;
  }
  const problems: string[] = [];
  const keys = keysOf(check, service, destinations, (why) => void problems.push(why));
  const name = `the ${check.type} check`;
  if (keys === undefined || destinations.length === 0) {
    tell(`without ${name}: ${problems.join('; ') || 'ldirectord has none of this kind'}`);
    return undefined;
  }
  for (const why of [...problems, ...lostTimes(check)]) tell(`${name}: ${why}`);
  const seconds = Math.ceil(check.timeout / 1000);
  return {
    ...keys,
    ...(check.port !== undefined && { checkport: check.port }),
    [keys['checktype'] === 'negotiate' ? 'negotiatetimeout' : 'checktimeout']: seconds,
    failurecount: check.fall,
    ...policyKeys(health, tell),
  };
}

function lostTimes(check: NormalCheck): string[] {
  const { interval, timeout, fall, softFall, rise, recheck, address, source, device, fwmark } = check;
  return [
    ...(interval % 1000 === 0 ? [] : ['its interval is whole seconds']),
    ...(timeout % 1000 === 0 ? [] : ['its timeout is whole seconds']),
    ...(rise === 1 ? [] : [`one pass makes a server up, not ${rise}`]),
    ...(softFall === fall ? [] : [`wrong answers count as other failures, ${fall}`]),
    ...(recheck === interval ? [] : ['there is no sooner run after a failure']),
    ...(address === undefined ? [] : ['it goes to the real server itself']),
    ...(source === undefined ? [] : ['it comes from any address']),
    ...(device === undefined ? [] : ['it goes by the device that the routes choose']),
    ...(fwmark === undefined ? [] : ['its packets have no mark']),
  ];
}

function policyKeys(health: NormalServiceHealth, tell: Tell) {
  const { onFailure, quorum, backups, failOpen, ramp, notify, servers } = health;
  const { quiesce, removeAfter } = onFailure;
  if (removeAfter !== 'never' && removeAfter !== 0) tell('a server that is down is removed at once');
  if (!quiesce && removeAfter !== 0) tell('a server that is down has weight 0');
  if (quorum.up !== 1 || quorum.hysteresis !== 0) tell('without its quorum: any server is enough here');
  if (backups.length > 0) tell('without its backups: not in this format');
  if (failOpen) tell('without failOpen: not in this format');
  if (ramp > 0) tell('without its ramp: not in this format');
  if (onFailure.endConnections) tell('without endConnections: not in this format');
  if (notify !== undefined || servers.some((each) => each.notify)) tell('without its hooks: not in this format');
  if (servers.some((each) => each.onFailure)) tell('what happens to a server that is down holds for all of them');
  return { quiescent: removeAfter === 'never' ? 'yes' : 'no' };
}

function refused(tell: Tell, why: string): undefined {
  tell(why);
  return undefined;
}

function negotiate(service: string, keys: Readonly<Record<string, string>> = {}): Keys {
  const texts = Object.entries(keys).map(([key, value]) => [key, `"${value}"`] as const);
  return { checktype: 'negotiate', service, ...Object.fromEntries(texts) };
}

function keysOf(
  check: NormalCheck,
  service: NormalService,
  destinations: readonly NormalDestination[],
  tell: Tell,
): Keys {
  const isUdp = service.protocol === 'udp';
  switch (check.type) {
    case 'tcp':
      return isUdp ? refused(tell, 'for udp it would be a ping') : { checktype: 'connect' };
    case 'ping':
      return { checktype: 'ping' };
    case 'http':
      return httpKeys(check, tell);
    case 'smtp':
      if (check.tls !== undefined || check.startTls !== undefined) return refused(tell, 'it has no TLS for mail');
      if (check.helo !== undefined) tell('greets as this host');
      return negotiate('smtp');
    case 'ldap':
      if (check.tls?.verify) tell('ldirectord does not look whether the certificate is valid');
      return negotiate(check.tls === undefined ? 'ldap' : 'ldaps');
    case 'dns':
      return dnsKeys(check, isUdp, tell);
    case 'sip':
      if (!isUdp || !isDeepStrictEqual(check.status, [200])) return refused(tell, 'it asks by UDP, for 200');
      return check.uri === undefined ? negotiate('sip') : textKeys('sip', { login: check.uri }, tell);
    case 'radius':
      tell('the server must accept the user: a reject does not pass');
      return textKeys('radius', { secret: check.secret, login: check.user, passwd: check.password }, tell);
    case 'script':
      return scriptKeys(check, isUdp, tell);
    case 'exec':
      return execKeys(check, service, destinations, tell);
    default:
      return undefined;
  }
}

/** What stands in quotes: `#` begins a comment even there, and a tab becomes blanks. */
const SAYABLE = /^[^#\p{Cc}]+$/u;

function textKeys(service: string, texts: Readonly<Record<string, string>>, tell: Tell): Keys {
  const given = Object.entries(texts).filter(([, text]) => text !== '');
  const wrong = given.find(([, text]) => !SAYABLE.test(text));
  return wrong === undefined
    ? negotiate(service, Object.fromEntries(given))
    : refused(tell, `it has no words for its ${wrong[0]}`);
}

function httpKeys(check: NormalHttpCheck, tell: Tell): Keys {
  const { method, path, host, headers, status, body, redirects, tls } = check;
  if ((method !== 'GET' && method !== 'HEAD') || Object.keys(headers).length > 0)
    return refused(tell, 'it sends GET or HEAD without headers');
  if (!isDeepStrictEqual(status, ['200-299'])) return refused(tell, 'it wants a status of 200 to 299');
  if (tls?.cert !== undefined) return refused(tell, 'it has no certificate of its own');
  const receive = body === undefined ? '' : receiveOf(body);
  if (receive === undefined) return refused(tell, 'it has no words for what the body must be');
  if (!path.startsWith('/') || path.startsWith('//')) return refused(tell, 'its path begins with one slash');
  if (redirects !== 7) tell('up to 7 redirects are followed');
  if (tls?.verify) tell('ldirectord does not look whether the certificate is valid');
  const keys = textKeys(
    tls === undefined ? 'http' : 'https',
    { request: path, receive, virtualhost: host ?? '' },
    tell,
  );
  return keys && { ...keys, httpmethod: method };
}

/** Undefined where it would come back as another one. */
function receiveOf({ contains, matches, md5, sha256 }: NonNullable<NormalHttpCheck['body']>): string | undefined {
  if (md5 !== undefined || sha256 !== undefined || (contains === undefined) === (matches === undefined))
    return undefined;
  const text = contains === undefined ? (matches ?? '').replaceAll('(?=\\n?$)', '$') : quoted(contains);
  return isDeepStrictEqual(patternOf(text), contains === undefined ? { matches } : { contains }) ? text : undefined;
}

function dnsKeys(check: Extract<NormalCheck, { type: 'dns' }>, isUdp: boolean, tell: Tell): Keys {
  const { name, recordType, answer, transport } = check;
  if (recordType !== 'A' || answer === undefined) return refused(tell, 'it asks for an A record with an answer');
  if ((transport === 'udp') !== isUdp) return refused(tell, 'it asks by the protocol of the virtual service');
  return textKeys('dns', { request: name, receive: quoted(answer) }, tell);
}

const PRESETS: ReadonlyMap<string, readonly [plain: string, secure: string | undefined]> = new Map([
  ['imap', ['imap', 'imaps']],
  ['pop', ['pop', 'pops']],
  ['nntp', ['nntp', undefined]],
]);

function scriptKeys(check: Extract<NormalCheck, { type: 'script' }>, isUdp: boolean, tell: Tell): Keys {
  const { preset, steps = [], tls } = check;
  const [plain, secure] = PRESETS.get(preset ?? '') ?? [];
  const service = tls === undefined ? plain : secure;
  if (tls?.verify) tell('ldirectord does not look whether the certificate is valid');
  if (service !== undefined) return negotiate(service);
  if (preset !== undefined || tls !== undefined || isUdp) return refused(tell, 'it has no such script');
  const { send, receive } = simple(steps) ?? {};
  if (send === undefined || receive === undefined) return refused(tell, 'a script sends one text and waits for one');
  const request = send.replaceAll('\n', '\\n');
  if (send.startsWith('/') || /\\n/.test(send)) return refused(tell, 'it has no words for what is sent');
  return textKeys('simpletcp', { request: `/${request}`, receive }, tell);
}

/** A text that is sent, or none, and one that is waited for. */
function simple(steps: readonly ScriptStep[]): { send: string; receive: string | undefined } | undefined {
  const [last, first, ...others] = steps.toReversed();
  if (last === undefined || others.length > 0) return undefined;
  const send = first === undefined ? '' : first.send;
  if (send === undefined || (last.expect ?? last.matches) === undefined) return undefined;
  const body = last.expect === undefined ? { matches: last.matches } : { contains: last.expect };
  return { send, receive: receiveOf(body) };
}

/** ldirectord gives a program the addresses and ports of the virtual service and the real server. */
function execKeys(
  check: Extract<NormalCheck, { type: 'exec' }>,
  service: NormalService,
  destinations: readonly NormalDestination[],
  tell: Tell,
): Keys {
  const { command, env, output, dynamicWeight } = check;
  const [program = '', ...given] = command;
  const isPlain = output === undefined && Object.keys(env).length === 0 && !dynamicWeight;
  const own = service.protocol === 'fwmark' ? [String(service.mark), '0'] : [service.address, String(service.port)];
  const last = given.at(-1) ?? '';
  const isPort = last === '%p' || destinations.every(({ port }) => String(port) === last);
  const isSame = isPort && isDeepStrictEqual(given, [...own, '%h', last]);
  const name = program.replaceAll('%%', '%');
  if (isPlain && isSame && SAYABLE.test(name)) return { checktype: 'external', checkcommand: `"${name}"` };
  return refused(tell, `a program is given ${[...own, '%h', '%p'].join(' ')}, and its exit code counts`);
}
