/**
 * keepalived.conf as text -> statements: comments, quotes, definitions and blocks (keepalived 2.2.7 and 2.4.3, parser.c).
 * @module
 */
import type { Report } from './report.js';
import { Blocks, type Statement } from './statement.js';

/** Reads a whole file. Directives that bring in other text, or leave some out, are mistakes here. */
export function readKeepalived(text: string, report: Report): readonly Statement[] {
  const definitions = new Map<string, string>();
  const blocks = new Blocks(report);
  for (const [index, raw] of text.split('\n').entries()) {
    const content = withoutComment(raw).trim();
    const place = { line: index + 1, column: raw.search(/\S/) + 1, key: /^\S*/.exec(content)?.[0] ?? '' };
    const problem = directiveProblem(content);
    const [, name, value = ''] = /^\$([a-z_]\w*)=\s*(.*)$/i.exec(content) ?? [];
    if (problem !== undefined) report.refuse(place, problem);
    else if (name !== undefined) definitions.set(name, expand(value, definitions));
    else readLine(expand(content, definitions), place, blocks);
  }
  return blocks.finish();
}

/** `!` and `#` begin a comment wherever they stand, but not in quotes or behind a backslash. */
function withoutComment(line: string): string {
  return line.replace(/"[^"]*"|\\[!#]|[!#].*$/g, (part) => {
    if (part.startsWith('"')) return part;
    return part.startsWith('\\') ? part.slice(1) : '';
  });
}

function directiveProblem(line: string): string | undefined {
  if (/^include[rmwba]?(\s|$)/.test(line)) return 'other files are not read: put its text in this place';
  if (line.startsWith('@')) return 'conditions (@id) are not understood: leave only the lines that hold';
  if (/~(SEQ|LST)\(/.test(line)) return '~SEQ and ~LST are not understood: write the lines out';
  if (/^\$\w+\s+=/.test(line)) return 'a definition has no blank before its "="';
  if (line.endsWith('\\')) return 'lines that go on in the next one are not understood: write it as one';
  if ((line.match(/"/g) ?? []).length % 2 === 1) return 'a quote is not closed';
  return undefined;
}

/**
 * `${NAME}`, or `$NAME` before a blank, a comma, a closing parenthesis or the end. All else stays as it is, as with
 * keepalived: it may stand in a command for a shell.
 */
function expand(text: string, definitions: ReadonlyMap<string, string>): string {
  return text.replace(
    /\$(?:\{(\w+)\}|(\w+)(?=[\s,)]|$))/g,
    (whole, braced: string | undefined, bare: string | undefined) => {
      return definitions.get(braced ?? bare ?? '') ?? whole;
    },
  );
}

function readLine(line: string, { line: number, column }: { line: number; column: number }, blocks: Blocks): void {
  let words: string[] = [];
  const endStatement = () => {
    const [key, ...values] = words;
    if (key !== undefined) blocks.add({ line: number, column, key, values });
    words = [];
  };
  for (const { word, isBrace } of wordsOf(line)) {
    if (!isBrace) {
      words.push(word);
      continue;
    }
    endStatement();
    const place = { line: number, column, key: word };
    if (word === '{') blocks.begin(place);
    else blocks.end(place);
  }
  endStatement();
}

/** Quotes hold blanks together. A brace may hang on the end of a word. */
function wordsOf(line: string): { word: string; isBrace: boolean }[] {
  return [...line.matchAll(/"([^"]*)"|[^\s"]+/g)].flatMap(([whole, quoted]) => {
    if (quoted !== undefined) return [{ word: quoted, isBrace: false }];
    const [, word = '', brace = ''] = /^([^{}]*)([{}])$/.exec(whole) ?? [undefined, whole];
    return [
      { word, isBrace: false },
      { word: brace, isBrace: true },
    ].filter((part) => part.word !== '');
  });
}
