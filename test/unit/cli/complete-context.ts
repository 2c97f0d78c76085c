import { Ipvs } from '../../../src/ipvs.js';
import { SimulatedKernel } from '../../../src/simulator/index.js';

const kernel = new SimulatedKernel();

/** What the completion asks: a director with two services. */
export const context = { open: () => Ipvs.open({ kernel }) };

/** To be called once, before the first question. */
export async function restoreTable(): Promise<void> {
  await using ipvs = await context.open();
  await ipvs.restore(
    [
      '-A -t 192.0.2.1:80 -s rr',
      '-a -t 192.0.2.1:80 -r 192.0.2.11:80 -m -w 3',
      '-a -t 192.0.2.1:80 -r 192.0.2.12:80 -m',
      '-A -f 5 -s wlc',
      '-a -f 5 -r 192.0.2.13 -m',
    ].join('\n'),
  );
}
