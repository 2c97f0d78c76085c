/**
 * What operators have -> desired state: the files of other programs that program IPVS.
 * @module
 */

import type { DesiredState } from '../config/desired-state.js';
import { type Names, numericNames } from '../ipvsadm/names.js';
import { importIpvsctl } from './import/ipvsctl.js';
import { importKeepalived } from './import/keepalived.js';
import { importLdirectord } from './import/ldirectord.js';
import { importLvsCf } from './import/lvs-cf.js';
import { type NotTaken, Report } from './import/report.js';
import { importRules } from './import/rules.js';

export type { NotTaken } from './import/report.js';

/** keepalived.conf, Piranha's lvs.cf, ldirectord.cf, the YAML of ipvsctl, the rules of ipvsadm. */
export const IMPORT_FORMATS = ['keepalived', 'lvs.cf', 'ldirectord', 'ipvsctl', 'rules'] as const;
/** A format that can be imported and exported, by the name of its program or file. */
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

/** How to read a file of another program. */
export interface ImportOptions {
  readonly format: ImportFormat;
  /** The file's name in errors. Default: the format. */
  readonly name?: string | undefined;
  /** What hosts and ports are called, in lvs.cf, ldirectord.cf and rules. Default: nothing has a name. */
  readonly names?: Names | undefined;
  /**
   * Whether a word that the program itself passes over (one that it does not know, a value that it ignores) is a mistake.
   * Default false: the import goes on as the program does, and `notTaken` names it.
   */
  readonly strict?: boolean | undefined;
  /**
   * Whether a service stays as it is that other programs make and no state file can say, such as a persistence timeout of 0. A
   * state with such a service can be compared, and not be written as a file. Rules alone have any. Default false: the state has
   * the nearest that a file can say, and `notTaken` names it.
   */
  readonly exact?: boolean | undefined;
}

/** What came of a file. */
export interface Imported {
  /** All services of the file; timeouts and sync daemons where it tells of them. */
  readonly state: DesiredState;
  /** What the state has no place for, or has otherwise than it is written; in the order of the file. */
  readonly notTaken: readonly NotTaken[];
}

/**
 * Reads a file as the program reads it that it is for, with that program's defaults: the state is what that program would
 * have put into the kernel with every real server up, and how it checks them. Nothing is left out silently. docs/import.md tells what each format
 * gives. Reads no other file and changes nothing.
 *
 * Throws {@link ConfigError} with every mistake by line.
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { importConfig } from 'ipvs-ts/formats';
 * const text = readFileSync('/etc/keepalived/keepalived.conf', 'utf8');
 * const { state, notTaken } = importConfig(text, { format: 'keepalived' });
 * ```
 */
export function importConfig(
  text: string,
  { format, name = format, names = numericNames, strict = false, exact = false }: ImportOptions,
): Imported {
  const report = new Report(strict);
  const state = stateOf(text, format, { names, name, exact }, report);
  return { notTaken: report.finish(name), state };
}

interface Reading {
  readonly names: Names;
  readonly name: string;
  readonly exact: boolean;
}

function stateOf(text: string, format: ImportFormat, { names, name, exact }: Reading, report: Report): DesiredState {
  switch (format) {
    case 'keepalived':
      return importKeepalived(text, report);
    case 'lvs.cf':
      return importLvsCf(text, names, report);
    case 'ldirectord':
      return importLdirectord(text, names, report);
    case 'ipvsctl':
      return importIpvsctl(text, report);
    case 'rules':
      return importRules(text, { names, file: name, exact }, report);
  }
}

/** By what a file's name and its lines are known. The name counts first. */
const SIGNS: readonly { format: ImportFormat; name: RegExp; line: RegExp }[] = [
  { format: 'keepalived', name: /keepalived/, line: /^\s*(virtual_server(_group)?|vrrp_instance|global_defs)\b/m },
  { format: 'lvs.cf', name: /(^|\/)lvs\.cf|piranha/, line: /^\s*((virtual|failover)\s+[^={]+\{|serial_no\s*=)/m },
  { format: 'ldirectord', name: /ldirectord/, line: /^virtual6?\s*=/m },
  { format: 'ipvsctl', name: /ipvsctl/, line: /^(services|defaults):/m },
  { format: 'rules', name: /ipvsadm|\.rules$/, line: /^\s*(ipvsadm\s+)?(-A|--add-service|--set|--start-daemon)\s/m },
];

/** What format a file probably has; undefined where neither its name nor its lines say so. */
export function guessImportFormat(text: string, name = ''): ImportFormat | undefined {
  return (SIGNS.find((sign) => sign.name.test(name)) ?? SIGNS.find((sign) => sign.line.test(text)))?.format;
}
