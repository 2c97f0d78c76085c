/** @module */

/** JSON for people and programs: two blanks of indentation, a newline at the end. */
export function prettyJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
