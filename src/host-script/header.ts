/**
 * What stands at the top of every generated file: what it is for, what has been tested of it, how it is used.
 * @module
 */
import { shortDigest } from '../host/setup.js';
import type { NormalDirector } from '../model/director.js';
import type { NormalRealServer } from '../model/real-server.js';
import type { Vip } from '../model/vip.js';

/** Whom a file is for. */
export type HostScriptSubject =
  | { readonly role: 'director'; readonly description: NormalDirector }
  | { readonly role: 'real-server'; readonly description: NormalRealServer };

const MODE_NAMES = { nat: 'network address translation', dr: 'direct routing', tun: 'IP tunnels' };

/** More virtual IPs than these are counted, not named. */
const NAMED_VIPS = 8;

/** `director-nat`, `real-server-dr`: what files of one subject are called after. */
export function subjectName({ role, description }: HostScriptSubject): string {
  return `${role}-${description.mode}`;
}

/** `real-server-dr-1f3a9c02`: what the state of one subject is called, and of no other one. */
export function stateName(subject: HostScriptSubject): string {
  return `${subjectName(subject)}-${shortDigest(JSON.stringify(subject.description))}`;
}

/** The virtual IPs; a NAT real server knows none. */
export function vipsOf({ description }: HostScriptSubject): readonly Vip[] {
  return 'vips' in description ? description.vips : [];
}

export function header(
  subject: HostScriptSubject,
  file: string,
  tested: readonly string[],
  use: readonly string[],
): string[] {
  const { role, description } = subject;
  const vips = vipsOf(subject).map(({ address }) => address);
  const more = vips.length - NAMED_VIPS;
  return [
    `${file}, made by ipvs-ts for`,
    `  role:  ${role === 'director' ? 'director' : 'real server'}`,
    `  mode:  ${description.mode}, ${MODE_NAMES[description.mode]}`,
    ...(vips.length === 0
      ? []
      : [`  VIPs:  ${vips.slice(0, NAMED_VIPS).join(' ')}${more > 0 ? ` and ${more} more` : ''}`]),
    'Make it anew rather than change it.',
    '',
    'Tested:',
    ...tested.map((line) => `  ${line}`),
    '',
    'Use:',
    ...use.map((line) => `  ${line}`),
  ];
}

/** How a start, stop and status script is used. */
export function scriptUse(path: string): string[] {
  return [
    `install -m 755 FILE ${path}`,
    `${path} start     sets up what is missing, and writes down what was there before`,
    `${path} stop      puts exactly that back, also after a start that ended half way`,
    `${path} status    changes nothing; 0: all in place, 3: what is not is named`,
  ];
}
