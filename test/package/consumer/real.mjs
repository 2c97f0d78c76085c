// A user's program on a real kernel: two services go in, what the kernel has comes out, one goes.
import { Ipvs } from 'ipvs-ts';

const ipvs = await Ipvs.open({ source: 'netlink' });
await ipvs.addService({ protocol: 'tcp', address: '192.0.2.10', port: 80, scheduler: 'wlc' });
await ipvs.addService({ protocol: 'fwmark', mark: 5, family: 'ipv6', scheduler: 'rr' });
await ipvs.addDestination('tcp://192.0.2.10:80', { address: '10.0.0.11', forward: 'dr', weight: 2 });
await ipvs.deleteService('fwmark://5?family=ipv6');
process.stdout.write(await ipvs.save());
await ipvs.flush();
await ipvs.close();
