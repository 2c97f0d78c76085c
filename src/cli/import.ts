/**
 * `ipvs-ts import`.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { formatStateFile } from '../config/write.js';
import { guessImportFormat, IMPORT_FORMATS, type ImportFormat, importConfig } from '../formats/import-config.js';
import { UsageError } from './parse-verb.js';
import type { Streams } from './streams.js';
import { SystemNames } from './system-names.js';

/** The words of the verb. */
interface ImportWords {
  readonly values: { readonly format?: string | undefined; readonly json?: boolean | undefined };
  /** The file; `-` and nothing are standard input. */
  readonly operand: string | undefined;
}

/**
 * Reads a file of another program and writes the file of the desired state, or JSON; what was not taken goes to standard
 * error, or into the JSON. Throws `ConfigError`.
 */
export async function importFile({ values, operand = '-' }: ImportWords, streams: Streams): Promise<void> {
  const isStdin = operand === '-';
  const content = isStdin ? await text(streams.stdin) : await read(operand);
  const format = formatOf(values.format, content, isStdin ? '' : operand);
  const name = isStdin ? 'standard input' : operand;
  const result = await new SystemNames().resolving((names) => importConfig(content, { format, name, names }));
  const { state, notTaken } = result;
  if (values.json) streams.stdout.write(`${JSON.stringify({ state, notTaken }, null, 2)}\n`);
  else {
    streams.stdout.write(formatStateFile(state));
    for (const { line, key, why } of notTaken) streams.stderr.write(`${name}:${line}: not taken: ${key}: ${why}\n`);
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function formatOf(name: string | undefined, content: string, file: string): ImportFormat {
  const choices = IMPORT_FORMATS.join(', ');
  if (name !== undefined) {
    const format = IMPORT_FORMATS.find((known) => known === name);
    if (format === undefined) throw new UsageError(`import: --format must be one of ${choices}, not "${name}"`);
    return format;
  }
  const format = guessImportFormat(content, file);
  if (format === undefined) throw new UsageError(`import: say with --format which it is: ${choices}`);
  return format;
}
