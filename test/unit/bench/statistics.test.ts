/** Medians, ratios and verdicts of the benchmarks. */
import { expect, test } from 'vitest';
import { figure, median, ratio, verdicts } from '../../bench/statistics.js';
import { SAVE, STALL } from './results.js';

test('the median is the one in the middle, or between the two there', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([9, 1, 5, 6])).toBe(5.5);
  expect(median([7])).toBe(7);
  expect(median([])).toBeNaN();
});

test('ratios are those within a round', () => {
  expect(ratio(SAVE, 'ipvsadm', 'sdk')).toEqual({ median: 6, least: 6, most: 10 });
  expect(ratio(SAVE, 'sdk', 'bound')).toEqual({ median: 2, least: 1, most: 4 });
});

test('what was not measured has neither figure nor ratio', () => {
  expect(figure(STALL, 'ipvsadm')).toBeUndefined();
  expect(ratio(STALL, 'ipvsadm', 'sdk')).toBeUndefined();
  expect(figure(STALL, 'sdk')).toBe(4);
});

test('a target of a ratio is held against the median, one of a figure against the largest', () => {
  expect(verdicts([SAVE, STALL]).map(({ found, met }) => [found, met])).toEqual([
    [6, true],
    [2, false],
    [11, false],
  ]);
});

test('a target whose side was not measured is not met', () => {
  const { ipvsadm: _, ...samples } = SAVE.samples;
  expect(verdicts([{ ...SAVE, samples }])[0]).toMatchObject({ found: Number.NaN, met: false });
});
