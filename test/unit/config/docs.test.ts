import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseStateFile, parseStateText } from '../../../src/config/read.js';
import { type StateFile, stateFileJsonSchema } from '../../../src/config/schema.js';
import type { ConfigIssue } from '../../../src/errors.js';

const page = ['state-file', 'health-checks']
  .map((name) => readFileSync(new URL(`../../../docs/${name}.md`, import.meta.url), 'utf8'))
  .join('\n');
const examples = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);
const schema = stateFileJsonSchema();
// zod's own reading of a JSON Schema: not the schema it was made from.
const bySchema = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);

test('schema/state.schema.json is up to date', () => {
  const text = readFileSync(new URL('../../../schema/state.schema.json', import.meta.url), 'utf8');
  expect(JSON.parse(text)).toEqual(schema);
});

describe('the examples of docs/state-file.md and docs/health-checks.md', () => {
  test('are there', () => expect(examples.length).toBeGreaterThan(6));

  test.each(examples)('%s', (text) => {
    const warnings: ConfigIssue[] = [];
    expect(Object.keys(parseStateText(text, { onWarning: (warning) => warnings.push(warning) }))).not.toEqual([]);
    expect(warnings).toEqual([]);
    expect(bySchema.safeParse(parse(text, { merge: true }))).toMatchObject({ success: true });
  });

  test('show every key', () => {
    const shown = new Set(examples.flatMap((text) => [...text.matchAll(/([A-Za-z0-9]+):/g)].map(([, key]) => key)));
    expect(keysOf(schema).filter((key) => !shown.has(key))).toEqual([]);
  });

  test('and its tables explain every key', () => {
    const explained = new Set([...page.matchAll(/`([A-Za-z0-9.]+)`/g)].map(([, key = '']) => key.split('.').at(-1)));
    expect(keysOf(schema).filter((key) => !explained.has(key))).toEqual([]);
  });
});

/** The names of all properties that a schema knows. */
function keysOf(part: unknown): string[] {
  if (typeof part !== 'object' || part === null) return [];
  const own = 'properties' in part && typeof part.properties === 'object' ? Object.keys(part.properties ?? {}) : [];
  return [...own, ...Object.values(part).flatMap(keysOf)];
}

describe('the schema refuses what the library refuses', () => {
  test.each<[string, unknown]>([
    ['a key nobody knows', { schedular: 'rr' }],
    ['another version', { version: 2 }],
    ['a negative weight', { defaults: { weight: -1 } }],
    ['a weight that is text', { defaults: { weight: '1' } }],
    ['another way', { defaults: { forward: 'masq' } }],
    ['a service without a name', { services: [{ scheduler: 'rr' }] }],
    ['a key of a destination', { pools: { web: [{ address: '10.0.0.1', wait: 1 }] } }],
    ['a time without a unit', { timeouts: { tcp: '5 minutes' } }],
    ['a port of a daemon', { daemons: [{ role: 'master', interface: 'eth0', port: 0 }] }],
    ['no device', { director: { mode: 'dr' } }],
    ['a section without a value', { services: null }],
  ])('%s', (_, value) => {
    expect(bySchema.safeParse(value).success).toBe(false);
    expect(() => parseStateFile(value as StateFile)).toThrow('state file: ');
  });

  test('and lets a variable stand for a number or a word', () => {
    const weight = '$'.concat('{W}');
    const value = { defaults: { weight, forward: weight }, services: [{ service: 'fwmark://1', onePacket: weight }] };
    expect(bySchema.safeParse(value)).toMatchObject({ success: true });
  });

  test('and describes every key', () => {
    expect(undescribed(schema)).toEqual([]);
  });
});

/** Properties without words for people. The parts of a tunnel are told at `tunnel`. */
function undescribed(part: unknown, path = ''): string[] {
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([key, value]) => {
    if (key === 'oneOf') return [];
    const own =
      path.endsWith('properties') && !JSON.stringify(value).includes('"description"') ? [`${path}.${key}`] : [];
    return [...own, ...undescribed(value, `${path}.${key}`)];
  });
}
