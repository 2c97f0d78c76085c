/**
 * A director to look around in: a simulated kernel with made traffic and made faults. Nothing of the host is read or changed but files of
 * a directory of its own.
 * @module
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ipvs } from '../../ipvs.js';
import { SimulatedKernel } from '../../simulator/index.js';
import { Chance } from '../../simulator/what-if/traffic.js';
import type { ServeOptions } from '../serve.js';
import { DEMO_DOCUMENT } from './document.js';
import { Faults } from './faults.js';
import { DemoTraffic } from './traffic.js';

/** Of all chance. */
const SEED = 1;

/** What `serve` is given in a demonstration. In the end it goes with its directory. */
export interface Demo extends AsyncDisposable {
  readonly table: Ipvs;
  readonly options: Pick<ServeOptions, 'file' | 'directory' | 'historyRoot' | 'socket' | 'run' | 'runHook' | 'examine'>;
}

/**
 * Begins a demonstration.
 * @param file the state that it shows, of which it takes a copy. Default: one of its own.
 * @throws what Node throws where the file can't be read.
 */
export async function openDemo(file: string | undefined): Promise<Demo> {
  const document = file === undefined ? DEMO_DOCUMENT : readFileSync(file);
  const root = mkdtempSync(join(tmpdir(), 'ipvs-ts-demo-'));
  const copy = join(root, 'state.yaml');
  writeFileSync(copy, document);
  const kernel = new SimulatedKernel();
  const table = await Ipvs.open({ kernel });
  const traffic = new DemoTraffic(kernel, table, new Chance(SEED));
  traffic.start();
  return {
    table,
    options: {
      ...{ file: copy, directory: join(root, 'run'), historyRoot: join(root, 'state'), socket: join(root, 'api.sock') },
      run: new Faults(new Chance(SEED)).run,
      // A file that is in use somewhere may have programs and FIFOs that act upon what they are told.
      runHook: false,
      examine: async () => [],
    },
    async [Symbol.asyncDispose]() {
      traffic[Symbol.dispose]();
      await table.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}
