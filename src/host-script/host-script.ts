/**
 * Scripts for hosts without Node: they do what the plans of the director and the real server do, by the host's own tools.
 * @module
 */

import { InvalidArgumentError } from '../errors.js';
import { parseHostSetup } from '../host/setup.js';
import { asObject } from '../model/fields.js';
import { freebsdCommands, freebsdRcConf, freebsdRcScript, openbsdHostname, openbsdScript } from './bsd.js';
import { SCRIPT_FORMS, SCRIPT_OSES, type ScriptForm, type ScriptOs } from './forms.js';
import { type HostScriptSubject, subjectName } from './header.js';
import { linuxScript, linuxScriptName, systemdUnit } from './linux.js';
import { MAX_ALIASED_DEVICE } from './net-tools.js';
import { powerShellScript } from './windows.js';

/** What a text is wanted for: the description of a director or a real server as `parseDirector` or `parseRealServer` return it. */
export type HostScriptRequest = HostScriptSubject & {
  /** Default `linux`. */
  readonly os?: ScriptOs | undefined;
  /** Default: the first of the system's forms. */
  readonly form?: ScriptForm | undefined;
};

/** A generated text. */
export interface HostScript {
  readonly text: string;
  /** What it is best called, without a directory; the text itself says where it belongs. */
  readonly fileName: string;
}

/**
 * The text that sets up a host. It depends on the request alone.
 * @throws {InvalidArgumentError} for what the system can't do, with what it can.
 *
 * @example
 * ```ts
 * import { hostScript } from 'ipvs-ts/host-script';
 * const description = { mode: 'dr', vips: [{ address: '192.0.2.1', prefix: 32 }] } as const;
 * const { text } = hostScript({ role: 'real-server', description: { ...description, vips: [...description.vips] } });
 * ```
 */
export function hostScript(request: HostScriptRequest): HostScript {
  const { os = 'linux' } = asObject('script', request) as unknown as HostScriptRequest;
  const forms: readonly ScriptForm[] = SCRIPT_FORMS[os] ?? refuse('os', `must be ${SCRIPT_OSES.join(', ')}`);
  const form = request.form ?? forms[0];
  const make = MAKERS.get(form ?? '');
  if (form === undefined || make === undefined || !forms.includes(form)) {
    return refuse('form', `must be ${forms.join(', ')} for ${os}`);
  }
  const subject = parseHostSetup(request);
  checkSystem(subject, os);
  if (form === 'ifconfig') checkNetTools(subject);
  return make(subject);
}

const MAKERS: ReadonlyMap<string, (subject: HostScriptSubject) => HostScript> = new Map<
  ScriptForm,
  (subject: HostScriptSubject) => HostScript
>([
  ['iproute2', (of) => ({ text: linuxScript(of, 'iproute2'), fileName: linuxScriptName(of) })],
  ['ifconfig', (of) => ({ text: linuxScript(of, 'ifconfig'), fileName: linuxScriptName(of) })],
  ['systemd', (of) => ({ text: systemdUnit(of), fileName: `${linuxScriptName(of)}.service` })],
  ['rc.d', (of) => ({ text: freebsdRcScript(of), fileName: `ipvs_ts_${subjectName(of).replaceAll('-', '_')}` })],
  ['command', (of) => ({ text: freebsdCommands(of), fileName: `ipvs-ts-${subjectName(of)}.sh` })],
  ['rc.conf', (of) => ({ text: freebsdRcConf(of), fileName: 'rc.conf' })],
  ['sh', (of) => ({ text: openbsdScript(of), fileName: `ipvs-ts-${subjectName(of)}` })],
  ['hostname.if', (of) => ({ text: openbsdHostname(of), fileName: 'hostname.lo0' })],
  ['powershell', (of) => ({ text: powerShellScript(of), fileName: `ipvs-ts-${subjectName(of)}.ps1` })],
]);

/** Characters no Linux device has in its name: net/core/dev.c, dev_valid_name. */
function checkDevice(path: string, device: string | undefined): void {
  if (device === undefined || (!/[/:]/.test(device) && device !== '.' && device !== '..')) return;
  refuse(path, `"${device}" is no name of a Linux device: it may not be . or .. and may not hold / or :`);
}

function checkSystem({ role, description }: HostScriptSubject, os: ScriptOs): void {
  if (role === 'director') {
    if (os !== 'linux') refuse('os', `must be linux for a director: ${os} has no IPVS`);
    checkDevice('device', description.device);
    if (description.mode === 'nat') checkDevice('inside.device', description.inside.device);
    return;
  }
  if (os === 'linux') return;
  if (description.mode === 'tun') {
    const why =
      os === 'windows'
        ? 'Windows has no tunnel device that unwraps IP in IP from any sender'
        : 'its tunnel devices take packets between two outer addresses, and neither is in the description';
    refuse(
      'mode',
      `tun is for Linux real servers alone, ${os} can be one in mode ${os === 'windows' ? 'dr' : 'nat or dr'}: ${why}`,
    );
  }
  if (os !== 'windows') return;
  if (description.mode === 'nat') {
    refuse('mode', 'must be dr for windows; a NAT real server needs nothing but the director as its default gateway');
  }
  if (description.gateway !== undefined) refuse('gateway', 'is not set up on windows: leave it out');
}

/** What the old tools can't do. */
function checkNetTools({ role, description }: HostScriptSubject): void {
  if (description.gateway?.includes(':')) {
    refuse(
      'gateway',
      'must be IPv4 in form ifconfig: route(8) cannot put back an IPv6 route as it was; take form iproute2',
    );
  }
  if (role === 'real-server' && 'tunnel' in description && description.tunnel === 'gue') {
    refuse('tunnel', 'must be ipip or gre in form ifconfig, which can open no port for gue; take form iproute2');
  }
  if (role === 'real-server' && 'checksum' in description && description.checksum === true) {
    refuse('checksum', 'is not for form ifconfig, which can make no such GRE device; take form iproute2');
  }
  if (role !== 'director') return;
  if (description.vips.some(({ address }) => address.includes(':'))) {
    refuse(
      'vips',
      "must be IPv4 for a director in form ifconfig, which cannot keep an IPv6 one from being the source of the director's own packets; take form iproute2",
    );
  }
  const inside = description.mode === 'nat' ? description.inside.device : undefined;
  for (const [path, device] of [
    ['device', description.device],
    ['inside.device', inside ?? ''],
  ] as const) {
    if (device.length <= MAX_ALIASED_DEVICE) continue;
    refuse(path, `must be at most ${MAX_ALIASED_DEVICE} characters in form ifconfig, which names aliases ${device}:0`);
  }
}

function refuse(path: string, message: string): never {
  throw new InvalidArgumentError('script', [{ path, message }]);
}
