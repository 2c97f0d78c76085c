/**
 * Who runs this program.
 * @module
 */
import { userInfo } from 'node:os';

/** The name of the user: the one that called sudo, or that of the process; its number where it has no name. */
export function userName(env: NodeJS.ProcessEnv = process.env): string {
  try {
    return env['SUDO_USER'] || userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
