/**
 * `ipvs-ts save` and `ipvs-ts restore`.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Ipvs } from '../ipvs.js';
import { parseRules } from '../ipvsadm/rules.js';
import { type Parsed, UsageError } from './parse-verb.js';
import { progress } from './progress.js';
import type { Streams } from './streams.js';

/** Writes the table as rules. */
export async function save({ values }: Parsed<'save'>, { stdout }: Streams): Promise<void> {
  await using ipvs = await Ipvs.open({ netns: values.netns });
  stdout.write(await ipvs.save({ full: values.full }));
}

/** Carries out the rules of a file, or only reads them. */
export async function restore({ values, operand }: Parsed<'restore'>, streams: Streams): Promise<void> {
  const rules = await readRulesText(operand, streams.stdin);
  if (values.check) {
    parseRules(rules);
    return;
  }
  await using ipvs = await Ipvs.open({ netns: values.netns });
  using line = progress('restore', streams.stderr);
  await ipvs.restore(rules, { replace: values.replace, onProgress: line.update });
}

async function readRulesText(file: string | undefined, stdin: NodeJS.ReadableStream): Promise<string> {
  if (file === undefined || file === '-') return text(stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
