import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { apiPage, entries } from '../../scripts/api.mjs';

const all = entries();

test('every public name has a doc comment', () => {
  const silent = all.flatMap(({ entry, names }) =>
    names.filter(({ summary }) => summary === '').map(({ name }) => `${entry}: ${name}`),
  );
  expect(all.length).toBeGreaterThan(7);
  expect(silent).toEqual([]);
});

test('one name means one thing in all entries', () => {
  const meanings = new Map<string, Set<string>>();
  for (const { names } of all) {
    for (const { name, kind, summary } of names) {
      meanings.set(name, (meanings.get(name) ?? new Set()).add(`${kind}: ${summary}`));
    }
  }
  expect([...meanings].filter(([, said]) => said.size > 1).map(([name, said]) => [name, ...said])).toEqual([]);
});

test('docs/api.md lists them all, as they are: node scripts/api.mjs', () => {
  expect(readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8')).toBe(apiPage());
});

test('the public names of each entry, values and types', async () => {
  const lines = all.flatMap(({ entry, names }) => names.map(({ name, kind }) => `${entry} ${kind} ${name}\n`));
  await expect(lines.join('')).toMatchFileSnapshot('../golden/exports.txt');
});
