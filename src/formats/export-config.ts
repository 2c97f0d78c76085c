/**
 * Desired state -> the files of other programs that program IPVS: the reverse of import.ts.
 * @module
 */

import type { DesiredState } from '../config/desired-state.js';
import { InvalidArgumentError } from '../errors.js';
import { type DesiredTable, readDesiredTable } from '../model/desired.js';
import { expressible } from './export/expressible.js';
import { ipvsctlLanguage } from './export/ipvsctl.js';
import { keepalivedLanguage } from './export/keepalived.js';
import type { Language, NotWritten } from './export/language.js';
import { ldirectordLanguage } from './export/ldirectord.js';
import { lvsCfLanguage } from './export/lvs-cf.js';
import { rulesLanguage } from './export/rules.js';
import { IMPORT_FORMATS, type ImportFormat } from './import-config.js';

export type { NotWritten } from './export/language.js';

/** How to write a state for another program. */
export interface ExportOptions {
  readonly format: ImportFormat;
}

/** A state in the language of another program. */
export interface Exported {
  readonly text: string;
  /** What the text does not say, or says otherwise than the state. */
  readonly notWritten: readonly NotWritten[];
}

const LANGUAGES: ReadonlyMap<string, Language> = new Map<ImportFormat, Language>([
  ['keepalived', keepalivedLanguage],
  ['lvs.cf', lvsCfLanguage],
  ['ldirectord', ldirectordLanguage],
  ['ipvsctl', ipvsctlLanguage],
  ['rules', rulesLanguage],
]);

/**
 * Writes a state as a file of another program. `importConfig` reads the same services and destinations out of it, except for
 * what `notWritten` names: a setting that the format does not have is left out, and so is a service or a real server that would be another
 * one without it. docs/import.md tells what each format cannot express. Changes nothing.
 *
 * Throws {@link InvalidArgumentError} for a format that there is not, and with the path of every field of the state that is wrong.
 *
 * @example
 * ```ts
 * import { loadStateFile } from 'ipvs-ts/config';
 * import { exportConfig } from 'ipvs-ts/formats';
 * const { text, notWritten } = exportConfig(await loadStateFile('/etc/ipvs.yaml'), { format: 'keepalived' });
 * ```
 */
export function exportConfig(
  state: DesiredTable & Pick<DesiredState, 'director' | 'realServer'>,
  { format }: ExportOptions,
): Exported {
  const language = LANGUAGES.get(format);
  if (language === undefined) {
    throw new InvalidArgumentError('export', [
      { path: 'format', message: `must be one of ${IMPORT_FORMATS.join(', ')}` },
    ]);
  }
  const { table } = readDesiredTable(state);
  const { director, realServer } = state;
  const notWritten: NotWritten[] = [];
  const report = (object: string, why: string) => void notWritten.push({ object, why });
  const text = language.write(expressible({ ...table, director, realServer }, language.capabilities, report), report);
  return { text, notWritten };
}
