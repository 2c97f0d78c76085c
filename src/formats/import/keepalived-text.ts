/**
 * keepalived.conf as text -> statements, as keepalived's own reader makes them (2.2.7, lib/parser.c: `decomment`, `read_line`,
 * `alloc_strvec_r`, `process_stream`). It goes by keywords: only a keyword that has a block opens one, and everything else
 * that is wrong with braces is passed over.
 * @module
 */
import type { Place, Report } from './report.js';
import type { Statement } from './statement.js';

/** Why settings of keepalived's own process are left out. */
export const AT_RUN_TIME = 'says how keepalived itself runs';

/** What keepalived does with a word that it does not know. */
export const UNKNOWN = 'keepalived does not know this word here and passes over it';

/**
 * What a keyword's block holds: keywords of their own, lines without keywords (`lines`), or what is of no interest here and
 * only counts braces (`skipped`).
 */
export type Block = Keywords | 'lines' | 'skipped';

/**
 * The keywords that open a block, at one level. Where a block may be refused for the words before it, they say what it holds;
 * `isOpen`: a brace follows.
 */
export type Keywords = ReadonlyMap<string, Block | BlockOf>;
export type BlockOf = (opener: Statement, isOpen: boolean) => Block;

/** Reads a whole file. A statement that only its surroundings could explain (`@id`, `~SEQ`, `include`) has a `problem`. */
export function readKeepalived(text: string, keywords: Keywords, report: Report): readonly Statement[] {
  return new Reader(piecesOf(text), report).read(keywords);
}

/** The words between braces, or a brace. */
interface Piece extends Place {
  readonly values: readonly string[];
  readonly text: string;
  readonly problem?: string;
}

/** Builds the tree of blocks out of pieces. */
class Reader {
  readonly #pieces: readonly Piece[];
  readonly #report: Report;
  #next = 0;

  constructor(pieces: readonly Piece[], report: Report) {
    this.#pieces = pieces;
    this.#report = report;
  }

  /** The statements up to the end of the block that `opener` began, or of the file. */
  read(keywords: Keywords, opener?: Piece): Statement[] {
    const found: Statement[] = [];
    if (opener !== undefined && !this.#takeBrace()) this.#report.passOver(opener, 'has no "{" behind it');
    for (let piece = this.#take(); piece !== undefined; piece = this.#take()) {
      if (piece.key === '{') this.#report.passOver(piece, 'no block begins here: keepalived ignores the brace');
      else if (piece.key === '}' && opener !== undefined) return found;
      else if (piece.key === '}') this.#report.passOver(piece, 'no block is open here');
      else found.push(this.#statement(piece, this.#blockOf(piece, keywords.get(piece.key))));
    }
    if (opener !== undefined) this.#tellOpen(opener);
    return found;
  }

  #statement(piece: Piece, block: Block | undefined): Statement {
    if (block === undefined) return piece;
    if (block === 'skipped') return { ...piece, block: this.#skipped(piece) };
    return { ...piece, block: block === 'lines' ? this.#lines(piece) : this.read(block, piece) };
  }

  #blockOf(piece: Piece, block: Block | BlockOf | undefined): Block | undefined {
    return typeof block === 'function' ? block(piece, this.#pieces[this.#next]?.key === '{') : block;
  }

  #lines(opener: Piece): Statement[] {
    const found: Statement[] = [];
    this.#takeBrace();
    for (let piece = this.#take(); piece !== undefined; piece = this.#take()) {
      if (piece.key === '}') return found;
      found.push(piece);
    }
    this.#tellOpen(opener);
    return found;
  }

  #skipped(opener: Piece): Statement[] {
    if (!this.#takeBrace()) return [];
    for (let depth = 1, piece = this.#take(); piece !== undefined; piece = this.#take()) {
      if (piece.key === '{') depth++;
      else if (piece.key === '}' && --depth === 0) return [];
    }
    this.#tellOpen(opener);
    return [];
  }

  #tellOpen(opener: Piece): void {
    this.#report.passOver(opener, 'the block that begins here is not closed');
  }

  #take(): Piece | undefined {
    return this.#pieces[this.#next++];
  }

  #takeBrace(): boolean {
    const isBrace = this.#pieces[this.#next]?.key === '{';
    if (isBrace) this.#next++;
    return isBrace;
  }
}

/** `undefined`: a definition of several lines. */
type Definitions = Map<string, string | undefined>;

