/**
 * What health checks find, as verbs show it.
 * @module
 */
import type { HealthEvent, HealthReport, ServerReport } from '../health/index.js';
import { timeText } from './time-text.js';

/** An event in one line, without its time. */
export function healthLine(event: HealthEvent): string {
  switch (event.type) {
    case 'server': {
      const held = event.heldUntil === undefined ? '' : `; it flaps, held down until ${timeText(event.heldUntil)}`;
      return `${event.status}: ${event.server} of ${event.service}: ${event.reason}${held}`;
    }
    case 'tier':
      return `tier: ${event.service}: ${TIERS[event.tier]}`;
    case 'mass-failure':
      return `mass failure: most real servers fell at once: the table is held until ${timeText(event.until)}`;
    case 'mass-failure-over':
      return 'mass failure: over, the table follows the checks again';
    case 'late':
      return `late: this program stood still for ${event.late} ms: ${event.runs} checks under way are not counted`;
    case 'not-measured':
      return `not measured: ${someOf(event.servers)}: ${event.reason}`;
    case 'warning':
      return `warning: ${event.target}: ${event.warning}`;
    case 'hook-failed': {
      const subject = event.server === undefined ? event.service : `${event.server} of ${event.service}`;
      return `hook failed: ${event.event} of ${subject}: ${event.hook}: ${event.reason}`;
    }
    case 'journal':
      return `verdicts not written: ${event.reason}`;
  }
}

/** Not thousands of them in one line. */
function someOf(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

const TIERS = {
  primary: 'its real servers serve',
  backups: 'too few real servers are up: the backups serve too',
  sorry: 'too few real servers are up: the sorry server serves',
  'fail-open': 'all real servers are down: they serve all the same (failOpen)',
  nobody: 'no real server is up, and nobody serves',
} as const;

/** What is known of every server: services with their servers below them. */
export function reportText(
  { services, servers, heldSince }: Pick<HealthReport, 'services' | 'servers' | 'heldSince'>,
  now = Date.now(),
): string {
  const held = heldSince === undefined ? [] : [`mass failure: the table is held since ${timeText(heldSince)}`];
  const lines = new Map(services.map(({ service, tier }) => [service, [`${service}: ${TIERS[tier]}`]]));
  for (const server of servers) lines.get(server.service)?.push(...serverLines(server, now));
  const blocks = [...lines.values()].flat();
  return [...held, ...blocks].map((line) => `${line}\n`).join('');
}

function serverLines({ server, role, status, action, checks }: ServerReport, now: number): string[] {
  const what = [role === 'backup' ? 'backup' : '', ACTIONS[action]].filter((word) => word !== '');
  const words = what.length === 0 ? '' : ` (${what.join(', ')})`;
  return [
    `  ${status.padEnd(9)} ${server}${words}`,
    ...checks.map((check) => {
      const since = `${check.status} since ${ageText(now - check.since)}`;
      const held =
        check.heldUntil !== undefined && check.heldUntil > now ? `, held until ${timeText(check.heldUntil)}` : '';
      const took = check.took === undefined ? '' : `, ${check.took} ms`;
      const found = [check.reason, check.notMeasured && `not measured: ${check.notMeasured}`, check.warning];
      const words = found.filter((word) => word !== undefined).join('; ') || 'not measured yet';
      return `    ${check.check} ${check.target}: ${since}${held}: ${words}${took}`;
    }),
  ];
}

const ACTIONS = { none: '', quiesce: 'weight 0', remove: 'removed' } as const;

function ageText(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
