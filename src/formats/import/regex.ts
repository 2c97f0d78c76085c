/**
 * Regular expressions of Perl, PCRE and POSIX -> those of JavaScript, where they mean the same there.
 * @module
 */

/** What a body must have: a text, where the expression is no more than one. */
export type Pattern = { readonly contains: string } | { readonly matches: string };

/** What only Perl knows, or reads otherwise: `\A`, `(?i)`, `[[:digit:]]`, `a++`. */
const PERL_ONLY = /\\[AEGHKNQRXZeghz]|\(\?(?![:=!]|<[=!])|\(\*|\[\[:|[*+?}]\+|\[\]/;

/** Undefined where it is no expression of both. */
export function patternOf(perl: string): Pattern | undefined {
  const text = plainText(perl);
  if (text !== undefined) return { contains: text };
  if (perl === '' || PERL_ONLY.test(perl)) return undefined;
  const matches = withLineEnd(perl);
  return isExpression(matches) ? { matches } : undefined;
}

/** The same as an expression, however it was written. */
export function expressionOf(pattern: Pattern): string {
  return 'matches' in pattern ? pattern.matches : quoted(pattern.contains);
}

/** A text as an expression that matches it alone. */
export function quoted(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}]/g, '\\$&');
}

function plainText(perl: string): string | undefined {
  const isPlain = /^(?:[^\\^$.|?*+()[\]{}]|\\[^\w\s])+$/.test(perl);
  return isPlain ? perl.replace(/\\(.)/g, '$1') : undefined;
}

/** Their `$` is also before a line end that is the last character. */
function withLineEnd(perl: string): string {
  return perl.replace(/\\.|\[(?:\\.|[^\]\\])*\]|\$/gs, (part) => (part === '$' ? '(?=\\n?$)' : part));
}

/** The classes of POSIX, inside of brackets. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  blank: ' \\t',
  digit: '0-9',
  lower: 'a-z',
  space: '\\s',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};

/** The same of an extended regular expression of POSIX. */
export function posixPatternOf(posix: string): Pattern | undefined {
  const text = plainText(posix);
  if (text !== undefined) return { contains: text };
  const matches = posix.replace(/\[:(\w+):\]/g, (whole, name: string) => CLASSES[name] ?? whole);
  if (matches === '' || PERL_ONLY.test(matches) || /\\\w|\[:|\[=|\[\./.test(posix.replace(/\[:\w+:\]/g, '')))
    return undefined;
  return isExpression(matches) ? { matches } : undefined;
}

function isExpression(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}