function piecesOf(text: string): Piece[] {
  const definitions: Definitions = new Map();
  const pieces: Piece[] = [];
  let isDefinition = false;
  for (const [index, raw] of text.split('\n').entries()) {
    const whole = withoutComment(raw.replace(/\r+$/, ''));
    const goesOn = whole.endsWith('\\');
    if (isDefinition) {
      // A comment between its lines does not end it; an empty line does.
      isDefinition = goesOn || (whole === '' && raw.trim() !== '');
      continue;
    }
    const { content, problem } = withoutCondition(whole);
    const [, name, value = ''] = /^\$([a-z_]\w*)=[ \t]*(.*)$/is.exec(content) ?? [];
    if (name !== undefined) {
      isDefinition = goesOn;
      // A definition that holds on some directors only is as unknown as one of several lines.
      definitions.set(name, goesOn || problem !== undefined ? undefined : value);
      continue;
    }
    const line = { line: index + 1, column: raw.search(/[^ \t]/) + 1 };
    pieces.push(...piecesOfLine(content, line, definitions, problem));
  }
  return pieces;
}

const BLANK = /^[ \t]+|[ \t]+$/g;

/** `!` and `#` begin a comment wherever they stand, but not in quotes or behind a backslash. Blanks at the ends are gone. */
function withoutComment(line: string): string {
  let text = '';
  let isQuoted = false;
  let end: number | undefined;
  const source = line.replace(BLANK, '');
  for (let index = 0; index < source.length; index++) {
    const character = source.charAt(index);
    const next = source.charAt(index + 1);
    if (character === '"' && end === undefined) isQuoted = !isQuoted;
    else if (character === '\\' && next !== '') {
      if (isQuoted || (next !== '#' && next !== '!')) text += character;
      text += next;
      index++;
      continue;
    } else if ((character === '!' || character === '#') && !isQuoted) end ??= text.length;
    text += character;
  }
  if (end === undefined) return text;
  const kept = text.slice(0, end).replace(BLANK, '');
  return text.endsWith('\\') ? `${kept}\\` : kept;
}

/** `@id` and `@^id` before a line let it hold on some directors only. */
function withoutCondition(line: string): { content: string; problem?: string } {
  const [, content] = /^@\S*[ \t]+(.*)$/s.exec(line) ?? [];
  if (content === undefined) return { content: line.startsWith('@') ? '' : line };
  return { content, problem: 'a condition (@id) is not understood here: leave only the lines that hold' };
}

function piecesOfLine(
  content: string,
  place: { readonly line: number; readonly column: number },
  definitions: Definitions,
  condition: string | undefined,
): Piece[] {
  const { text, problem: unknown } = expand(content, definitions);
  const problem = condition ?? unknown ?? directiveProblem(text);
  const parts = problem === undefined || !/^include/.test(text) ? splitAtBraces(text) : [text];
  return parts.flatMap((part) => {
    const [key, ...values] = wordsOf(part);
    return key === undefined ? [] : [{ ...place, key, values, text: part, ...(problem !== undefined && { problem }) }];
  });
}

function directiveProblem(line: string): string | undefined {
  if (/^include[rmwba]?\s/.test(line)) return 'other files are not read: put its text in this place';
  if (/^~(SEQ|LST)/.test(line)) return '~SEQ and ~LST are not understood: write the lines out';
  return undefined;
}

/** More replacements than this in one line are a definition that names itself, which never ends in keepalived. */
const MAX_REPLACEMENTS = 100;

/**
 * `${NAME}`, or `$NAME` before a blank, a comma, a closing parenthesis or the end; what comes of it is looked at again. All
 * else stays as it is, as with keepalived: it may stand in a command for a shell.
 */
function expand(content: string, definitions: Definitions): { text: string; problem?: string } {
  let text = content;
  for (let count = 0, from = 0; ; ) {
    const pattern = /\$(?:\{([a-z_]\w*)\}|([a-z_]\w*)(?=[ \t,)]|$))/gi;
    pattern.lastIndex = from;
    const found = pattern.exec(text);
    if (found === null) return { text: count === 0 ? text : withoutComment(text) };
    const name = found[1] ?? found[2] ?? '';
    from = found.index;
    if (!definitions.has(name)) {
      from++;
      continue;
    }
    const value = definitions.get(name);
    if (value === undefined)
      return { text, problem: `the definition $${name} is not understood: write it in one line` };
    if (++count > MAX_REPLACEMENTS) return { text, problem: `the definition $${name} names itself` };
    text = text.slice(0, from) + value + text.slice(from + found[0].length);
  }
}

/** Braces stand by themselves, wherever in a line they are, but not in quotes. */
function splitAtBraces(line: string): string[] {
  return line.match(/[{}]|(?:"[^"]*"|[^"{}]|"[^"]*$)+/gs) ?? [];
}

/** Quotes hold blanks together. An open one ends the line. Blanks are those of ASCII: a no-break space is part of a word. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|[^ \t\f\r\v"]+|"[^"]*$/g)].flatMap(([whole, quoted]) => {
    if (quoted !== undefined) return [quoted];
    return whole.startsWith('"') ? [] : [whole];
  });
}
