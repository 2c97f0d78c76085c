/**
 * The real servers of a service: ranges counted out, defaults filled in.
 * @module
 */
import {
  type Destination,
  formatDestinationKey,
  type NormalDestination,
  parseDestination,
} from '../model/destination.js';
import type { OnFailure } from '../model/health.js';
import type { NormalServerNotify } from '../model/hook.js';
import { withoutUndefined } from '../model/parse.js';
import { formatServiceKey, type ServiceKey } from '../model/service-key.js';
import { type Findings, type Path, pathText } from './path.js';
import { destinationKeysOf } from './ranges.js';
import type { CheckItem, Defaults, DestinationItem, ServiceEntry } from './schema.js';
import type { Placed } from './sections.js';

/** A real server as written, before it belongs to a service. */
export interface Draft {
  /** What it says of its own checks. */
  readonly checks: Placed<readonly CheckItem[]> | undefined;
  /** What else it has otherwise than its service, and where that stands. */
  readonly health: Placed<OwnHealth> | undefined;
  readonly fields: DestinationFields & { readonly address: string };
  readonly placeOf: (field: string | number | undefined) => Path;
}

/** What a real server says of its failing. */
export interface OwnHealth {
  readonly onFailure?: OnFailure;
  readonly notify?: NormalServerNotify;
}

type DestinationFields = Partial<Omit<Destination, 'forward' | 'tunnel'>> & Pick<Defaults, 'forward' | 'tunnel'>;

type DestinationObject = Exclude<DestinationItem, string>;

/** Each real server that some items name. */
export function draftsOf(items: readonly Placed<DestinationItem>[], findings: Findings): Draft[] {
  return items.flatMap(({ path, value }) => {
    const isText = typeof value === 'string';
    const {
      address: text,
      checks: own,
      onFailure,
      notify,
      ...given
    }: DestinationObject = isText ? { address: value } : value;
    const checks = own && { path: [...path, 'checks'], value: own };
    const said = withoutUndefined({ onFailure, notify: notify && withoutUndefined(notify) });
    const health = Object.keys(said).length > 0 ? { path, value: said } : undefined;
    const place = isText ? path : [...path, 'address'];
    const keys = findings.attempt(
      () => place,
      () => destinationKeysOf(text),
    );
    if (keys?.[0]?.port !== undefined && 'port' in given && given.port !== undefined) {
      findings.add([...path, 'port'], 'the address names a port too');
      return [];
    }
    const isGiven = (field: unknown) => typeof field === 'string' && Object.hasOwn(given, field);
    const placeOf: Draft['placeOf'] = (field) => (isGiven(field) ? [...path, field ?? ''] : place);
    return (keys ?? []).map((key) => ({ fields: { ...withoutUndefined(given), ...key }, placeOf, checks, health }));
  });
}

/** Each of them, with what it was written as. */
export function destinationsOf(
  service: ServiceKey,
  entry: Placed<ServiceEntry>,
  drafts: readonly Draft[],
  defaults: Defaults,
  findings: Findings,
): { destination: NormalDestination; draft: Draft }[] {
  const seen = new Map<string, Path>();
  const inherited = { ...inheritableOf(defaults), ...inheritableOf(entry.value) };
  return drafts.flatMap((draft) => {
    const { fields, placeOf } = draft;
    const place = (steps: Path) => {
      const [field = ''] = steps;
      if (field in fields) return placeOf(field);
      const name = field === 'port' ? 'destinationPort' : field;
      if (name in entry.value) return [...entry.path, name];
      return name in defaults ? ['defaults', name] : placeOf(field);
    };
    const destination = findings.attempt(place, () => parseDestination(service, merge(fields, inherited)));
    if (destination === undefined) return [];
    const name = formatDestinationKey(destination);
    const other = seen.get(name);
    if (other !== undefined) {
      findings.add(placeOf('address'), `${name} of ${formatServiceKey(service)} is already in ${pathText(other)}`);
    } else seen.set(name, placeOf('address'));
    return [{ destination, draft }];
  });
}

type Inheritable = Pick<
  Defaults,
  'forward' | 'tunnel' | 'destinationPort' | 'weight' | 'upperThreshold' | 'lowerThreshold'
>;

function inheritableOf(from: Inheritable): Inheritable {
  const { forward, tunnel, destinationPort, weight, upperThreshold, lowerThreshold } = from;
  return withoutUndefined({ forward, tunnel, destinationPort, weight, upperThreshold, lowerThreshold });
}

/** A port is inherited by nat alone, which rewrites it, and an encapsulation by tun alone. */
function merge(fields: Draft['fields'], { tunnel, destinationPort: port, ...inherited }: Inheritable): Destination {
  const forward = fields.forward ?? inherited.forward;
  const merged = {
    ...inherited,
    ...(forward === 'tun' && tunnel !== undefined && { tunnel }),
    ...(forward === 'nat' && port !== undefined && { port }),
    ...fields,
  };
  // parseDestination checks what goes together.
  return merged as Destination;
}
