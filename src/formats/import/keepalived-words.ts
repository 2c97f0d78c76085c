/**
 * A line of keepalived.conf -> words, for the few keywords that read quotes and backslashes by rules of their own (2.2.7,
 * lib/parser.c, `alloc_strvec_quoted_escaped`): commands and regular expressions.
 * @module
 */

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  E: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** What a backslash begins: a byte in hexadecimal or octal, a control character, or any other character. */
const ESCAPE = /^\\(?:x([\da-f]+)|c(.)|([0-7]{1,3})|(.))/is;

/** Both kinds of quotes hold blanks together, and backslashes count in both. Undefined where a quote or a backslash has no end. */
export function quotedWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index);
    if (character === '\\') {
      const found = ESCAPE.exec(text.slice(index));
      if (found === null) return undefined;
      word = (word ?? '') + escaped(found);
      index += found[0].length - 1;
    } else if (character === quote) quote = '';
    else if (quote === '' && /["']/.test(character)) {
      quote = character;
      word ??= '';
    } else if (quote === '' && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + character;
  }
  if (quote !== '') return undefined;
  return word === undefined ? words : [...words, word];
}

function escaped([, hex, control, octal, other = '']: readonly (string | undefined)[]): string {
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex.slice(-2), 16));
  if (control !== undefined) return String.fromCharCode(control.charCodeAt(0) & 0x1f);
  if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
  return ESCAPES[other] ?? other;
}
