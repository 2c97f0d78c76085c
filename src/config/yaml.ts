/**
 * YAML text, JSON included: text -> plain value, and the line and column of everything in it.
 * @module
 */
import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import { jsonValue } from './json-text.js';
import type { Path } from './path.js';

let loaded: typeof Yaml | undefined;

/**
 * As `import * as yaml from 'yaml'`, at the first call: it takes as long to load as zod, and few commands read files.
 */
export function yaml(): typeof Yaml {
  loaded ??= createRequire(import.meta.url)('yaml') as typeof Yaml;
  return loaded;
}

/** A place in a text. Both are counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A text that was read, as far as it could be. */
export interface YamlText {
  /** Undefined where the text is no YAML; `problems` says why. */
  readonly value: unknown;
  readonly problems: readonly (Position & { readonly message: string })[];
  /** Where something stands; where it does not, the nearest thing around it. */
  positionOf(path: Path, key: boolean): Position;
}

/** Reads YAML 1.2, with anchors and merge keys. Keys are text, and none may stand twice in one object. */
export function readYaml(text: string): YamlText {
  const isDeep = mayBeDeep(text);
  const value = isDeep ? undefined : jsonValue(text);
  if (value === undefined) return readByParser(text, isDeep);
  let read: YamlText | undefined;
  return {
    value,
    problems: [],
    positionOf(path, key) {
      read ??= readByParser(text, isDeep);
      return read.positionOf(path, key);
    },
  };
}

function readByParser(text: string, isDeep: boolean): YamlText {
  const { LineCounter, parseDocument } = yaml();
  const lineCounter = new LineCounter();
  const deep = isDeep ? placeOfDepth(text) : undefined;
  if (deep !== undefined) {
    const message = `more than ${DEPTH} things stand within each other`;
    return { value: undefined, problems: [{ ...deep, message }], positionOf: () => deep };
  }
  const document = parseDocument(text, { lineCounter, prettyErrors: false, merge: true, stringKeys: true });
  const positionAt = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const mistakes = [...mistakesOf(document, text), ...replaceBadAliases(document)];
  const [value, problem] = mistakes.some(({ fatal }) => fatal) ? [] : plainValue(document);
  if (problem !== undefined) mistakes.push({ offset: 0, message: problem, fatal: true });
  return {
    value,
    problems: mistakes.map(({ offset, message }) => ({ ...positionAt(offset), message })),
    positionOf: (path, key) => positionAt(offsetOf(document, path, key)),
  };
}

/** Things within each other. The parser recurses: far deeper, Node.js itself ends, with no exception to catch. */
const DEPTH = 200;

/** A quick look, which quotes and comments may mislead: most texts need no second parse. */
function mayBeDeep(text: string): boolean {
  if (/^[ \t?:-]{100}/m.test(text)) return true;
  let open = 0;
  for (let index = 0; index < text.length && open <= DEPTH / 2; index++) {
    const character = text[index];
    if (character === '[' || character === '{') open += 1;
    else if ((character === ']' || character === '}') && open > 0) open -= 1;
  }
  return open > DEPTH / 2;
}

/** Where it is too deep first; undefined where it never is. */
function placeOfDepth(text: string): Position | undefined {
  const { Lexer, Parser } = yaml();
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    Array.from(parser.next(lexeme));
    if (parser.stack.length <= DEPTH) continue;
    const before = text.slice(0, parser.offset).split('\n');
    return { line: before.length, column: before.at(-1)?.length ?? 1 };
  }
  return undefined;
}

type Document = Yaml.Document.Parsed;

/** Mistakes beside which the rest of the text makes sense. */
const READABLE: ReadonlySet<string> = new Set(['DUPLICATE_KEY', 'MULTIPLE_DOCS']);

interface Mistake {
  readonly offset: number;
  readonly message: string;
  /** There is no value. */
  readonly fatal: boolean;
}

