/** The guides: their commands and files are right, and say the same. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { directorOf, realServerOf } from '../../src/cli/host-description.js';
import { parseArguments } from '../../src/cli/parse-verb.js';
import { director as directorVerb } from '../../src/cli/verbs/director.js';
import { realServer as realServerVerb } from '../../src/cli/verbs/realserver.js';
import { parseStateText } from '../../src/config/read.js';
import { FINDING_IDS } from '../../src/doctor/finding.js';
import { parseRules } from '../../src/ipvsadm/rules.js';
import { parseDirector } from '../../src/model/director.js';
import { parseRealServer } from '../../src/model/real-server.js';

const GUIDES = ['dr', 'nat', 'tun'].map((mode) => {
  const text = readFileSync(new URL(`../../docs/guide/${mode}.md`, import.meta.url), 'utf8');
  return { mode, text, commands: blocks(text, 'sh').flatMap((block) => block.trim().split('\n').map(withoutComment)) };
});

function blocks(text: string, language: string): string[] {
  return Array.from(text.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\``, 'gm')), ([, block = '']) => block);
}

function withoutComment(line: string): string {
  return line.replace(/\s+#.*/, '');
}

test.each(GUIDES)('$mode: the file says what the commands say', ({ text, commands }) => {
  const [file = ''] = blocks(text, 'yaml');
  const state = parseStateText(file);
  const words = (verb: string) =>
    commands
      .find((line) => line.startsWith(`ipvs-ts ${verb} up`))
      ?.split(/\s+/)
      .slice(2) ?? [];

  const director = parseDirector(directorOf(parseArguments(directorVerb, words('director'))?.values ?? {}));
  expect(state.director).toEqual(director);
  const realServer = parseRealServer(realServerOf(parseArguments(realServerVerb, words('realserver'))?.values ?? {}));
  expect(state.realServer).toEqual(realServer);

  const rules = commands.filter((line) => line.startsWith('ipvsadm ')).map((line) => line.slice('ipvsadm '.length));
  const added = parseRules(rules.join('\n')).flatMap(({ change }) =>
    change.verb === 'add-destination' ? [change.destination] : [],
  );
  expect(added.length).toBe(2);
  expect(state.services?.flatMap(({ destinations }) => destinations)).toMatchObject(
    added.map(({ address, forward }) => ({ address, forward })),
  );
});

test.each(GUIDES)('$mode: every command of a verb is one', ({ commands }) => {
  for (const line of commands) {
    const [program, verb, ...words] = line.split(/\s+/);
    if (program !== 'ipvs-ts' || (verb !== 'director' && verb !== 'realserver')) continue;
    const args = verb === 'director' ? parseArguments(directorVerb, words) : parseArguments(realServerVerb, words);
    expect(args, line).toBeDefined();
  }
});

test.each(GUIDES)("$mode: the doctor's findings have their names", ({ text }) => {
  const rows = text.split('\n').filter((line) => line.startsWith('| '));
  const table = rows.slice(rows.findIndex((line) => line.includes('finding of')) + 1);
  const names = table.flatMap((row) =>
    Array.from((row.split('|')[3] ?? '').matchAll(/`([a-z-]+)`/g), ([, name]) => name),
  );
  expect(names.length).toBeGreaterThan(3);
  expect(FINDING_IDS).toEqual(expect.arrayContaining(names));
});
