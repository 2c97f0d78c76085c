/**
 * `ipvs-ts __complete SHELL WORD...`: what may stand at the cursor of a shell, asked by its completion script.
 *
 * The words are those behind the program's name, up to the cursor; the last is the one at the cursor, cut there. The answer has
 * a line for each candidate: the word, a tab, and its explanation. A line `:files BEFORE<tab>BEGIN` asks the shell for names of
 * files that begin with BEGIN, each with BEFORE in front of it.
 * @module
 */
import { COMMANDS } from '../../ipvsadm/options.js';
import type { VerbContext } from '../context.js';
import type { Verb } from '../verb.js';
import { type Candidates, NONE } from './candidates.js';
import { completeIpvsadm } from './complete-ipvsadm.js';
import { completeVerb } from './complete-verb.js';

/** The lines for the words of a shell. */
export async function complete(
  [shell, ...typed]: readonly string[],
  verbs: readonly Verb[],
  context: Pick<VerbContext, 'open'>,
): Promise<string> {
  const words = shell === 'bash' ? joined(typed) : typed;
  const current = words.at(-1) ?? '';
  const { words: candidates, files } = await candidatesFor(words, verbs, context);
  // readline replaces only what stands behind the last "=" or ":".
  const kept = shell === 'bash' ? keptByReadline(current, typed.at(-1) ?? '') : 0;
  const lines = candidates
    .filter(({ text }) => text.startsWith(current))
    .map(({ text, help }) => `${text.slice(kept)}\t${help ?? ''}\n`);
  if (files === undefined) return lines.join('');
  const begin = /^--[^=]+=/.exec(current)?.[0].length ?? 0;
  return `${lines.join('')}:files ${current.slice(Math.min(kept, begin), begin)}\t${current.slice(begin)}\n`;
}

async function candidatesFor(
  words: readonly string[],
  verbs: readonly Verb[],
  context: Pick<VerbContext, 'open'>,
): Promise<Candidates> {
  const [first = '', ...rest] = words;
  if (words.length > 1 && !first.startsWith('-')) {
    const verb = verbs.find(({ name }) => name === first);
    return verb === undefined ? NONE : completeVerb(verb, rest, { verbs, context });
  }
  if (words.length > 1 || first.startsWith('-')) return completeIpvsadm(words, context);
  const commands = COMMANDS.map(({ long, help }) => ({ text: `--${long}`, help }));
  return { words: [...verbs.map(({ name: text, help }) => ({ text, help })), ...commands] };
}

/** The words as they were typed: readline breaks them at "=" and ":". */
function joined(typed: readonly string[]): string[] {
  const words: string[] = [];
  let isOpen = false;
  for (const part of typed) {
    const isBreak = /^[=:]+$/.test(part);
    const last = words.pop();
    if (last !== undefined && (isOpen || isBreak)) words.push(last + part);
    else words.push(...(last === undefined ? [] : [last]), part);
    isOpen = isBreak;
  }
  return words;
}

function keptByReadline(current: string, part: string): number {
  return /^[=:]+$/.test(part) ? current.length : current.length - part.length;
}
