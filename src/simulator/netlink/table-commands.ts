/**
 * The commands about services and destinations (ip_vs_genl_set_cmd, ip_vs_genl_get_cmd and the dumps in ip_vs_ctl.c).
 * @module
 */
import {
  IPVS_CMD_ATTR_SERVICE,
  IPVS_CMD_DEL_DEST,
  IPVS_CMD_DEL_SERVICE,
  IPVS_CMD_FLUSH,
  IPVS_CMD_GET_DEST,
  IPVS_CMD_GET_SERVICE,
  IPVS_CMD_NEW_DEST,
  IPVS_CMD_NEW_SERVICE,
  IPVS_CMD_SET_DEST,
  IPVS_CMD_SET_SERVICE,
  IPVS_CMD_ZERO,
} from '../../kernel/constants.js';
import { writeDestination } from '../table/destination.js';
import { type Namespace, zeroService } from '../table/namespace.js';
import { type Service, writeService } from '../table/service.js';
import { DestinationRequest } from './destination-request.js';
import { EEXIST, ESRCH } from './errno.js';
import type { Command, Piece, Request } from './generic.js';
import { ServiceRequest } from './service-request.js';
import { topLevelAttributes, withAttributes } from './top-level.js';

/** The commands by number. */
export function tableCommands(namespace: Namespace): Command[] {
  const { encoding } = namespace.options;
  const top = topLevelAttributes();
  const service = new ServiceRequest(namespace);
  const destination = new DestinationRequest(namespace);

  /** A command about a service that must be there. */
  const ofService = (execute: (found: Service, request: Request) => number, full = false): Command =>
    withAttributes(top, (request) => {
      const errno = service.read(request.bytes, top, full);
      if (errno !== 0) return errno;
      return service.service === undefined ? ESRCH : execute(service.service, request);
    });
  /** A command about a destination of a service that must be there. */
  const ofDestination = (execute: (found: Service) => number, full: boolean): Command =>
    ofService((found, { bytes }) => {
      const errno = destination.read(bytes, top, found, full);
      return errno === 0 ? execute(found) : errno;
    });

  const commands: Command[] = [];
  commands[IPVS_CMD_NEW_SERVICE] = withAttributes(top, ({ bytes }) => {
    const errno = service.read(bytes, top, true);
    if (errno !== 0) return errno;
    return service.service === undefined ? namespace.addService(service.identity, service.settings) : EEXIST;
  });
  commands[IPVS_CMD_SET_SERVICE] = ofService((found) => namespace.editService(found, service.settings), true);
  commands[IPVS_CMD_DEL_SERVICE] = ofService((found) => {
    namespace.deleteService(found);
    return 0;
  });
  commands[IPVS_CMD_GET_SERVICE] = {
    ...withAttributes(top, ({ bytes }, reply) => {
      const errno = service.read(bytes, top, false);
      if (errno !== 0) return errno;
      const found = service.service;
      if (found === undefined) return ESRCH;
      reply.message(IPVS_CMD_NEW_SERVICE, (writer) => writeService(writer, found, encoding));
      return 0;
    }),
    dump: (_, piece, position) => dumpServices(namespace, piece, position),
  };
  commands[IPVS_CMD_NEW_DEST] = ofDestination(
    (found) => namespace.addDestination(found, destination.identity, destination.settings),
    true,
  );
  commands[IPVS_CMD_SET_DEST] = ofDestination(
    (found) => namespace.editDestination(found, destination.identity, destination.settings),
    true,
  );
  commands[IPVS_CMD_DEL_DEST] = ofDestination(
    (found) => namespace.deleteDestination(found, destination.identity),
    false,
  );
  commands[IPVS_CMD_GET_DEST] = {
    needsAdmin: true,
    // The request is read anew for each piece: of a service that is gone, or was never there, nothing is told.
    dump({ bytes, start, end, ack }, piece, position) {
      if (top.parse(bytes, start, end, ack) !== 0 || service.read(bytes, top, false) !== 0) return position;
      return service.service === undefined ? position : dumpDestinations(namespace, service.service, piece, position);
    },
  };
  commands[IPVS_CMD_ZERO] = withAttributes(top, ({ bytes }) => {
    if (!top.has(IPVS_CMD_ATTR_SERVICE)) {
      namespace.zero();
      return 0;
    }
    const errno = service.read(bytes, top, false);
    if (errno !== 0) return errno;
    if (service.service === undefined) return ESRCH;
    zeroService(service.service);
    return 0;
  });
  commands[IPVS_CMD_FLUSH] = withAttributes(top, () => {
    namespace.flush();
    return 0;
  });
  return commands;
}

function dumpServices({ services, options }: Namespace, piece: Piece, position: number): number {
  let next = position;
  for (const service of services.list(position)) {
    if (!piece.message(IPVS_CMD_NEW_SERVICE, (writer) => writeService(writer, service, options.encoding))) break;
    next++;
  }
  return next;
}

function dumpDestinations({ options }: Namespace, { destinations }: Service, piece: Piece, position: number): number {
  const { padding } = options.encoding;
  let next = position;
  for (; next < destinations.length; next++) {
    const destination = destinations[next];
    if (destination === undefined) break;
    if (!piece.message(IPVS_CMD_NEW_DEST, (writer) => writeDestination(writer, destination, padding))) break;
  }
  return next;
}
