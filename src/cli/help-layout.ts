/**
 * Help for a terminal of 80 columns.
 * @module
 */

/** Columns of a line. */
export const WIDTH = 80;
/** Where explanations begin; a label has two blanks before it and at least two behind it. */
const COLUMN = 34;

/** A title with its rows. */
export function section(title: string, rows: readonly string[]): string[] {
  return ['', title, ...rows];
}

/** A label and its explanation beside it, or below it if the label is too long. */
export function row(label: string, help: string): string[] {
  const [first = '', ...more] = wrap(help, WIDTH - COLUMN);
  const left = `  ${label}`;
  const indent = ' '.repeat(COLUMN);
  const beside = left.length <= COLUMN - 2;
  return [...(beside ? [left.padEnd(COLUMN) + first] : [left, indent + first]), ...more.map((line) => indent + line)];
}

/** Breaks a text between words into lines of at most `width` characters. */
export function wrap(text: string, width: number): string[] {
  return fill(text.split(' '), width);
}

/** Joins words to lines of at most `width` characters. */
export function fill(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}
