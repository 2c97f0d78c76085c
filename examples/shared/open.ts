/**
 * Which kernel an example works on: the running one, or with `SIMULATED=1` in the environment one in memory, which needs no
 * rights and begins with an empty table.
 *
 *     SIMULATED=1 node .build/examples/real-servers.js
 *
 * @module
 */
import { Ipvs, type OpenOptions } from 'ipvs-ts';
import { SimulatedKernel } from 'ipvs-ts/simulator';

/** As `Ipvs.open`. A network namespace is the running kernel's: the simulated one has no others. */
export async function openIpvs(options: OpenOptions = {}): Promise<Ipvs> {
  if (process.env['SIMULATED'] !== '1') return Ipvs.open(options);
  console.error('Kernel: a simulated one, in memory');
  return Ipvs.open({ kernel: new SimulatedKernel() });
}
