/**
 * Who runs this program, and whom it may become.
 * @module
 */
import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

/** The name of the user: the one that called sudo, or that of the process; its number where it has no name. */
export function userName(env: NodeJS.ProcessEnv = process.env): string {
  try {
    return env['SUDO_USER'] || userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** The name of a user by /etc/passwd; the number where it has none. */
export function nameOfUser(uid: number): string {
  try {
    const [name] = recordsOf('/etc/passwd').find(([, , id]) => id === String(uid)) ?? [];
    return name || String(uid);
  } catch {
    return String(uid);
  }
}

/** A user and a group, as `spawn` of node:child_process takes them. */
export interface AccountIds {
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * The numbers of a user and of a group by /etc/passwd and /etc/group, where they are none already. Without a group it is the user's; a
 * number that is nobody's has the group of the same number.
 * @throws an error that says what there is not.
 */
export function accountIds(user: string | undefined, group: string | undefined): AccountIds {
  const [uid, own = uid] = user === undefined ? [] : numbersOf('/etc/passwd', 'user', user);
  const [gid = own] = group === undefined ? [] : numbersOf('/etc/group', 'group', group);
  return { ...(uid !== undefined && { uid }), ...(gid !== undefined && { gid }) };
}

/** The third field of the line, and the fourth, which of /etc/passwd is the user's group. */
function numbersOf(path: string, kind: 'user' | 'group', name: string): number[] {
  const found = recordsOf(path)
    .find(([first, , id]) => first === name || id === name)
    ?.slice(2, 4);
  if (found === undefined && !/^\d+$/.test(name)) throw new Error(`there is no ${kind} ${name}`);
  return (found ?? [name]).filter((text) => /^\d+$/.test(text)).map(Number);
}

/** The lines of /etc/passwd or /etc/group, field by field. */
function recordsOf(path: string): string[][] {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.map((line) => line.split(':'));
}
