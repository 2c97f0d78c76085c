// A user's program without a kernel: the addon loads, and the simulator answers. Prints the table's rules.
import { Ipvs } from 'ipvs-ts';
import { SimulatedKernel } from 'ipvs-ts/simulator';

const ipvs = await Ipvs.open({ kernel: new SimulatedKernel() });
await ipvs.addService({ protocol: 'tcp', address: '192.0.2.10', port: 80, scheduler: 'wlc' });
process.stdout.write(await ipvs.save());
await ipvs.close();
