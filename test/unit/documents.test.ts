/** The README, the pages and the examples of doc comments: their TypeScript must type-check against the sources, and links lead somewhere. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { checkoutRoot } from '../lab/checkout.js';

interface Block {
  /** The page, below the checkout's root. */
  readonly page: string;
  /** Of the fence, counted from 1. */
  readonly line: number;
  readonly text: string;
}

/** What a fragment may take for granted. */
const PREAMBLE = "declare const ipvs: import('ipvs-ts').Ipvs; ";

function typescriptBlocks(page: string, markdown: string): Block[] {
  return [...markdown.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(({ index, [1]: text = '' }) => ({
    page,
    line: markdown.slice(0, index).split('\n').length,
    text,
  }));
}

/** The `@example` blocks of a file of the sources. */
function exampleBlocks(page: string, source: string): Block[] {
  return [...source.matchAll(/^ *\* @example\n *\* ```ts\n((?: *\*.*\n)*?) *\* ```$/gm)].map(
    ({ index, [1]: text = '' }) => ({
      page,
      line: source.slice(0, index).split('\n').length + 1,
      text: text.replace(/^ *\* ?/gm, ''),
    }),
  );
}

/** Each block becomes a module of its own, in memory beside the sources; gives the errors with the lines of the pages. */
function typeCheck(blocks: readonly Block[]): string[] {
  const modules = new Map(blocks.map((block) => [join(checkoutRoot, `${block.page}-line-${block.line}.ts`), block]));
  const options = compilerOptions();
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (path) => modules.has(path) || fileExists(path);
  host.readFile = (path) => {
    const block = modules.get(path);
    return block === undefined ? readFile(path) : moduleText(block);
  };
  const program = ts.createProgram([...modules.keys()], options, host);
  const diagnostics = [...modules.keys()].flatMap((path) => {
    const source = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  });
  return [...program.getOptionsDiagnostics(), ...diagnostics].map(({ file, start = 0, messageText }) => {
    const message = ts.flattenDiagnosticMessageText(messageText, '\n');
    const block = file && modules.get(file.fileName);
    if (file === undefined || block === undefined) return message;
    return `${block.page}:${block.line + 1 + file.getLineAndCharacterOfPosition(start).line}: ${message}`;
  });
}

/** On the block's own first line, so that line numbers stay. */
function moduleText({ text }: Block): string {
  return /\b(const|using) ipvs\b/.test(text) ? text : `${PREAMBLE}${text}`;
}

/** The checkout's own, with the package's names leading to the sources. */
function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(checkoutRoot, 'tsconfig.json'), ts.sys.readFile);
  const { options, errors } = ts.convertCompilerOptionsFromJson(config.compilerOptions, checkoutRoot);
  expect(errors).toEqual([]);
  return { ...options, noUnusedLocals: false, moduleDetection: ts.ModuleDetectionKind.Force, paths: entrySources() };
}

/** The sources of the package's entries: `ipvs-ts/config` is `src/config/index.ts`. */
function entrySources(): Record<string, string[]> {
  const manifest: { exports: Record<string, string | { default: string }> } = JSON.parse(read('package.json'));
  return Object.fromEntries(
    Object.entries(manifest.exports).flatMap(([entry, target]) =>
      typeof target === 'string'
        ? []
        : [[`ipvs-ts${entry.slice(1)}`, [join(checkoutRoot, sourceOf(target.default))]] as const],
    ),
  );
}

function sourceOf(built: string): string {
  return built.replace('./dist/', 'src/').replace(/\.js$/, '.ts');
}

function read(page: string): string {
  return readFileSync(join(checkoutRoot, page), 'utf8');
}

const PAGES = [
  ...['README.md', 'CONTRIBUTING.md'],
  ...readdirSync(join(checkoutRoot, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

/** Targets of links into the checkout, without their anchors. */
function linkedFiles(markdown: string): string[] {
  const text = markdown.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target.replace(/#.*$/, ''))
    .filter((target) => target !== '' && !/^\w+:/.test(target));
}

test('every TypeScript block of the README and the pages type-checks', { timeout: 120_000 }, () => {
  // What CONTRIBUTING shows are files of the test directory.
  const pages = PAGES.filter((page) => page !== 'CONTRIBUTING.md');
  const blocks = pages.flatMap((page) => typescriptBlocks(page, read(page)));
  expect(blocks.length).toBeGreaterThan(15);
  expect(typeCheck(blocks)).toEqual([]);
});

test('every example in a doc comment type-checks', { timeout: 120_000 }, () => {
  const files = readdirSync(join(checkoutRoot, 'src'), { recursive: true, encoding: 'utf8' });
  const sources = files.filter((file) => file.endsWith('.ts')).map((file) => `src/${file}`);
  const blocks = sources.flatMap((page) => exampleBlocks(page, read(page)));
  const marked = sources.flatMap((page) => read(page).match(/^ *\* @example$/gm) ?? []);
  expect(blocks.length).toBeGreaterThan(40);
  expect(blocks).toHaveLength(marked.length);
  expect(typeCheck(blocks)).toEqual([]);
});

test('a block that is wrong is named by its line', { timeout: 120_000 }, () => {
  const page = '# Title\n\n```ts\nawait ipvs.flush();\nawait ipvs.flusch();\n```\n';
  expect(typeCheck(typescriptBlocks('PAGE.md', page))).toEqual([expect.stringMatching(/^PAGE\.md:5: .*'flusch'/)]);
});

test.each(PAGES)('the links of %s lead to files of the checkout', (page) => {
  const missing = linkedFiles(read(page)).filter((target) => !existsSync(join(checkoutRoot, dirname(page), target)));
  expect(missing).toEqual([]);
});

test('a link that leads nowhere is found, code is not a link', () => {
  expect(linkedFiles('[a](a.md) [b](https://example.org) `[c](c.md)` [d](#d) [e](e.md#f)')).toEqual(['a.md', 'e.md']);
});
