/**
 * Whether a change has come about: asked where the kernel's answer to it was lost.
 * @module
 */

import type { NormalChange } from '../model/change.js';
import { formatDestinationKey } from '../model/destination.js';
import type { ServiceKey } from '../model/service-key.js';
import type { TableAccess } from '../model/table-access.js';
import { daemonDifference, destinationDifference, serviceDifference, timeoutsDifference } from './difference.js';

/** Whether the kernel's table is now as after this change. Throws what reading throws. */
export async function isInForce(table: TableAccess, change: NormalChange): Promise<boolean> {
  switch (change.verb) {
    case 'add-service':
    case 'update-service': {
      const found = await table.getService(change.service);
      return found !== undefined && serviceDifference(found.service, change.service) === '';
    }
    case 'delete-service':
      return (await table.getService(change.key)) === undefined;
    case 'add-destination':
    case 'update-destination': {
      const found = await findDestination(table, change.key, change.destination);
      return found !== undefined && destinationDifference(found, change.destination) === '';
    }
    case 'delete-destination':
      return (await findDestination(table, change.key, change.destination)) === undefined;
    case 'set-timeouts':
      return timeoutsDifference(await table.timeouts(), change.timeouts) === '';
    case 'start-daemon': {
      const { daemon } = change;
      const found = (await table.daemons()).find(({ role }) => role === daemon.role);
      return found !== undefined && daemonDifference(found, daemon) === '';
    }
    case 'stop-daemon':
      return (await table.daemons()).every(({ role }) => role !== change.role);
    case 'flush':
      return (await table.listServices()).length === 0;
    case 'zero':
      return false;
  }
}

async function findDestination(table: TableAccess, key: ServiceKey, wanted: { address: string; port: number }) {
  const name = formatDestinationKey(wanted);
  const entries = await table.listDestinations(key);
  return entries.find(({ destination }) => formatDestinationKey(destination) === name)?.destination;
}
