/**
 * The metrics of health checks.
 * @module
 */

import type { HealthCounts } from './health-counters.js';
import type { CheckRow, PoolRow, ReportRow, ServerRow } from './health-rows.js';
import type { CheckerLoad } from './input.js';
import { type Metric, several, single } from './metric.js';

const seconds = (milliseconds: number | undefined) => (milliseconds === undefined ? undefined : milliseconds / 1000);
/** What is not known yet is neither up nor down. */
const isUp = (status: string) => (status === 'up' ? 1 : status === 'down' ? 0 : undefined);
const isTier = (name: string) => (row: PoolRow) => (row.tier === name ? 1 : 0);

const POOL = { labels: ['service'] };

/** Of each service that is checked. */
export const POOL_METRICS: readonly Metric<PoolRow>[] = [
  single(
    {
      ...POOL,
      name: 'ipvs_pool_healthy_ratio',
      type: 'gauge',
      help: 'Share of the real servers that are up, of those that were measured, 0 to 1; one without checks counts as up.',
    },
    ({ ratio }) => ratio,
  ),
  several(
    {
      ...POOL,
      name: 'ipvs_pool_tier',
      type: 'gauge',
      help: 'Who serves the service: 1 for the tier that does, 0 for the others.',
    },
    'tier',
    {
      primary: isTier('primary'),
      backups: isTier('backups'),
      sorry: isTier('sorry'),
      'fail-open': isTier('fail-open'),
      nobody: isTier('nobody'),
    },
  ),
  single(
    {
      ...POOL,
      name: 'ipvs_pool_quorum',
      type: 'gauge',
      help: 'Whether the real servers of the service that are up have its quorum: 1 or 0.',
    },
    ({ hasQuorum }) => (hasQuorum === undefined ? undefined : Number(hasQuorum)),
  ),
];

/** Of each real server that is checked. */
export const SERVER_METRICS: readonly Metric<ServerRow>[] = [
  single(
    {
      name: 'ipvs_destination_up',
      type: 'gauge',
      labels: ['service', 'destination', 'role'],
      help: 'Whether all checks of the real server pass: 1 or 0; absent before the first, and without checks. The role is server or backup.',
    },
    ({ status }) => isUp(status),
  ),
];

const CHECK = { labels: ['service', 'destination', 'check', 'target'] };

/** Of each check of each real server. */
export const CHECK_METRICS: readonly Metric<CheckRow>[] = [
  single(
    {
      ...CHECK,
      name: 'ipvs_check_up',
      type: 'gauge',
      help: 'Whether the check passes: 1 or 0; absent before its first run.',
    },
    ({ status }) => isUp(status),
  ),
  single(
    {
      ...CHECK,
      name: 'ipvs_check_duration_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'How long its last run took.',
    },
    ({ took }) => seconds(took),
  ),
  single(
    {
      ...CHECK,
      name: 'ipvs_check_last_run_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When its last run ended that measured something, since 1970; absent before the first.',
    },
    ({ measured }) => seconds(measured),
  ),
  single(
    {
      ...CHECK,
      name: 'ipvs_flap_held',
      type: 'gauge',
      help: 'Whether it is held down because it flaps, even if it passes: 1 or 0.',
    },
    ({ isHeld }) => Number(isHeld),
  ),
];

/** Of the report. */
export const REPORT_METRICS: readonly Metric<ReportRow>[] = [
  several(
    {
      name: 'ipvs_checks',
      type: 'gauge',
      help: 'Checks of all services by what they found last; unknown were never measured.',
    },
    'status',
    {
      up: ({ statuses }) => statuses.up,
      down: ({ statuses }) => statuses.down,
      unknown: ({ statuses }) => statuses.unknown,
    },
  ),
  single(
    {
      name: 'ipvs_checker_report_timestamp_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'When the checking program told last what it knows, since 1970.',
    },
    ({ written }) => seconds(written),
  ),
  single(
    {
      name: 'ipvs_checker_table_held',
      type: 'gauge',
      help: 'Whether the table is held because so many servers fell at once: 1 or 0.',
    },
    ({ isHeld }) => Number(isHeld),
  ),
];

/** Of the program that checks. */
export const LOAD_METRICS: readonly Metric<CheckerLoad>[] = [
  single(
    {
      name: 'ipvs_checker_lag_seconds',
      type: 'gauge',
      unit: 'seconds',
      help: 'How late the event loop of the checking program is.',
    },
    ({ lag }) => seconds(lag),
  ),
  single(
    { name: 'ipvs_checker_inflight', type: 'gauge', help: 'Runs of checks that are under way.' },
    ({ running }) => running,
  ),
  single(
    { name: 'ipvs_checker_queue', type: 'gauge', help: 'Runs of checks that are due and wait for others to end.' },
    ({ waiting }) => waiting,
  ),
];

/** Of what the program that checks told. */
export const HEALTH_COUNT_METRICS: readonly Metric<HealthCounts>[] = [
  several(
    { name: 'ipvs_verdicts_total', type: 'counter', help: 'How often a real server became up, and down.' },
    'status',
    { up: ({ up }) => up, down: ({ down }) => down },
  ),
  single(
    {
      name: 'ipvs_mass_failures_total',
      type: 'counter',
      help: 'How often so many servers fell at once that the table was held.',
    },
    ({ massFailures }) => massFailures,
  ),
  single(
    {
      name: 'ipvs_checker_late_seconds_total',
      type: 'counter',
      unit: 'seconds',
      help: 'Time that the checking program was late by, added up.',
    },
    ({ late }) => seconds(late),
  ),
  single(
    {
      name: 'ipvs_checker_unmeasured_total',
      type: 'counter',
      help: 'Runs of checks that did not count because the checking program was late.',
    },
    ({ unmeasured }) => unmeasured,
  ),
];
