/**
 * Completion scripts for shells, made from the table of ipvsadm's options and the table of our verbs.
 * @module
 */
import { bashScript } from './completion/bash.js';
import { fishScript } from './completion/fish.js';
import { zshScript } from './completion/zsh.js';
import type { Shell } from './verbs.js';

const SCRIPTS: Readonly<Record<Shell, () => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** The script that teaches a shell the words of ipvs-ts. It ends with a newline. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell]();
}
