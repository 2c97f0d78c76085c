import type { Results, Row } from '../../bench/results.js';

/** A row whose figures are easy to reckon with. */
export const SAVE: Row = {
  name: 'save',
  what: 'Saving.',
  unit: 'ms',
  cold: true,
  targets: [
    { of: 'ipvsadm', over: 'sdk', least: 5 },
    { of: 'sdk', over: 'bound', most: 1.4 },
  ],
  samples: { sdk: [20, 10, 10], ipvsadm: [120, 60, 100], bound: [5, 5, 10], 'node -e 0': [7, 7, 7] },
};

export const STALL: Row = {
  name: 'stall',
  what: 'Stalling.',
  unit: 'ms',
  targets: [{ of: 'sdk', most: 10 }],
  samples: { sdk: [3, 11, 4] },
};

export const RESULTS: Results = {
  circumstances: {
    date: '2026-11-22',
    command: 'npm run bench',
    processor: 'A processor',
    processors: 2,
    kernel: '6.1.0',
    node: 'v20.0.0',
    ipvsadm: 'ipvsadm v1.31',
    connectionTableSize: 4096,
  },
  rows: [SAVE, STALL],
};
