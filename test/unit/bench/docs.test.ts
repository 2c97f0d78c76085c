/** docs/performance.md and its chart say what docs/performance.json says: `npm run bench -- --docs` writes all three. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { chart } from '../../bench/chart.js';
import { page } from '../../bench/page.js';
import type { Results } from '../../bench/results.js';
import { RESULTS } from './results.js';

function doc(name: string): string {
  return readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
}

const results: Results = JSON.parse(doc('performance.json'));

test('the page is made of the figures', () => {
  expect(doc('performance.md')).toBe(page(results));
});

test('the chart is made of the figures', () => {
  expect(doc('performance.svg')).toBe(chart(results));
});

test('the figures are those of a whole run', () => {
  expect(results.circumstances.command).not.toMatch(/--row|--quick/);
  for (const { name, samples } of results.rows) {
    const lengths = Object.values(samples).map(({ length }) => length);
    expect(new Set(lengths).size, name).toBe(1);
    expect(Object.values(samples).flat().every(Number.isFinite), name).toBe(true);
  }
});

test('a bar begins where ipvsadm is', () => {
  // Two decades on 510 units: 255 log10(6) for the SDK, 255 log10(12) for C.
  const bars = [...chart(RESULTS).matchAll(/<rect class="(\w+)" x="([\d.]+)" y="\d+" width="([\d.]+)" height="9"\/>/g)];
  expect(bars.map(([, side, left, width]) => [side, left, width]).slice(-2)).toEqual([
    ['sdk', '230', '198.4'],
    ['bound', '230', '275.2'],
  ]);
});
