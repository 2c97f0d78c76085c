import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

/**
 * The floors of the house; CONTRIBUTING.md tells what each room is for. Imports go down only, never sideways between two
 * rooms of one floor. errors.ts has no room: everyone may import it, and it imports nobody.
 */
const FLOORS: readonly (readonly string[])[] = [
  ['errors.ts', 'address'],
  ['model', 'linux'],
  ['netlink', 'ipvsadm', 'proc', 'config'],
  ['kernel', 'neighbours', 'formats', 'sync'],
  ['ipvs.ts', 'host', 'simulator'],
  ['reconcile', 'host-script'],
  ['doctor', 'health'],
  ['host.ts', 'metrics'],
  ['json'],
  ['daemon', 'client'],
  ['cli', 'index.ts'],
];

/** What is wrong with an import between two files of src; undefined if it may be. */
function problem(from: string, to: string): string | undefined {
  const [fromRoom, toRoom] = [roomOf(from), roomOf(to)];
  const [fromFloor, toFloor] = [floorOf(fromRoom), floorOf(toRoom)];
  const unknown = [fromRoom, toRoom].find((room) => floorOf(room) === -1);
  if (unknown !== undefined) return `src/${unknown} has no floor: add it to FLOORS in test/unit/layers.test.ts`;
  if (fromRoom === toRoom || toFloor < fromFloor || toRoom === 'errors.ts') return undefined;
  return `src/${from} imports src/${to}: ${fromRoom} (floor ${fromFloor}) may not know ${toRoom} (floor ${toFloor})`;
}

function roomOf(file: string): string {
  return file.split('/')[0] ?? '';
}

function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room));
}

/** What a text imports, types included, as paths below src. */
function importsOf(file: string, text: string): string[] {
  return ts
    .preProcessFile(text)
    .importedFiles.map(({ fileName }) => fileName)
    .filter((name) => name.startsWith('.'))
    .map((name) => relative(SRC, join(SRC, dirname(file), name)).replace(/\.js$/, '.ts'));
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

describe('imports go down the floors only', () => {
  test.each(files)('src/%s', (file) => {
    const imported = importsOf(file, readFileSync(join(SRC, file), 'utf8'));
    expect(imported.map((to) => problem(file, to)).filter((found) => found !== undefined)).toEqual([]);
  });
});

test('everything at the top of src has a floor', () => {
  expect(readdirSync(SRC).filter((room) => floorOf(room) === -1)).toEqual([]);
});

/** The files of each circle of imports, in any order. Tarjan's strongly connected components. */
function circlesOf(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = [];
  const numbers = new Map<string, number>();
  const open: string[] = [];
  const visit = (file: string): number => {
    const number = numbers.size;
    let lowest = number;
    numbers.set(file, number);
    open.push(file);
    for (const next of imports.get(file) ?? []) {
      if (!numbers.has(next)) lowest = Math.min(lowest, visit(next));
      else if (open.includes(next)) lowest = Math.min(lowest, numbers.get(next) ?? lowest);
    }
    if (lowest !== number) return lowest;
    const circle = open.splice(open.indexOf(file));
    if (circle.length > 1) circles.push(circle.sort());
    return lowest;
  };
  for (const file of imports.keys()) if (!numbers.has(file)) visit(file);
  return circles;
}

test('no files import each other in a circle, types included', () => {
  const imports = files.map((file) => [file, importsOf(file, readFileSync(join(SRC, file), 'utf8'))] as const);
  expect(circlesOf(new Map(imports))).toEqual([]);
});

describe('the check itself', () => {
  test('finds circles', () => {
    const imports = { a: ['b'], b: ['c', 'd'], c: ['a'], d: ['e'], e: ['d', 'f'], f: [] };
    expect(circlesOf(new Map(Object.entries(imports)))).toEqual([
      ['d', 'e'],
      ['a', 'b', 'c'],
    ]);
  });

  test('finds imports of every kind', () => {
    const text = `
      import { a } from '../a.js';
      import type { b } from '../b/b.js';
      import './c.js';
      export { d } from './d.js';
      export type * from './e.js';
      const f = await import('../../src/f.js');
      type G = import('./g.js').G;
      import fs from 'node:fs';
      // import { h } from './h.js';
    `;
    const found = ['a.ts', 'b/b.ts', 'room/c.ts', 'room/d.ts', 'room/e.ts', 'f.ts', 'room/g.ts'];
    expect(importsOf('room/file.ts', text)).toEqual(found);
    expect(files.length).toBeGreaterThan(20);
    expect(files.flatMap((file) => importsOf(file, readFileSync(join(SRC, file), 'utf8'))).length).toBeGreaterThan(50);
  });

  test.each([
    ['kernel/requests.ts', 'kernel/constants.ts'],
    ['ipvs.ts', 'kernel/requests.ts'],
    ['cli/main.ts', 'address/ip.ts'],
    ['address/ip.ts', 'errors.ts'],
  ])('lets %s import %s', (from, to) => {
    expect(problem(from, to)).toBeUndefined();
  });

  test.each([
    ['up', 'model/service.ts', 'kernel/requests.ts'],
    ['far up', 'address/ip.ts', 'index.ts'],
    ['sideways', 'proc/table.ts', 'ipvsadm/names.ts'],
    ['sideways on the ground', 'errors.ts', 'address/ip.ts'],
  ])('finds an import that goes %s', (_, from, to) => {
    expect(problem(from, to)).toContain(`src/${from} imports src/${to}`);
  });

  test.each([
    ['attic/bats.ts', 'errors.ts', 'attic'],
    ['cli/main.ts', '../package.json', '..'],
  ])('finds a room without a floor: %s imports %s', (from, to, room) => {
    expect(problem(from, to)).toMatch(`src/${room} has no floor: add it to FLOORS in test/unit/layers.test.ts`);
  });
});

test('one file knows the netlink package', () => {
  const knowing = files.filter((file) => /['"]netlink\//.test(readFileSync(join(SRC, file), 'utf8')));
  expect(knowing).toEqual(['netlink/route/codec.ts']);
});
