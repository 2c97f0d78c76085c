/**
 * The commands of IPVS as requests, and how to read what answers them.
 * @module
 */
import type { Family } from '../address/ip.js';
import { ProtocolError } from '../errors.js';
import { type NormalChange, objectOf } from '../model/change.js';
import type { DestinationEntry } from '../model/destination.js';
import type { ServiceEntry } from '../model/service.js';
import { formatServiceKey, type ServiceKey } from '../model/service-key.js';
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import type { Info } from '../model/table.js';
import type { Timeouts } from '../model/timeouts.js';
import type { AttributeReader, AttributeWriter } from '../netlink/attributes.js';
import type { Request } from '../netlink/connection.js';
import { readGeneric, writeGenericHeader } from '../netlink/generic.js';
import type { Message } from '../netlink/message.js';
import { commandOf } from './command-source.js';
import {
  IPVS_CMD_ATTR_DAEMON,
  IPVS_CMD_ATTR_DEST,
  IPVS_CMD_ATTR_SERVICE,
  IPVS_CMD_DEL_DAEMON,
  IPVS_CMD_DEL_DEST,
  IPVS_CMD_DEL_SERVICE,
  IPVS_CMD_FLUSH,
  IPVS_CMD_GET_CONFIG,
  IPVS_CMD_GET_DAEMON,
  IPVS_CMD_GET_DEST,
  IPVS_CMD_GET_INFO,
  IPVS_CMD_GET_SERVICE,
  IPVS_CMD_NEW_DAEMON,
  IPVS_CMD_NEW_DEST,
  IPVS_CMD_NEW_SERVICE,
  IPVS_CMD_SET_CONFIG,
  IPVS_CMD_SET_DEST,
  IPVS_CMD_SET_SERVICE,
  IPVS_CMD_ZERO,
  IPVS_GENL_VERSION,
} from './constants.js';
import { readDaemon, writeDaemon, writeDaemonRole } from './daemon-codec.js';
import { readDestination, writeDestination, writeDestinationKey } from './destination-codec.js';
import { readService, writeService, writeServiceKey } from './service-codec.js';
import { readInfo, readTimeouts, writeTimeouts } from './settings-codec.js';

/** Makes the requests of the family that has this number here. Values are taken as they are: checked before. */
export class IpvsRequests {
  readonly family: number;

  constructor(family: number) {
    this.family = family;
  }

  /** The command that brings a change about. */
  change(change: NormalChange): ChangeRequest {
    return new ChangeRequest(this.family, change);
  }

  /** Answered by one service. */
  getService(key: ServiceKey): Request {
    return this.#aboutService(IPVS_CMD_GET_SERVICE, 'get service', key);
  }

  /** A dump of all services; the kernel ignores any filter. */
  getServices(): Request {
    return this.#request(IPVS_CMD_GET_SERVICE, 'list services');
  }

  /** A dump of one service's destinations; there is no other form. */
  getDestinations(key: ServiceKey): Request {
    return this.#aboutService(IPVS_CMD_GET_DEST, 'list destinations of', key);
  }

  /** A dump; there is no other form. */
  getDaemons(): Request {
    return this.#request(IPVS_CMD_GET_DAEMON, 'list sync daemons');
  }

  getTimeouts(): Request {
    return this.#request(IPVS_CMD_GET_CONFIG, 'get timeouts');
  }

  getInfo(): Request {
    return this.#request(IPVS_CMD_GET_INFO, 'get info');
  }

  #aboutService(number: number, command: string, key: ServiceKey): Request {
    return {
      ...this.#request(number, command, (writer) => writeServiceKey(writer, key)),
      object: () => formatServiceKey(key),
    };
  }

  #request(number: number, command: string, writeAttributes?: (writer: AttributeWriter) => void): Request {
    return {
      type: this.family,
      command,
      write(writer) {
        writeGenericHeader(writer, number, IPVS_GENL_VERSION);
        writeAttributes?.(writer);
      },
    };
  }
}

/** A class, not closures: a restore makes tens of thousands. */
export class ChangeRequest implements Request {
  readonly type: number;
  readonly #change: NormalChange;

  constructor(type: number, change: NormalChange) {
    this.type = type;
    this.#change = change;
  }

  get command(): string {
    return commandOf(this.#change);
  }

  object(): string | undefined {
    return objectOf(this.#change);
  }

  write(writer: AttributeWriter): void {
    writeGenericHeader(writer, COMMANDS[this.#change.verb], IPVS_GENL_VERSION);
    writeChange(writer, this.#change);
  }
}

const COMMANDS: Readonly<Record<NormalChange['verb'], number>> = {
  'add-service': IPVS_CMD_NEW_SERVICE,
  'update-service': IPVS_CMD_SET_SERVICE,
  'delete-service': IPVS_CMD_DEL_SERVICE,
  'add-destination': IPVS_CMD_NEW_DEST,
  'update-destination': IPVS_CMD_SET_DEST,
  'delete-destination': IPVS_CMD_DEL_DEST,
  flush: IPVS_CMD_FLUSH,
  zero: IPVS_CMD_ZERO,
  'set-timeouts': IPVS_CMD_SET_CONFIG,
  'start-daemon': IPVS_CMD_NEW_DAEMON,
  'stop-daemon': IPVS_CMD_DEL_DAEMON,
};

function writeChange(writer: AttributeWriter, change: NormalChange): void {
  switch (change.verb) {
    case 'add-service':
    case 'update-service':
      return writeService(writer, change.service);
    case 'delete-service':
      return writeServiceKey(writer, change.key);
    case 'add-destination':
    case 'update-destination':
      writeServiceKey(writer, change.key);
      return writeDestination(writer, change.destination);
    case 'delete-destination':
      writeServiceKey(writer, change.key);
      return writeDestinationKey(writer, change.destination);
    case 'zero':
      if (change.key !== undefined) writeServiceKey(writer, change.key);
      return;
    case 'set-timeouts':
      return writeTimeouts(writer, change.timeouts);
    case 'start-daemon':
      return writeDaemon(writer, change.daemon);
    case 'stop-daemon':
      return writeDaemonRole(writer, change.role);
    case 'flush':
      return;
  }
}

/** Reads the service in an answer to GET_SERVICE. */
export function readServiceMessage(message: Message): ServiceEntry {
  return readService(nest(message, IPVS_CMD_ATTR_SERVICE, 'IPVS_CMD_ATTR_SERVICE'));
}

/** Reads the destination in an answer to GET_DEST for a service of this family. */
export function readDestinationMessage(message: Message, family: Family): DestinationEntry {
  return readDestination(nest(message, IPVS_CMD_ATTR_DEST, 'IPVS_CMD_ATTR_DEST'), family);
}

/** Reads the sync daemon in an answer to GET_DAEMON. */
export function readDaemonMessage(message: Message): NormalSyncDaemon {
  return readDaemon(nest(message, IPVS_CMD_ATTR_DAEMON, 'IPVS_CMD_ATTR_DAEMON'));
}

/** Reads an answer to GET_CONFIG. */
export function readTimeoutsMessage(message: Message): Timeouts {
  return readTimeouts(readGeneric(message, 'timeouts').attributes);
}

/** Reads an answer to GET_INFO. */
export function readInfoMessage(message: Message): Info {
  return readInfo(readGeneric(message, 'info').attributes);
}

function nest(message: Message, type: number, what: string): AttributeReader {
  const { attributes } = readGeneric(message, what);
  while (attributes.next()) if (attributes.type === type) return attributes.nested(what);
  throw new ProtocolError(`${what} is missing`);
}
