/** Whether a run takes all cases, however long that is: IPVS_TEST_ALL=1. */
export const TAKES_ALL = process.env['IPVS_TEST_ALL'] === '1';

/**
 * Some of many cases that are alike and take long each in user-mode Linux: others in each run, in their order. All of them with
 * IPVS_TEST_ALL=1, as before a release.
 */
export function sample<T>(cases: readonly T[], count: number): T[] {
  const chosen = new Set<number>(TAKES_ALL ? cases.keys() : []);
  while (chosen.size < Math.min(count, cases.length)) chosen.add(Math.floor(Math.random() * cases.length));
  return cases.filter((_, index) => chosen.has(index));
}
