/**
 * Lines of a text that comes in pieces, in memory that does not grow with the text.
 * @module
 */

/** Splits at line feeds. A last line without one is a line too. */
export async function* lines(chunks: AsyncIterable<string>): AsyncGenerator<string[]> {
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    yield parts;
  }
  if (rest !== '') yield [rest];
}
