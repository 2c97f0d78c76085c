import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { jsonValue } from '../../../src/config/json-text.js';
import { readYaml } from '../../../src/config/yaml.js';

describe('a JSON text', () => {
  it("has the value that YAML's parser gives it", () => {
    const structures = fc.jsonValue({ maxDepth: 4 }).filter((value) => typeof value === 'object' && value !== null);
    fc.assert(
      fc.property(structures, fc.constantFrom(undefined, 2, '\t'), (structure, space) => {
        const text = JSON.stringify(structure, undefined, space);
        // Without the sign of a negative zero, which is not written.
        const value = JSON.parse(text);
        expect(jsonValue(text)).toEqual(value);
        // YAML takes no tabs before a closing bracket.
        if (space !== '\t') expect(parseDocument(text, { merge: true, stringKeys: true }).toJS()).toEqual(value);
      }),
    );
  });

  it.each([
    ['a key that stands twice', '{"a": 1, "b": {"c": 1, "c": 2}}', { line: 1, column: 24 }],
    ['the same by an escape', '{"a": 1, "\\u0061": 2}', { line: 1, column: 10 }],
  ])('with %s has none', (_name, text, place) => {
    expect(jsonValue(text)).toBeUndefined();
    expect(readYaml(text).problems).toEqual([{ ...place, message: 'this key stands twice in one object' }]);
  });

  it('may have in its texts what looks like a key', () => {
    const value = { a: '"b": {"c": 1}', 'd\\"': ['\\', ':', '":'] };
    expect(jsonValue(JSON.stringify(value))).toEqual(value);
  });

  it.each(['', '1', '"a"', 'null', '{a: 1}', "{'a': 1}", '{"a": 1,}', '{"a": &x 1}', '- a', '# {}'])(
    'is not %j',
    (text) => {
      expect(jsonValue(text)).toBeUndefined();
    },
  );

  it('has places, for mistakes that are found later', () => {
    const read = readYaml('{\n  "services": [\n    {"service": 1}\n  ]\n}');
    expect(read).toMatchObject({ value: { services: [{ service: 1 }] }, problems: [] });
    expect(read.positionOf(['services', 0, 'service'], false)).toEqual({ line: 3, column: 17 });
    expect(read.positionOf(['services', 0, 'service'], true)).toEqual({ line: 3, column: 6 });
  });
});
