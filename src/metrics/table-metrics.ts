/**
 * The metrics of the table, with the names of this library.
 * @module
 */
import { type Metric, several, single } from './metric.js';
import { type Counted, countDestinations, type DestinationRow, type ServiceRow } from './table-rows.js';

/** What the kernel counts of traffic, in two directions. */
const PACKETS = {
  in: ({ counters }: Counted) => counters?.inPackets,
  out: ({ counters }: Counted) => counters?.outPackets,
};
const BYTES = {
  in: ({ counters }: Counted) => counters?.inBytes,
  out: ({ counters }: Counted) => counters?.outBytes,
};
const OUT_IS_NAT = 'out is 0 for dr and tun, whose answers do not pass the director';

/** The director's own. */
export const TOTALS_METRICS: readonly Metric<Counted>[] = [
  single(
    { name: 'ipvs_connections_total', type: 'counter', help: 'Connections that the director scheduled.' },
    ({ counters }) => counters?.connections,
  ),
  several(
    { name: 'ipvs_packets_total', type: 'counter', help: `Packets of all services; ${OUT_IS_NAT}.` },
    'direction',
    PACKETS,
  ),
  several(
    { name: 'ipvs_bytes_total', type: 'counter', unit: 'bytes', help: `Bytes of all services; ${OUT_IS_NAT}.` },
    'direction',
    BYTES,
  ),
];

const SERVICE = { labels: ['service'] };

/** Of each service. */
export const SERVICE_METRICS: readonly Metric<ServiceRow>[] = [
  single(
    { ...SERVICE, name: 'ipvs_service_connections_total', type: 'counter', help: 'Connections of the service.' },
    ({ counters }) => counters?.connections,
  ),
  several(
    { ...SERVICE, name: 'ipvs_service_packets_total', type: 'counter', help: `Packets of the service; ${OUT_IS_NAT}.` },
    'direction',
    PACKETS,
  ),
  several(
    {
      ...SERVICE,
      name: 'ipvs_service_bytes_total',
      type: 'counter',
      unit: 'bytes',
      help: `Bytes of the service; ${OUT_IS_NAT}.`,
    },
    'direction',
    BYTES,
  ),
  several(
    {
      ...SERVICE,
      name: 'ipvs_service_destinations',
      type: 'gauge',
      help: 'Real servers that the service has in the table: serving have a weight, quiesced have weight 0.',
    },
    'state',
    { serving: (row) => countDestinations(row).serving, quiesced: (row) => countDestinations(row).quiesced },
  ),
];

const DESTINATION = { labels: ['service', 'destination'] };
/** A threshold of 0 is none. */
const set = (threshold: number | undefined) => (threshold === 0 ? undefined : threshold);

/** Of each real server of each service. */
export const DESTINATION_METRICS: readonly Metric<DestinationRow>[] = [
  several(
    {
      ...DESTINATION,
      name: 'ipvs_destination_connections',
      type: 'gauge',
      help: 'Connections in the table: active are established (of UDP: all), inactive are the others, persistent are templates.',
    },
    'state',
    {
      active: ({ active }) => active,
      inactive: ({ inactive }) => inactive,
      persistent: ({ persistent }) => persistent,
    },
  ),
  single(
    {
      ...DESTINATION,
      name: 'ipvs_destination_effective_weight',
      type: 'gauge',
      help: 'Weight in the table of the kernel: what overrides, checks, load and ramps made of it.',
    },
    ({ destination }) => destination?.weight,
  ),
  single(
    {
      ...DESTINATION,
      name: 'ipvs_destination_weight',
      type: 'gauge',
      help: 'Weight that the desired state says.',
    },
    ({ wanted }) => wanted,
  ),
  several(
    {
      ...DESTINATION,
      name: 'ipvs_destination_threshold',
      type: 'gauge',
      help: 'Connections above which the server gets no new ones (upper), and below which it does again (lower), if set.',
    },
    'bound',
    {
      upper: ({ destination }) => set(destination?.upperThreshold),
      lower: ({ destination }) => set(destination?.lowerThreshold),
    },
  ),
  // OpenMetrics names a counter without _total, and ipvs_destination_connections is a gauge already.
  single(
    {
      ...DESTINATION,
      name: 'ipvs_destination_scheduled_connections_total',
      type: 'counter',
      help: 'Connections that the server was given.',
    },
    ({ counters }) => counters?.connections,
  ),
  several(
    {
      ...DESTINATION,
      name: 'ipvs_destination_packets_total',
      type: 'counter',
      help: `Packets of the server; ${OUT_IS_NAT}.`,
    },
    'direction',
    PACKETS,
  ),
  several(
    {
      ...DESTINATION,
      name: 'ipvs_destination_bytes_total',
      type: 'counter',
      unit: 'bytes',
      help: `Bytes of the server; ${OUT_IS_NAT}.`,
    },
    'direction',
    BYTES,
  ),
];
