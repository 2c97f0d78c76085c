// Writes docs/api.md from src: every name of every entry with the first sentence of its doc comment, and every error code.
//
//   node scripts/api.mjs

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../', import.meta.url));

/** @typedef {{ name: string, kind: string, summary: string }} PublicName */
/** @typedef {{ entry: string, summary: string, names: PublicName[] }} Entry */

/** The entries of package.json with all they export, values and types, by name. */
export function entries() {
  const { exports } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  const files = Object.entries(exports)
    .filter(([name]) => name !== './package.json')
    .map(([name, { types }]) => ({
      entry: name.replace('.', 'ipvs-ts'),
      file: `${root}${types.replace(/^\.\/dist\//, 'src/').replace(/\.d\.ts$/, '.ts')}`,
    }));
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(`${root}tsconfig.build.json`, ts.sys.readFile).config,
    ts.sys,
    root,
  );
  const program = ts.createProgram(
    files.map(({ file }) => file),
    options,
  );
  const checker = program.getTypeChecker();
  return files.map(({ entry, file }) => {
    const source = program.getSourceFile(file);
    const module = source && checker.getSymbolAtLocation(source);
    if (source === undefined || module === undefined) throw new Error(`${entry}: ${file} is no module`);
    const names = checker.getExportsOfModule(module).map((symbol) => publicName(checker, symbol));
    return { entry, summary: moduleSummary(source), names: names.sort(byName) };
  });
}

/** @param {PublicName} left @param {PublicName} right */
function byName(left, right) {
  return left.name < right.name ? -1 : 1;
}

/**
 * @param {ts.TypeChecker} checker
 * @param {ts.Symbol} symbol
 * @returns {PublicName}
 */
function publicName(checker, symbol) {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const text = ts.displayPartsToString(target.getDocumentationComment(checker));
  return { name: symbol.name, kind: kindOf(target), summary: firstSentence(text) };
}

/** @param {ts.Symbol} symbol */
function kindOf({ flags }) {
  if (flags & ts.SymbolFlags.Class) return 'class';
  if (flags & ts.SymbolFlags.Function) return 'function';
  if (flags & ts.SymbolFlags.Variable) return 'constant';
  return 'type';
}

/** @param {ts.SourceFile} source */
function moduleSummary(source) {
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(source.text)?.[1] ?? '';
  return plain(comment.replace(/^\s*\* ?/gm, '').replace(/@module[\s\S]*/, ''));
}

/** @param {string} text */
function firstSentence(text) {
  const [paragraph = ''] = text.split(/\n\s*\n/);
  const line = plain(paragraph);
  return /^.*?\.(?=\s+[A-Z`]|$)/.exec(line)?.[0] ?? line;
}

/** @param {string} text */
function plain(text) {
  return text
    .replace(/\{@link\s+([^}|]+?)(?:\s*\|[^}]*)?\}/g, '`$1`')
    .replace(/\s+/g, ' ')
    .trim();
}

/** The error classes with a code of their own, in the order of errors.ts. */
function errorCodes() {
  const file = `${root}src/errors.ts`;
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  return source.statements.filter(ts.isClassDeclaration).flatMap((declaration) => {
    const codes = declaration.members.filter(ts.isPropertyDeclaration).filter(({ name }) => name.getText() === 'code');
    return codes
      .filter((member) => !member.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.AbstractKeyword))
      .map(({ initializer }) => ({
        code:
          initializer !== undefined && ts.isStringLiteral(initializer) ? `\`${initializer.text}\`` : "the errno's name",
        name: declaration.name?.text ?? '',
        summary: firstSentence(
          (ts.getJSDocCommentsAndTags(declaration)[0]?.getText() ?? '')
            .replace(/^\/\*\*|\*\/$/g, '')
            .replace(/^\s*\* ?/gm, ''),
        ),
      }));
  });
}

/** The text of docs/api.md. */
export function apiPage() {
  return [
    '# Every public name',
    '',
    'For developers: what each entry of the package exports, with the first sentence of its doc comment. The editor shows the',
    'rest. This page is made by `scripts/api.mjs`.',
    '',
    '## Error codes',
    '',
    'Test `error.code`, never the message. Every class below is an `IpvsError`.',
    '',
    '| Code | Class | |',
    '| --- | --- | --- |',
    ...errorCodes().map(({ code, name, summary }) => `| ${code} | \`${name}\` | ${cell(summary)} |`),
    '',
    '## Diagnostics channels',
    '',
    '| Channel of `node:diagnostics_channel` | Publishes |',
    '| --- | --- |',
    '| `ipvs-ts:netlink:send` | a `NetlinkDatagram` for each datagram that is sent to the kernel |',
    '| `ipvs-ts:netlink:receive` | a `NetlinkDatagram` for each datagram that is received, or is lost |',
    ...entries().flatMap(({ entry, summary, names }) => [
      '',
      `## ${entry}`,
      '',
      summary,
      '',
      '| Name | Kind | |',
      '| --- | --- | --- |',
      ...names.map(({ name, kind, summary: text }) => `| \`${name}\` | ${kind} | ${cell(text)} |`),
    ]),
    '',
  ].join('\n');
}

/** @param {string} text */
function cell(text) {
  return text.replaceAll('|', '\\|');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(`${root}docs/api.md`, apiPage());
