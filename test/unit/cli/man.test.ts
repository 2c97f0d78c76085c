import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DIFFERENCES, manPage } from '../../../src/cli/man.js';
import { IPVSADM_WORDS, VERB_OPTIONS, VERB_WORDS, wordPattern } from './documented-words.js';

const page = manPage();
/** As it is read: without fonts, with plain hyphens. */
const plain = page
  .replaceAll(/\\f[BIR]/g, '')
  .replaceAll('\\-', '-')
  .replaceAll('\\ ', ' ');

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

test('man/ipvs-ts.8 is up to date (npm run build:ts && node scripts/man.mjs)', () => {
  expect(read('man/ipvs-ts.8')).toBe(page);
});

test('has its sections in the usual order', () => {
  const sections = [...page.matchAll(/^\.SH "(.*)"$/gm)].map(([, title]) => title);
  expect(sections).toEqual([
    ...['NAME', 'SYNOPSIS', 'DESCRIPTION', 'COMMANDS', 'OPTIONS', 'EXIT STATUS', 'FILES', 'ENVIRONMENT'],
    ...['DIFFERENCES FROM IPVSADM', 'EXAMPLES', 'SEE ALSO'],
  ]);
});

describe('explains', () => {
  test.each(IPVSADM_WORDS)('%s', (word) => {
    expect(plain).toMatch(new RegExp(`^\\.TP\n(-\\w, )*${word}[, \n]`, 'm'));
  });

  test.each(VERB_WORDS)('the verb %s', (verb) => {
    expect(plain).toMatch(new RegExp(`^\\.TP\n${verb}[ \n]`, 'm'));
  });

  test.each(VERB_OPTIONS)('%s --%s', (_, long) => {
    expect(plain).toMatch(wordPattern(`--${long}`));
  });

  test('how often and with what an option goes', () => {
    expect(plain).toContain('[--scope WHAT]... [--prune] [--drain SECONDS] [--end] [--dry-run] [--on-refusal WAY]');
  });

  test('what goes with which command', () => {
    expect(plain).toContain('\nipvs-ts -a service -r host[:port] [-g] [-i] [-m]');
    expect(plain).toContain('\nipvs-ts -Z [service]\n');
    expect(plain).toContain('How to choose a real server (default wlc): rr, wrr,');
    expect(plain).toMatch(/^Persistence is by network.* With -A, -E\.$/m);
  });
});

describe('is sound roff', () => {
  test('every line that begins with a dot is a request that man knows', () => {
    const requests = page.split('\n').flatMap((line) => /^[.'](\S*)/.exec(line)?.[1] ?? []);
    const known = ['\\"', 'TH', 'SH', 'SS', 'TP', 'HP', 'PP', 'RS', 'RE', 'BR', 'nf', 'fi', 'nh', 'ad'];
    expect(requests.filter((request) => !known.includes(request))).toEqual([]);
  });

  test('every escape is one that is meant', () => {
    expect(page.replaceAll(/\\(?:f[BIR]|-|e|&| |\(aq|\(dq|")/g, '')).not.toContain('\\');
  });

  test('indents and returns equally often', () => {
    const count = (request: string) => page.split('\n').filter((line) => line.startsWith(request)).length;
    expect(count('.RS')).toBe(count('.RE'));
    expect(count('.nf')).toBe(count('.fi'));
  });
});

/** The section of docs/known-differences.md that the manual has too. */
const inIpvsadmsPlace = () => read('docs/known-differences.md').split(/^## /m)[1] ?? '';

test.each(DIFFERENCES)('docs/known-differences.md has the reason: $title', ({ title }) => {
  expect(inIpvsadmsPlace()).toContain(`| **${title}** |`);
});

test('docs/known-differences.md has no other', () => {
  const titles = [...inIpvsadmsPlace().matchAll(/^\| \*\*(.*?)\*\* \|/gm)].map(([, title]) => title);
  expect(titles).toEqual(DIFFERENCES.map(({ title }) => title));
});