/** Up to the first place that is no YAML: what is read after it makes no sense, and neither do its errors. */
function mistakesOf(document: Document, text: string): Mistake[] {
  const errors = document.errors.map(({ pos: [offset], code, message }) => {
    return { offset, message: wordsFor(code, message, text, offset), fatal: !READABLE.has(code) };
  });
  const first = errors.findIndex(({ fatal }) => fatal);
  if (first !== -1) return errors.slice(0, first + 1);
  const warnings = document.warnings.map(({ pos: [offset], message }) => ({ offset, message, fatal: false }));
  return [...errors, ...warnings];
}

/** Stands in a value for an alias that means nothing, and says why. */
export class BadAlias {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/**
 * Puts a {@link BadAlias} in the place of each alias without an anchor, and of each that stands within what it means. One that
 * is to be merged leaves no value: it is given back as a mistake.
 */
function replaceBadAliases(document: Document): Mistake[] {
  const { isPair, isScalar, Scalar, visit } = yaml();
  const mistakes: Mistake[] = [];
  visit(document, {
    Alias(_, alias, ancestors) {
      const target = alias.resolve(document);
      if (target !== undefined && !ancestors.includes(target)) return undefined;
      const reason =
        target === undefined
          ? `there is no anchor &${alias.source} before this`
          : `*${alias.source} stands within what it means, &${alias.source}`;
      const isMerged = ancestors.some((node) => isPair(node) && isScalar(node.key) && node.key.value === '<<');
      if (isMerged) mistakes.push({ offset: alias.range?.[0] ?? 0, message: reason, fatal: true });
      const hole = new Scalar(new BadAlias(reason));
      hole.range = alias.range ?? null;
      return hole;
    },
  });
  return mistakes;
}

/** The value, or why there is none: aliases within aliases within aliases come to billions of things. */
function plainValue(document: Document): [value: unknown, problem?: string] {
  try {
    return [document.toJS({ maxAliasCount: 1000 })];
  } catch (error) {
    return [undefined, error instanceof Error ? error.message : String(error)];
  }
}

function wordsFor(code: string, message: string, text: string, offset: number): string {
  if (code === 'DUPLICATE_KEY') return 'this key stands twice in one object';
  if (code === 'MULTIPLE_DOCS') return 'the file must be one YAML document';
  if (code === 'NON_STRING_KEY') return 'a key must be text';
  return text.slice(offset - 1, offset + 1) === '${' ? BARE_VARIABLE : message;
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: this is how a variable is written.
const BARE_VARIABLE = 'within {} and [] a variable must stand in quotes: "${NAME}"';

function offsetOf(document: Document, path: Path, key: boolean): number {
  let offset = document.contents?.range?.[0] ?? 0;
  let node: unknown = document.contents;
  for (const [index, step] of path.entries()) {
    const child = childOf(document, node, step);
    if (child === undefined) break;
    const isLast = index === path.length - 1;
    offset = (isLast && key ? rangeOf(child.key) : undefined) ?? rangeOf(child.value) ?? rangeOf(child.key) ?? offset;
    node = child.value;
  }
  return offset;
}

function childOf(
  document: Document,
  node: unknown,
  step: string | number,
): { key?: unknown; value: unknown } | undefined {
  const { isAlias, isMap, isScalar, isSeq } = yaml();
  const parent = isAlias(node) ? node.resolve(document) : node;
  if (isSeq(parent)) return typeof step === 'number' ? { value: parent.items[step] } : undefined;
  if (!isMap(parent)) return undefined;
  const named = (name: string) => parent.items.filter(({ key }) => isScalar(key) && String(key.value) === name);
  const own = named(String(step)).at(-1);
  if (own !== undefined) return own;
  const merged = named('<<').flatMap(({ value }) => (isSeq(value) ? value.items : [value]));
  return merged.map((from) => childOf(document, from, step)).find((child) => child !== undefined);
}

function rangeOf(node: unknown): number | undefined {
  return yaml().isNode(node) ? node.range?.[0] : undefined;
}
