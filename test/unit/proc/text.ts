import fc from 'fast-check';
import { expect } from 'vitest';
import { ProtocolError } from '../../../src/errors.js';

/** A text as it comes from a file: in pieces. */
export async function* inPieces(pieces: Iterable<string>): AsyncGenerator<string> {
  yield* pieces;
}

export function whole(text: string): AsyncGenerator<string> {
  return inPieces([text]);
}

/** The text cut at random places, also twice at one. */
export function cut(text: string): fc.Arbitrary<string[]> {
  return fc.array(fc.nat(text.length)).map((places) => {
    const ends = [...places.toSorted((a, b) => a - b), text.length];
    return ends.map((end, index) => text.slice(ends[index - 1] ?? 0, end));
  });
}

/** The text with a few characters replaced, added or lost, as it is or cut off. */
export function damaged(text: string): fc.Arbitrary<string> {
  const character = fc.constantFrom(...'09AFaf :[]->\n\t.,-_Zé', '', '  ', '\0', 'FFFFFFFFFF');
  const damage = fc.record({ at: fc.nat(text.length), lost: fc.nat(3), put: character });
  return fc
    .tuple(fc.array(damage, { minLength: 1, maxLength: 4 }), fc.nat(text.length * 2))
    .map(([damages, end]) =>
      damages
        .reduce((result, { at, lost, put }) => result.slice(0, at) + put + result.slice(at + lost), text)
        .slice(0, Math.max(end, 1)),
    );
}

/** Whatever the text, it is read or it is refused, and refused in one way only. */
export async function expectNoSurprise(text: fc.Arbitrary<string>, read: (text: string) => Promise<unknown>) {
  await fc.assert(
    fc.asyncProperty(text, async (anything) => {
      const error = await read(anything).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error !== undefined) expect(error).toBeInstanceOf(ProtocolError);
    }),
    { numRuns: 500 },
  );
}
