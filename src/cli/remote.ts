/**
 * `--api URL`: a verb works on the director of a running `serve` instead of this host.
 * @module
 */
import { readFileSync } from 'node:fs';
import type { RemoteDirector } from '../client/remote-director.js';
import type { Ipvs, OpenOptions } from '../ipvs.js';
import type { VerbContext } from './context.js';
import { systemMessage } from './system-error.js';
import { UsageError } from './usage-error.js';

/** Opens the director at a URL. Token, authority and certificate come from the environment: a command line is no place for secrets. */
export async function openDirector(url: string, { env }: Pick<VerbContext, 'env'>): Promise<RemoteDirector> {
  const { connect } = await import('../client/connect.js');
  const { IPVS_TS_TOKEN: token, IPVS_TS_CA, IPVS_TS_CERT, IPVS_TS_KEY } = env;
  return connect(url, { token, ca: pem(IPVS_TS_CA), cert: pem(IPVS_TS_CERT), key: pem(IPVS_TS_KEY) });
}

/** Opens the table of a director at a URL, or of this host. @throws {UsageError} for a namespace elsewhere. */
export async function openTable(
  context: Pick<VerbContext, 'open' | 'env'>,
  { api, netns }: { readonly api: string | undefined; readonly netns: string | undefined },
  options: Pick<OpenOptions, 'source'> = {},
): Promise<Ipvs | RemoteDirector> {
  if (api === undefined) return context.open({ netns, ...options });
  refuseWith('--api', { netns });
  return openDirector(api, context);
}

/** Why the table is read from /proc; undefined where it is not. */
export function fallbackOf(table: Ipvs | RemoteDirector): string | undefined {
  return 'fallbackReason' in table ? table.fallbackReason?.message : undefined;
}

/** @throws {UsageError} for options that make no sense beside another. */
export function refuseWith(option: string, others: Readonly<Record<string, unknown>>): void {
  const given = Object.entries(others).find(([, value]) => isGiven(value));
  if (given !== undefined) throw new UsageError(`--${given[0]} has no meaning with ${option}`);
}

function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

function pem(path: string | undefined): string | undefined {
  if (path === undefined || path === '') return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${path}: ${systemMessage(error)}`);
  }
}

/** Why a verb does not ask a director. */
const WHY_NOT: Readonly<Record<string, string>> = {
  keep: 'it keeps the table of this host',
  serve: 'it keeps the table of this host',
  check: 'it checks from this host; "health" shows what the director found',
  restore: 'the director keeps its table as its state file says: "apply" replaces that',
  save: '"export" writes what a director has',
  sync: 'it listens on this host',
  director: 'it sets up this host',
  realserver: 'it sets up this host',
  token: 'tokens are made on the host of the director',
};

/** The words of a verb: `--server URL` is `--api URL`. @throws {UsageError} for a verb that asks no director. */
export function apiWords(name: string, words: readonly string[], takesApi: boolean): readonly string[] {
  const renamed = words.map((word, place) => {
    if (word === '--server' && URL_TEXT.test(words[place + 1] ?? '')) return '--api';
    const [, url = ''] = /^--server=(.*)$/s.exec(word) ?? [];
    return URL_TEXT.test(url) ? `--api=${url}` : word;
  });
  if (takesApi || !renamed.some((word) => word === '--api' || word.startsWith('--api='))) return renamed;
  throw new UsageError(`takes no --api: ${WHY_NOT[name] ?? 'it needs no director'}`);
}

/** No real server has a name like these. */
const URL_TEXT = /^(unix:|https?:)/;
