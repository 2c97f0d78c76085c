/**
 * JSON texts, which are YAML too, without YAML's parser: 6 MB of services take it seconds and hundreds of megabytes.
 * @module
 */

/**
 * The value of a JSON text, as YAML's parser reads it. Undefined where that one has something to say: the text is no JSON object or
 * array, or a key stands twice in one object.
 */
export function jsonValue(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  const value = parsed(text);
  return value !== undefined && keysOf(value) === keysIn(text) ? value : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON.parse takes the last of two that are alike. */
function keysOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const children = Object.values(value);
  return children.reduce((sum: number, child) => sum + keysOf(child), Array.isArray(value) ? 0 : children.length);
}

function keysIn(json: string): number {
  let count = 0;
  for (const [, colon] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g)) if (colon !== undefined) count += 1;
  return count;
}
