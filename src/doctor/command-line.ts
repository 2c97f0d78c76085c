/**
 * The commands that findings give to people.
 * @module
 */

import { familyOf } from '../address/ip.js';
import { masqueradeCommands } from '../host/masquerade.js';
import type { HostStep } from '../host/step.js';
import { quoteForShell } from '../host-script/shell.js';
import { formatRules } from '../ipvsadm/rules.js';
import { namespacePath } from '../linux/namespace.js';
import type { DestinationFields } from '../model/destination.js';
import type { ServiceFields } from '../model/service.js';

/** A command and its arguments, without a shell's quotes. */
export type Command = readonly string[];

/** Commands in one line for a shell, each after the success of the one before; for a host or a namespace of it. */
export function commandLine(commands: readonly Command[], netns?: string): string {
  const path = namespacePath(netns);
  const prefix = path === undefined ? [] : ['nsenter', `--net=${path}`];
  return commands.map((words) => [...prefix, ...words].map(quoteWhereNeeded).join(' ')).join(' && ');
}

function quoteWhereNeeded(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : quoteForShell(word);
}

/** `sysctl -w` takes the names that this library uses. */
export function sysctlCommand(name: string, value: string): Command {
  return ['sysctl', '-w', `${name}=${value}`];
}

/** What does by hand what a step does. */
export function stepCommand(step: HostStep): Command {
  switch (step.kind) {
    case 'sysctl':
      return sysctlCommand(step.name, step.value);
    case 'address':
      return [...addressCommand('add', step), ...(step.deprecated ? ['preferred_lft', '0'] : [])];
    case 'address-removal':
      return addressCommand('del', step);
    case 'route':
      return [...ipCommand(step.gateway), 'route', 'replace', 'default', 'via', step.gateway];
    case 'link-up':
      return ['ip', 'link', 'set', step.device, 'up'];
    case 'gre-device': {
      const kind = familyOf(step.local) === 'ipv4' ? 'gre' : 'ip6gre';
      return ['ip', 'link', 'add', step.device, 'type', kind, 'local', step.local, 'remote', 'any', 'icsum'];
    }
    case 'fou-port':
      return ['ip', 'fou', 'add', 'port', String(step.port), 'gue', ...(step.family === 'ipv6' ? ['-6'] : [])];
    case 'masquerade':
      return masqueradeCommands(step.tool, step).add;
  }
}

/** `ip address add|del ADDRESS/PREFIX dev DEVICE` */
export function addressCommand(
  verb: 'add' | 'del',
  { address, prefix, device }: { readonly address: string; readonly prefix: number; readonly device: string },
): Command {
  // Detection of duplicates would find the other hosts that rightly have a virtual IP.
  const nodad = verb === 'add' && address.includes(':') ? ['nodad'] : [];
  return ['ip', 'address', verb, `${address}/${prefix}`, 'dev', device, ...nodad];
}

function ipCommand(address: string): Command {
  return address.includes(':') ? ['ip', '-6'] : ['ip'];
}

/** Adds, edits or deletes a real server, in ipvsadm's options. */
export function serverCommand(
  verb: 'add' | 'edit' | 'delete',
  service: ServiceFields,
  destination: DestinationFields,
): Command {
  const [, line = ''] = formatRules({ services: [{ service, destinations: [{ destination }] }] }, { thresholds: true })
    .trimEnd()
    .split('\n');
  const [, ...words] = line.split(' ');
  const key = words.slice(0, words.indexOf('-r') + 2);
  if (verb === 'delete') return ['ipvs-ts', '-d', ...key];
  return ['ipvs-ts', verb === 'add' ? '-a' : '-e', ...words];
}

/** Gives a service its settings anew, in ipvsadm's options. */
export function serviceCommand(service: ServiceFields): Command {
  const line = formatRules({ services: [{ service, destinations: [] }] }).trimEnd();
  return ['ipvs-ts', ...line.replace(/^-A/, '-E').split(' ')];
}
