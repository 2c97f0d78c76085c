/**
 * The metrics of the director as a whole: IPVS, its settings, sync daemons, overrides, and what keeps the table.
 * @module
 */
import type { NormalSyncDaemon } from '../model/sync-daemon.js';
import type { Info } from '../model/table.js';
import type { Timeouts } from '../model/timeouts.js';
import { type KeepCounts, STEP_CAUSES, type StepCause } from './keep-counters.js';
import { type Metric, several, single } from './metric.js';
import { labelText, sampleText } from './text.js';

/** What is known of the director; what is absent is not known. */
export interface DirectorRow {
  readonly info: Info | undefined;
  readonly countsTraffic: boolean | undefined;
  readonly services: number;
  readonly destinations: number;
  readonly timeouts: Timeouts | undefined;
  readonly daemons: readonly NormalSyncDaemon[] | undefined;
  readonly overrides: readonly { readonly kind: string }[] | undefined;
}

const runs = (role: string) => (row: DirectorRow) =>
  row.daemons && Number(row.daemons.some((each) => each.role === role));
const wanted = (kind: string) => (row: DirectorRow) => row.overrides?.filter((each) => each.kind === kind).length;

/** Of the director. */
export const DIRECTOR_METRICS: readonly Metric<DirectorRow>[] = [
  {
    name: 'ipvs_version_info',
    type: 'info',
    labels: ['version'],
    help: 'The version of IPVS in the kernel.',
    samples: ({ info }) => (info ? sampleText('ipvs_version_info', labelText({ version: info.version }), 1) : ''),
  },
  single(
    {
      name: 'ipvs_connection_table_buckets',
      type: 'gauge',
      help: 'Buckets of the connection table; since Linux 7.1 it grows, and has 0 before the first connection.',
    },
    ({ info }) => info?.connectionTableSize,
  ),
  single(
    {
      name: 'ipvs_traffic_counted',
      type: 'gauge',
      help: 'Whether the kernel counts: 1, or 0 with net.ipv4.vs.run_estimation=0, where no counter is written.',
    },
    ({ countsTraffic }) => (countsTraffic === undefined ? undefined : Number(countsTraffic)),
  ),
  single({ name: 'ipvs_services', type: 'gauge', help: 'Services in the table.' }, ({ services }) => services),
  single(
    { name: 'ipvs_destinations', type: 'gauge', help: 'Real servers in the table, counted for each service.' },
    ({ destinations }) => destinations,
  ),
  several(
    {
      name: 'ipvs_timeout_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'How long an idle connection stays in the table.',
    },
    'state',
    {
      tcp: ({ timeouts }) => timeouts?.tcp,
      'tcp-fin': ({ timeouts }) => timeouts?.tcpFin,
      udp: ({ timeouts }) => timeouts?.udp,
    },
  ),
  several(
    { name: 'ipvs_sync_daemon_running', type: 'gauge', help: 'Whether a sync daemon of this role runs: 1 or 0.' },
    'role',
    { master: runs('master'), backup: runs('backup') },
  ),
  {
    name: 'ipvs_sync_daemon_info',
    type: 'info',
    labels: ['role', 'interface', 'sync_id'],
    help: 'A sync daemon that runs.',
    samples: ({ daemons = [] }) =>
      daemons
        .map(({ role, interface: device, syncId }) => labelText({ role, interface: device, sync_id: syncId }))
        .map((labels) => sampleText('ipvs_sync_daemon_info', labels, 1))
        .join(''),
  },
  several({ name: 'ipvs_overrides', type: 'gauge', help: 'Overrides of operators that are in force.' }, 'kind', {
    drain: wanted('drain'),
    weight: wanted('weight'),
  }),
];

const steps = (cause: StepCause) => (row: KeepCounts) => row.steps[cause];

/** Of what keeps the table. */
export const RECONCILE_METRICS: readonly Metric<KeepCounts>[] = [
  single(
    {
      name: 'ipvs_reconcile_ready',
      type: 'gauge',
      help: 'Whether the table was as wanted at least once since the start: 1 or 0.',
    },
    ({ ready }) => ready,
  ),
  single(
    {
      name: 'ipvs_reconcile_applied_total',
      type: 'counter',
      help: 'How often what the desired state wants was applied.',
    },
    ({ applied }) => applied,
  ),
  single(
    {
      name: 'ipvs_reconcile_drift_total',
      type: 'counter',
      help: 'How often another program had changed the table, and it was put right.',
    },
    ({ drift }) => drift,
  ),
  single(
    {
      name: 'ipvs_reconcile_refused_total',
      type: 'counter',
      help: 'Steps that the kernel refused; one that it refuses again in the same way counts once.',
    },
    ({ refused }) => refused,
  ),
  single(
    {
      name: 'ipvs_reconcile_bad_source_total',
      type: 'counter',
      help: 'How often the desired state could not be taken, and the last good one stayed in force.',
    },
    ({ badSource }) => badSource,
  ),
  single(
    {
      name: 'ipvs_reconcile_failed_total',
      type: 'counter',
      help: 'Looks at the table, or at the overrides, that failed.',
    },
    ({ failed }) => failed,
  ),
  several(
    { name: 'ipvs_reconcile_steps_total', type: 'counter', help: 'Changes of the table that were made, by cause.' },
    'cause',
    Object.fromEntries(STEP_CAUSES.map((cause) => [cause, steps(cause)])),
  ),
];
