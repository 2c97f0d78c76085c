/**
 * The sections `director` and `realServer`: what they leave out follows from the services.
 * @module
 */

import type { NormalDesiredService } from '../model/desired.js';
import { type Director, MODES, type Mode, type NormalDirector, parseDirector } from '../model/director.js';
import { withoutUndefined } from '../model/parse.js';
import {
  type NormalRealServer,
  parseRealServer,
  REAL_SERVER_TUNNELS,
  type RealServer,
  type RealServerTunnel,
} from '../model/real-server.js';
import type { Findings, Path } from './path.js';
import type { Sections } from './sections.js';

type Services = readonly NormalDesiredService[];

/** The director's set-up, checked. Undefined where the file has none, or something is wrong. */
export function directorOf({ director }: Sections, services: Services, findings: Findings): NormalDirector | undefined {
  if (director === undefined) return undefined;
  const { mode = modeOf(services), vips = vipsOf(services) } = director;
  const needed = mode === 'nat' ? { mode, vips, inside: director.inside } : { mode, vips };
  if (!given('director', needed, findings)) return undefined;
  // parseDirector checks what goes together.
  const input = withoutUndefined({ ...director, mode, vips }) as Director;
  return findings.attempt(within('director'), () => parseDirector(input));
}

/** The real server's set-up, checked. Undefined where the file has none, or something is wrong. */
export function realServerOf(
  { realServer }: Sections,
  services: Services,
  findings: Findings,
): NormalRealServer | undefined {
  if (realServer === undefined) return undefined;
  const { mode = modeOf(services) } = realServer;
  const vips = realServer.vips ?? (mode === 'nat' ? undefined : vipsOf(services));
  const tunnel = realServer.tunnel ?? (mode === 'tun' ? tunnelOf(services) : undefined);
  const port = realServer.port ?? (mode === 'tun' && tunnel === 'gue' ? portOf(services) : undefined);
  const checksum = realServer.checksum ?? (mode === 'tun' && tunnel === 'gre' ? checksumOf(services) : undefined);
  const needed = {
    nat: { mode, gateway: realServer.gateway },
    dr: { mode, vips },
    // The director's way where it is known to the file, else the model's default.
    tun: {
      mode,
      vips,
      ...(hasTunnels(services) && { tunnel }),
      ...(tunnel === 'gue' && { port }),
      ...(checksum === 'mixed' && { checksum: undefined }),
    },
    unknown: { mode, vips },
  }[mode ?? 'unknown'];
  if (!given('realServer', needed, findings)) return undefined;
  // parseRealServer checks what goes together.
  const input = withoutUndefined({
    ...realServer,
    mode,
    vips,
    tunnel,
    port,
    checksum: realServer.checksum ?? (checksum === true || undefined),
  }) as RealServer;
  return findings.attempt(within('realServer'), () => parseRealServer(input));
}

/** False, and a problem for each field that neither stands there nor follows; silent where the services are wrong. */
function given(section: string, needed: Readonly<Record<string, unknown>>, findings: Findings): boolean {
  const missing = Object.keys(needed).filter((name) => needed[name] === undefined);
  if (findings.problems.length > 0) return missing.length === 0;
  for (const name of missing) findings.add([section, name], MISSING[name] ?? 'is required');
  return missing.length === 0;
}

const MISSING: Readonly<Record<string, string>> = {
  mode: `must be ${MODES.join(', ')}: it does not follow from the destinations, which are none or of several ways`,
  vips: 'must name the virtual IPs: no service here has an address',
  inside: 'is required with nat: the network of the real servers',
  gateway: 'is required with nat: the director',
  checksum:
    'does not follow from the destinations, some of which have checksums: a real server takes those with or without',
  tunnel: 'must be ipip, gre or gue: it does not follow from the destinations, which have several kinds',
  port: 'must be the UDP port of gue: it does not follow from the destinations, which have none or several',
};

function within(section: string): (steps: Path) => Path {
  return (steps) => [section, ...steps];
}

/** The way of all destinations, where they have one. */
function modeOf(services: Services): Mode | undefined {
  const forward = only(destinationsOf(services).map((destination) => destination.forward));
  return MODES.find((mode) => mode === forward);
}

/** The addresses of the services, none twice. */
function vipsOf(services: Services): string[] | undefined {
  const addresses = services.flatMap(({ service }) => ('address' in service ? [service.address] : []));
  return addresses.length === 0 ? undefined : [...new Set(addresses)];
}

/** The encapsulation of all destinations that have one, where it is one that {@link RealServer} knows. */
function tunnelOf(services: Services): RealServerTunnel | undefined {
  const type = only(tunnelsOf(services));
  return REAL_SERVER_TUNNELS.find((known) => known === type);
}

/** The UDP port of all destinations with GUE, where they have one. */
function portOf(services: Services): number | undefined {
  return only(destinationsOf(services).flatMap(({ tunnel }) => (tunnel?.type === 'gue' ? [tunnel.port] : [])));
}

/** Whether GRE packets have checksums: a device takes those with, or those without. */
function checksumOf(services: Services): boolean | 'mixed' {
  const checksums = destinationsOf(services).flatMap(({ tunnel }) =>
    tunnel?.type === 'gre' ? [tunnel.checksum === 'csum'] : [],
  );
  return checksums.length === 0 ? false : (only(checksums) ?? 'mixed');
}

function hasTunnels(services: Services): boolean {
  return tunnelsOf(services).length > 0;
}

function tunnelsOf(services: Services): string[] {
  return destinationsOf(services).flatMap(({ tunnel }) => (tunnel === undefined ? [] : [tunnel.type]));
}

function destinationsOf(services: Services) {
  return services.flatMap(({ destinations }) => destinations);
}

/** The value that all have. */
function only<Value>(values: readonly Value[]): Value | undefined {
  const different = new Set(values);
  return different.size === 1 ? values[0] : undefined;
}
