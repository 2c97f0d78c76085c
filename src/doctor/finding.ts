/**
 * What the doctor finds: one thing that is wrong, or worth knowing, with the command that mends it.
 * @module
 */
import type { HostStepId } from '../host/step.js';

/** Every finding there is. The names are stable; docs/doctor has a page for each. */
export const FINDING_IDS = [
  'role-unknown',
  'no-module',
  'no-capability',
  'not-probed',
  'scheduler-missing',
  'no-scheduler',
  'no-device',
  'no-masquerade',
  'no-ipv6',
  'vip-unusable',
  'no-local',
  'port-taken',
  'lo-down',
  'device-down',
  'firewall',
  'vip-missing',
  'vip-elsewhere',
  'vip-wrong-device',
  'vip-wrong-mask',
  'vip-silent',
  'vip-unanswered',
  'arp-flux',
  'arp-ignore',
  'arp-announce',
  'arp-mute',
  'ip-forward',
  'send-redirects',
  'rp-filter',
  'rp-filter-director',
  'gateway',
  'gateway-silent',
  'gateway-is-director',
  'route-past-director',
  'no-way-back',
  'nat-gateway-unseen',
  'inside-address',
  'conntrack',
  'conntrack-full',
  'masquerade',
  'dr-behind-router',
  'server-unreachable',
  'server-silent',
  'tunnel-down',
  'tunnel-mtu',
  'tunnel-checksum',
  'port-mismatch',
  'no-servers',
  'all-quiesced',
  'quiesced-idle',
  'overloaded',
  'threshold-unreachable',
  'conn-reuse-mode',
  'reuse-delay',
  'expire-nodest',
  'expire-quiescent',
  'own-client',
  'table-small',
  'connections-full',
  'defence',
  'no-estimation',
  'backup-only',
  'sync-interface',
  'sync-ids',
  'sync-peer',
  'sync-unsent',
  'sync-exposed',
  'sync-version',
  'sync-buffers',
  'check-never-passed',
  'check-source',
  'quorum-unreachable',
] as const;
/** One of {@link FINDING_IDS}. */
export type FindingId = (typeof FINDING_IDS)[number];

/**
 * `error`: requests are lost, or go past the director. `warning`: they will be under conditions that do occur. `note`: good
 * to know, or to be looked at elsewhere.
 */
export const SEVERITIES = ['error', 'warning', 'note'] as const;
/** One of {@link SEVERITIES}. */
export type Severity = (typeof SEVERITIES)[number];

/** How to mend it. */
export interface Fix {
  /** What a person types, quoted for a shell. */
  readonly command: string;
  /** The step of a set-up that prevents it. `doctor --fix` takes it, unless it belongs on another host. */
  readonly step?: HostStepId;
  /** Why `doctor --fix` leaves it to a person, where a step could be thought of: a sentence. */
  readonly manual?: string;
  /** The other host where the command is typed: `10.0.0.11`, `each real server`. Absent: this host. */
  readonly on?: string;
}

/** One thing that is wrong. Plain JSON. */
export interface Finding {
  readonly id: FindingId;
  readonly severity: Severity;
  /** What it is about: a virtual IP, device, sysctl, service or real server. */
  readonly subject: string;
  /** What was found: a sentence. */
  readonly what: string;
  /** Why it matters: a sentence or two. */
  readonly why: string;
  readonly fix: Fix;
  /** The page that explains it, from the root of the package: `docs/doctor/arp-ignore.md`. */
  readonly page: string;
}

/** A finding with the path of its page. */
export function finding(id: FindingId, severity: Severity, parts: Omit<Finding, 'id' | 'severity' | 'page'>): Finding {
  return { id, severity, ...parts, page: `docs/doctor/${id}.md` };
}
