/** The README's TypeScript: every block must type-check against the sources. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { checkoutRoot } from '../lab/checkout.js';

interface Block {
  /** Of the fence, counted from 1. */
  readonly line: number;
  readonly text: string;
}

/** What a fragment may take for granted. */
const PREAMBLE = "declare const ipvs: import('ipvs-ts').Ipvs; ";

function typescriptBlocks(markdown: string): Block[] {
  return [...markdown.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(({ index, [1]: text = '' }) => ({
    line: markdown.slice(0, index).split('\n').length,
    text,
  }));
}

/** Each block becomes a module of its own, in memory beside the sources; gives the errors with the README's lines. */
function typeCheck(blocks: readonly Block[]): string[] {
  const modules = new Map(blocks.map((block) => [join(checkoutRoot, `README-line-${block.line}.ts`), block]));
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
    if (file === undefined) return message;
    const fence = modules.get(file.fileName)?.line ?? 0;
    return `README.md:${fence + 1 + file.getLineAndCharacterOfPosition(start).line}: ${message}`;
  });
}

/** On the block's own first line, so that line numbers stay. */
function moduleText({ text }: Block): string {
  return /\b(const|using) ipvs\b/.test(text) ? text : `${PREAMBLE}${text}`;
}

/** The checkout's own, with the package's name leading to the sources. */
function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(checkoutRoot, 'tsconfig.json'), ts.sys.readFile);
  const { options, errors } = ts.convertCompilerOptionsFromJson(config.compilerOptions, checkoutRoot);
  expect(errors).toEqual([]);
  return {
    ...options,
    noUnusedLocals: false,
    moduleDetection: ts.ModuleDetectionKind.Force,
    paths: {
      'ipvs-ts': [join(checkoutRoot, 'src/index.ts')],
      'ipvs-ts/*': [join(checkoutRoot, 'src/*/index.ts')],
    },
  };
}

test('every TypeScript block of the README type-checks', { timeout: 30_000 }, () => {
  const blocks = typescriptBlocks(readFileSync(join(checkoutRoot, 'README.md'), 'utf8'));
  expect(blocks.length).toBeGreaterThan(10);
  expect(typeCheck(blocks)).toEqual([]);
});

test('a block that is wrong is told by its line', { timeout: 30_000 }, () => {
  const readme = '# Title\n\n```ts\nawait ipvs.flush();\nawait ipvs.flusch();\n```\n';
  expect(typeCheck(typescriptBlocks(readme))).toEqual([expect.stringMatching(/^README\.md:5: .*'flusch'/)]);
});
