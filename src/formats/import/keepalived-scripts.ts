/**
 * The programs that keepalived.conf has run (2.2.7, lib/notify.c: `notify_script_init`, `set_script_uid_gid`).
 * @module
 */
import type { Hook } from '../../model/hook.js';
import { quotedWords } from './keepalived-words.js';
import type { Place, Report } from './report.js';
import type { Statement } from './statement.js';

/** A program, and whom it runs as. */
export interface Script extends Omit<Hook, 'timeout'> {
  readonly place: Place;
}

/** Whom a script runs as. */
export type Account = Pick<Hook, 'user' | 'group'>;

/** Milliseconds: the longest that a hook may run. keepalived lets scripts run for as long as they like. */
export const LONGEST = 600_000;

/** The command is one word, which is read once more; `others` stand behind it. */
export function commandOf({ text = '' }: Statement): { command?: string[]; path: string; others: string[] } {
  const [, path = '', ...others] = quotedWords(text) ?? [];
  const command = quotedWords(path);
  return { ...(command?.[0] !== undefined && { command }), path, others };
}

/** `notify_up "/usr/local/bin/told up" nobody nogroup`. What has no command is told. */
export function scriptOf(statement: Statement, report: Report): Script | undefined {
  const { command, others } = commandOf(statement);
  if (command === undefined) {
    report.passOver(statement, 'has no command that can be read');
    return undefined;
  }
  const [user, group] = others;
  return { place: statement, command, ...(user !== undefined && { user }), ...(group !== undefined && { group }) };
}

/** As a hook. @param account that holds where the script names none: `script_user` */
export function hookOf(script: Script | undefined, account: Account): Hook | undefined {
  if (script === undefined) return undefined;
  const { place: _, ...own } = script;
  return { ...(own.user === undefined && account), ...own, timeout: LONGEST };
}
