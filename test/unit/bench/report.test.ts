/** The benchmarks' table in the terminal, and stalls. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { terminalReport } from '../../bench/report.js';
import { longestStall } from '../../bench/stall.js';
import { RESULTS } from './results.js';

test('the table has every row, ratio and target', () => {
  expect(terminalReport(RESULTS)).toBe(
    `
               unit  SDK  ipvsadm  C  ipvsadm / SDK   SDK / C
save             ms   10      100  5      6 (6..10)  2 (1..4)
  node -e 0      ms    7
  first round    ms   20      120  5
stall            ms    4

Medians of the rounds; of the ratios of each round the median, and the least and the most.

met     save: ipvsadm / SDK 6, wanted at least 5
MISSED  save: SDK / C 2, wanted at most 1.4
MISSED  stall: SDK, at most 11 ms, wanted at most 10
`.slice(1),
  );
});

test('work that keeps the event loop is a stall, work that waits is none', async () => {
  const busy = async () => {
    await sleep(1);
    for (const end = performance.now() + 50; performance.now() < end; );
    await sleep(1);
  };
  expect((await longestStall(busy)).longest).toBeGreaterThanOrEqual(50);
  expect((await longestStall(() => sleep(60))).percentile99).toBeLessThan(50);
});
