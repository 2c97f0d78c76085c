/**
 * What an operator wants of one real server, beside what the file says: a drain, or another weight.
 * @module
 */
import { formatDestinationKey } from '../model/destination.js';
import { formatServiceKey, type ServiceKey, type ServiceKeyText } from '../model/service-key.js';

/** The name of a real server of a service: `tcp://192.0.2.1:80 10.0.0.2:80`. */
export type ServerName = `${ServiceKeyText} ${string}`;

/** What every override says. */
export interface OverrideBase {
  readonly version: 1;
  readonly service: ServiceKey;
  readonly destination: { readonly address: string; readonly port: number };
  /** The weight that the kernel had before. Given back where no `keep` knows a better one. */
  readonly before: number;
  /** Who wants it: the name of a user or of a program. */
  readonly owner: string;
  /** Why, in the owner's words. */
  readonly reason?: string | undefined;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Milliseconds since 1970, when it ends by itself. Absent: it stays until it is taken back. */
  readonly expires?: number | undefined;
}

/** Another weight. Plain JSON. */
export interface WeightOverride extends OverrideBase {
  readonly kind: 'weight';
  /** In the place of the weight that the file says, 0 to 2147483647. Absent: the file's. */
  readonly weight?: number | undefined;
  /** Percent of that, 0 to 1000. Absent: 100. */
  readonly percent?: number | undefined;
}

/** What a drain waits for: `active`: no established connections; `all`: no connections and no persistence templates. */
export type DrainUntil = 'active' | 'all';

/**
 * How far a drain is. Each is written before what it announces is done: `begun`, the weight is about to be 0; `quiesced`, it
 * is; `removing`, the server is about to be removed; `removed`; `ended`, the server stays with weight 0.
 */
export type DrainState = 'begun' | 'quiesced' | 'removing' | 'removed' | 'ended';

/** A drain. Plain JSON. */
export interface DrainOverride extends OverrideBase {
  readonly kind: 'drain';
  readonly state: DrainState;
  /** Milliseconds since 1970; absent: it waits as long as it takes. */
  readonly deadline?: number | undefined;
  /** Milliseconds between two looks. */
  readonly poll: number;
  readonly until: DrainUntil;
  readonly remove: boolean;
  /** Whether the connections that are left at the deadline are ended. Absent: they are not. */
  readonly end?: boolean | undefined;
}

/** What an operator wants of one real server. */
export type Override = WeightOverride | DrainOverride;

/** The name of a real server of a service. */
export function serverName(
  service: ServiceKey,
  destination: { readonly address: string; readonly port: number },
): ServerName {
  return `${formatServiceKey(service)} ${formatDestinationKey(destination)}`;
}

/** Whether a drain wants the server out of the table. */
export function isRemoval(override: Override): boolean {
  return override.kind === 'drain' && (override.state === 'removing' || override.state === 'removed');
}

/** Whether a drain waits for connections, or is about to remove: whether a program has to go on with it. */
export function isUnderWay(override: Override): boolean {
  return override.kind === 'drain' && override.state !== 'removed' && override.state !== 'ended';
}

/** `weight 5`, `50 % of its weight`, `drained, removed` */
export function overrideText(override: Override): string {
  if (override.kind === 'drain') return DRAIN_TEXTS[override.state];
  const { weight, percent } = override;
  if (percent === undefined) return `weight ${weight}`;
  return weight === undefined ? `${percent} % of its weight` : `${percent} % of weight ${weight}`;
}

const DRAIN_TEXTS: Readonly<Record<DrainState, string>> = {
  begun: 'draining',
  quiesced: 'draining',
  removing: 'drained, being removed',
  removed: 'drained, removed',
  ended: 'drained, weight 0',
};
