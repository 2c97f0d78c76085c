/**
 * The metrics of the table with the names, labels and help of node_exporter's ipvs collector (collector/ipvs_linux.go), for
 * dashboards that were made for it. It knows no line of SCTP in /proc/net/ip_vs, and books the servers of an SCTP service on
 * the service before; here they are its own, with proto="SCTP".
 * @module
 */
import type { NormalDestination } from '../model/destination.js';
import type { NormalService } from '../model/service.js';
import type { Counters } from '../model/stats.js';
import { type Metric, single } from './metric.js';
import type { Counted, DestinationRow, ServiceRow } from './table-rows.js';
import { labelText } from './text.js';

const total = (name: string, help: string, counter: keyof Counters): Metric<Counted> =>
  single({ name: `node_ipvs_${name}_total`, type: 'counter', help }, ({ counters }) => counters?.[counter]);

/** The director's own. */
export const NODE_TOTALS_METRICS: readonly Metric<Counted>[] = [
  total('connections', 'The total number of connections made.', 'connections'),
  total('incoming_packets', 'The total number of incoming packets.', 'inPackets'),
  total('outgoing_packets', 'The total number of outgoing packets.', 'outPackets'),
  total('incoming_bytes', 'The total amount of incoming data.', 'inBytes'),
  total('outgoing_bytes', 'The total amount of outgoing data.', 'outBytes'),
];

/** What node_exporter calls a backend. */
export interface Backend {
  readonly labels: string;
  active: number;
  inactive: number;
  weight: number;
}

const backend = (name: string, help: string, value: (row: Backend) => number): Metric<Backend> =>
  single(
    {
      name: `node_ipvs_backend_${name}`,
      type: 'gauge',
      labels: ['local_address', 'local_mark', 'local_port', 'proto', 'remote_address', 'remote_port'],
      help,
    },
    value,
  );

/** Of each backend. */
export const BACKEND_METRICS: readonly Metric<Backend>[] = [
  backend('connections_active', 'The current active connections by local and remote address.', ({ active }) => active),
  backend(
    'connections_inactive',
    'The current inactive connections by local and remote address.',
    ({ inactive }) => inactive,
  ),
  backend('weight', 'The current backend weight by local and remote address.', ({ weight }) => weight),
];

/**
 * The backends of some services. Those with the same labels are added up, as node_exporter does: a mark of IPv4 and the same of
 * IPv6 may have one.
 */
export function* backendsOf(services: readonly ServiceRow[]): Generator<void, readonly Backend[]> {
  const backends = new Map<string, Backend>();
  for (const { service, destinations } of services) {
    for (const row of destinations) if (service !== undefined) addBackend(backends, service, row);
    yield;
  }
  return [...backends.values()];
}

function addBackend(
  backends: Map<string, Backend>,
  service: NormalService,
  { destination, active, inactive }: DestinationRow,
): void {
  if (destination === undefined) return;
  const labels = backendLabels(service, destination);
  const known = backends.get(labels);
  if (known === undefined) {
    backends.set(labels, { labels, active, inactive, weight: destination.weight });
    return;
  }
  known.active += active;
  known.inactive += inactive;
  known.weight += destination.weight;
}

/** In the order in which node_exporter writes them: by name. A mark is hexadecimal, as /proc/net/ip_vs has it. */
function backendLabels(service: NormalService, { address, port }: NormalDestination): string {
  const isMark = service.protocol === 'fwmark';
  return labelText({
    local_address: isMark ? '' : service.address,
    local_mark: isMark ? service.mark.toString(16).toUpperCase().padStart(8, '0') : '',
    local_port: isMark ? 0 : service.port,
    proto: isMark ? 'FWM' : procName(service.protocol),
    remote_address: address,
    remote_port: port,
  });
}

/** As /proc/net/ip_vs names a protocol that IPVS does not balance: `IP_47`. */
function procName(protocol: string): string {
  return protocol.toUpperCase().replace(/^IP(?=\d)/, 'IP_');
}
