/** The pairs of files in docs/moving.md: what the import makes of the first is the second. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseStateText } from '../../../src/config/read.js';
import { IMPORT_FORMATS, importConfig } from '../../../src/formats/import-config.js';

const page = readFileSync(new URL('../../../docs/moving.md', import.meta.url), 'utf8');
const pairs = [...page.matchAll(/^```(keepalived|ldirectord|lvs\.cf)\n(.*?)^```\n\n```yaml\n(.*?)^```$/gms)].map(
  ([, format = '', theirs = '', ours = '']) => [format, theirs, ours] as const,
);

test('there is a pair for each program', () => {
  expect(pairs.map(([format]) => format)).toEqual(['keepalived', 'ldirectord', 'lvs.cf']);
});

test.each(pairs)('%s', (name, theirs, ours) => {
  const format = IMPORT_FORMATS.find((each) => each === name) ?? 'rules';
  const { state, notTaken } = importConfig(theirs, { format });
  expect(state).toEqual(parseStateText(ours));
  expect(notTaken.filter(({ key }) => !key.startsWith('address'))).toEqual([]);
});
