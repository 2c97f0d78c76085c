/**
 * What an open client takes. In a process of its own, whose garbage can be collected on demand.
 */
import { fileURLToPath } from 'node:url';
import type { Measurement } from '../measurement.js';
import { output } from '../programs.js';
import type { RowDescription } from '../results.js';

const CLIENTS = fileURLToPath(new URL('../clients.js', import.meta.url));

const RESIDENT: RowDescription = {
  name: 'memory of a client',
  what: 'Resident memory of the process for each of 500 open clients.',
  unit: 'KiB',
};
const HEAP: RowDescription = {
  name: 'memory of a client, heap',
  what: 'What V8 knows of for each: its heap, and the buffers outside it whether they were ever touched or not.',
  unit: 'KiB',
};

export const memory: Measurement = {
  rows: [RESIDENT, HEAP],
  rounds: 5,
  async run(rounds) {
    for (const round of rounds) {
      const printed = await output([process.execPath, '--expose-gc', CLIENTS]);
      const [resident = Number.NaN, heap = Number.NaN] = printed.trim().split(' ').map(Number);
      round.record(RESIDENT, { sdk: resident });
      round.record(HEAP, { sdk: heap });
    }
  },
};
