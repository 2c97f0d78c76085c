/** The types that public names mention have public names too: nobody has to spell one as `Parameters<typeof ...>`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { installed } from './packed.js';

/** What stays without a name on purpose. */
const NAMELESS = [
  // The brand of a checked value: nobody but its parser makes one.
  /^Checked(Service|Key|Destination)$/,
  // What a simulated connection is made of, in a constructor that is not for users.
  /^(Connection|Connections|Packet) in simulator$/,
  // Lists and schemas that a type is taken from; the type has a name.
  /^[A-Z_]+$/,
  /^\w+Schema$/,
];

test('every type that a public name mentions is exported', () => {
  const { exports } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const entries = Object.keys(exports).filter((name) => name !== './package.json');
  const files = entries.map((name) => join(installed, exports[name].types));
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
    types: [],
  });
  const checker = program.getTypeChecker();
  const meant = (symbol: ts.Symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;

  const named = new Set<ts.Symbol>();
  for (const file of files) {
    const source = program.getSourceFile(file);
    const module = source && checker.getSymbolAtLocation(source);
    for (const symbol of module === undefined ? [] : checker.getExportsOfModule(module)) named.add(meant(symbol));
  }
  expect(named.size).toBeGreaterThan(250);

  const leaks = new Set<string>();
  const visit = (node: ts.Node, publicName: string): void => {
    const mentioned = nameIn(node);
    const symbol = mentioned && checker.getSymbolAtLocation(mentioned);
    if (symbol !== undefined && !named.has(meant(symbol)) && isOurs(meant(symbol))) {
      const name = labelled(meant(symbol));
      if (!NAMELESS.some((allowed) => allowed.test(name))) leaks.add(`${publicName} mentions ${name}`);
    }
    ts.forEachChild(node, (child) => visit(child, publicName));
  };
  for (const symbol of named) for (const declaration of symbol.declarations ?? []) visit(declaration, symbol.name);
  expect([...leaks].sort()).toEqual([]);
});

/** The name of a type or value where a type mentions one. */
function nameIn(node: ts.Node): ts.Node | undefined {
  if (ts.isTypeReferenceNode(node)) return node.typeName;
  if (ts.isTypeQueryNode(node)) return node.exprName;
  if (ts.isImportTypeNode(node)) return node.qualifier;
  if (ts.isExpressionWithTypeArguments(node)) return node.expression;
  return undefined;
}

function fileOf(symbol: ts.Symbol): string {
  return symbol.declarations?.[0]?.getSourceFile().fileName ?? '';
}

function isOurs(symbol: ts.Symbol): boolean {
  return !(symbol.flags & ts.SymbolFlags.TypeParameter) && fileOf(symbol).includes('/ipvs-ts/dist/');
}

/** The simulator has classes that are called like public types of other rooms. */
function labelled(symbol: ts.Symbol): string {
  return fileOf(symbol).includes('/dist/simulator/') && !/^[A-Z_]+$/.test(symbol.name)
    ? `${symbol.name} in simulator`
    : symbol.name;
}
