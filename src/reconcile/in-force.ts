/**
 * Whether a change has come about: asked where the kernel's answer to it was lost.
 * @module
 */
import type { Ipvs } from '../ipvs.js';
import type { Change } from '../model/change.js';
import { formatDestinationKey } from '../model/destination.js';
import type { ServiceKey } from '../model/service-key.js';
import { daemonDifference, destinationDifference, serviceDifference, timeoutsDifference } from './difference.js';

/** Whether the kernel's table is now as after this change. Throws what reading throws. */
export async function holds(ipvs: Ipvs, change: Change): Promise<boolean> {
  switch (change.verb) {
    case 'add-service':
    case 'update-service': {
      const found = await ipvs.getService(change.service);
      return found !== undefined && serviceDifference(found.service, change.service) === '';
    }
    case 'delete-service':
      return (await ipvs.getService(change.key)) === undefined;
    case 'add-destination':
    case 'update-destination': {
      const found = await findDestination(ipvs, change.key, change.destination);
      return found !== undefined && destinationDifference(found, change.destination) === '';
    }
    case 'delete-destination':
      return (await findDestination(ipvs, change.key, change.destination)) === undefined;
    case 'set-timeouts':
      return timeoutsDifference(await ipvs.timeouts(), change.timeouts) === '';
    case 'start-daemon': {
      const { daemon } = change;
      const found = (await ipvs.daemons()).find(({ role }) => role === daemon.role);
      return found !== undefined && daemonDifference(found, daemon) === '';
    }
    case 'stop-daemon':
      return (await ipvs.daemons()).every(({ role }) => role !== change.role);
    case 'flush':
      return (await ipvs.listServices()).length === 0;
    case 'zero':
      return false;
  }
}

async function findDestination(ipvs: Ipvs, key: ServiceKey, wanted: { address: string; port: number }) {
  const name = formatDestinationKey(wanted);
  const entries = await ipvs.listDestinations(key);
  return entries.find(({ destination }) => formatDestinationKey(destination) === name)?.destination;
}
