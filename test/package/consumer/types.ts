// A user's program that touches every entry. test/package/types.test.ts compiles it with several compilers; it is never run.
import { type Destination, Ipvs, IpvsError, type Service } from 'ipvs-ts';
import * as config from 'ipvs-ts/config';
import * as doctor from 'ipvs-ts/doctor';
import * as formats from 'ipvs-ts/formats';
import * as host from 'ipvs-ts/host';
import * as reconcile from 'ipvs-ts/reconcile';
import { SimulatedKernel } from 'ipvs-ts/simulator';

export const entries = [config, doctor, formats, host, reconcile];

const service: Service = { protocol: 'tcp', address: '192.0.2.10', port: 80, scheduler: 'wlc' };
const destination: Destination = { address: '10.0.0.11', forward: 'dr', weight: 2 };

export async function main(): Promise<string> {
  const ipvs = await Ipvs.open();
  try {
    await ipvs.addService(service);
    await ipvs.addDestination('tcp://192.0.2.10:80', destination, { timeout: 1000 });
    // @ts-expect-error: a mark service has no port
    await ipvs.addService({ protocol: 'fwmark', mark: 1, port: 80, scheduler: 'rr' });
    return await ipvs.save();
  } finally {
    await ipvs.close();
  }
}

export const kernel = new SimulatedKernel();
export const failed: boolean = new Error() instanceof IpvsError;
