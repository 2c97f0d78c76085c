/**
 * What can be completed: words with explanations, or names of files, which the shell looks up itself.
 * @module
 */
import { readdirSync } from 'node:fs';
import { formatEndpoint } from '../../address/endpoint.js';
import { formatServiceKey } from '../../model/service-key.js';
import type { Table } from '../../model/table.js';
import type { VerbContext } from '../context.js';
import type { Source } from '../verb.js';

/** A word that may stand at the cursor. */
export interface Candidate {
  readonly text: string;
  /** One line. */
  readonly help?: string;
}

/** What may stand at the cursor. */
export interface Candidates {
  readonly words: readonly Candidate[];
  /** Names of files too. */
  readonly files?: true;
}

/** Nothing. */
export const NONE: Candidates = { words: [] };

/** What a value is for and where it is looked up. */
export interface ValueQuery {
  readonly source: Source;
  /** The part of the value before the cursor. */
  readonly begin: string;
  readonly netns?: string | undefined;
  /** The service whose real servers are meant, as text; absent: all. */
  readonly service?: string | undefined;
}

/** The values that a source has now. What cannot be read offers nothing. */
export async function valuesOf(query: ValueQuery, context: Pick<VerbContext, 'open'>): Promise<Candidates> {
  switch (query.source) {
    case 'file':
      return { words: [], files: true };
    case 'netns':
      return query.begin.includes('/') ? { words: [], files: true } : { words: namesIn('/run/netns') };
    case 'interface':
      return { words: namesIn('/sys/class/net') };
    case 'service':
      return { words: services(await readTable(query, context)) };
    case 'server':
      return { words: servers(await readTable(query, context), query.service) };
    case 'verb':
      return NONE;
  }
}

function namesIn(directory: string): Candidate[] {
  try {
    return readdirSync(directory).map((text) => ({ text }));
  } catch {
    return [];
  }
}

function services({ services: entries }: Pick<Table, 'services'>): Candidate[] {
  return entries.map(({ service, destinations: { length } }) => ({
    text: formatServiceKey(service),
    help: `${service.scheduler}, ${length} real server${length === 1 ? '' : 's'}`,
  }));
}

function servers({ services: entries }: Pick<Table, 'services'>, key: string | undefined): Candidate[] {
  const those = entries.filter(({ service }) => key === undefined || formatServiceKey(service) === key);
  const found = those.flatMap(({ destinations }) => destinations.map(({ destination }) => destination));
  const texts = new Map(
    found.map(({ address, port, weight }) => [formatEndpoint(address, port), `weight ${weight}`] as const),
  );
  return Array.from(texts, ([text, help]) => ({ text, help }));
}

/** Milliseconds that a person at a shell waits for a kernel that does not answer. */
const PATIENCE = 1000;

/** The table as far as it can be read. */
export async function readTable(
  { netns }: Pick<ValueQuery, 'netns'>,
  { open }: Pick<VerbContext, 'open'>,
): Promise<Pick<Table, 'services'>> {
  try {
    await using ipvs = await open({ netns, timeout: PATIENCE });
    return await ipvs.snapshot();
  } catch {
    return { services: [] };
  }
}

/** The candidates with a text before each: of `--option=`, or of the values before it in a list. */
export function behind(before: string, { words, ...rest }: Candidates): Candidates {
  return { ...rest, words: words.map(({ text, ...word }) => ({ ...word, text: before + text })) };
}
