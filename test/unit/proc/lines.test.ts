import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lines } from '../../../src/proc/lines.js';
import { cut, inPieces, whole } from './text.js';

async function read(pieces: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const batch of lines(pieces)) all.push(...batch);
  return all;
}

test.each([
  ['', []],
  ['\n', ['']],
  ['a', ['a']],
  ['a\n', ['a']],
  ['a\n\nb', ['a', '', 'b']],
  ['a\r\n', ['a\r']],
])('%j has the lines %j', async (text, expected) => {
  expect(await read(whole(text))).toEqual(expected);
});

test('cuts make no difference', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'é', ' ', '\n') });
  await fc.assert(
    fc.asyncProperty(
      text.chain((whole) => fc.tuple(fc.constant(whole), cut(whole))),
      async ([uncut, pieces]) => {
        expect(pieces.join('')).toBe(uncut);
        expect(await read(inPieces(pieces))).toEqual(await read(whole(uncut)));
      },
    ),
  );
});
