/**
 * Words that the verbs of the desired state share: scopes, and times in seconds.
 * @module
 */
import { parseServiceKey, type ServiceKeyText } from '../model/service-key.js';
import type { Scope } from '../reconcile/scope.js';
import { UsageError } from './parse-verb.js';

/**
 * Which services are meant: `tcp://192.0.2.1:80`, `fwmark:100-199`, `192.0.2.0/24`; all where nothing is said. What is wrong
 * with a mark or an address, the plan says.
 */
export function scopeOf(words: readonly string[] = []): Scope | undefined {
  if (words.length === 0) return undefined;
  const isKey = (word: string) => word.includes('://');
  const isMark = (word: string) => word.startsWith('fwmark:') && !isKey(word);
  return {
    services: words.filter(isKey).map((word) => parseServiceKey(word as ServiceKeyText)),
    marks: words.filter(isMark).map((word) => word.slice('fwmark:'.length)),
    addresses: words.filter((word) => !isKey(word) && !isMark(word)),
  };
}

/** The milliseconds of an option that is given in seconds. @throws {UsageError} */
export function milliseconds(verb: string, option: string, text: string): number;
export function milliseconds(verb: string, option: string, text: string | undefined): number | undefined;
export function milliseconds(verb: string, option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+(\.\d+)?$/.test(text)) throw new UsageError(`${verb}: --${option} must be seconds, not "${text}"`);
  return Math.round(Number(text) * 1000);
}
