/**
 * What the kernel would do with requests of clients and with the answers to them (packets.ts).
 * @module
 */
import { deviceSysctl } from '../linux/sysctl.js';
import { commandLine, sysctlCommand } from './command-line.js';
import { devicesInUse, isDown } from './devices.js';
import { type Finding, finding } from './finding.js';
import { type Passage, type Picture, plansOf, ruling } from './picture.js';
import { nearTo, routeTo } from './routes.js';

/** What the kernel answers where it has no route, an `unreachable` or a `prohibit` one. */
const NO_ROUTE: readonly string[] = ['ENETUNREACH', 'EHOSTUNREACH', 'EACCES'];

/** `10.0.0.1`, or clients that nobody named. */
function nameOf({ named, client }: Passage): string {
  return named ? `the client ${client}` : 'clients beyond the own networks';
}

/**
 * A packet whose way back is by another device (strict filter), or that has none at all (also the loose one), is dropped
 * (rp_filter in ip-sysctl.rst, fib_validate_source in net/ipv4/fib_frontend.c).
 */
export function rpFilterDirector(picture: Picture): Finding[] {
  if (picture.role !== 'director') return [];
  return filtered(picture).map((passage) => {
    const { from, severity } = passage;
    return finding('rp-filter-director', severity, {
      subject: from,
      what: `${from} drops packets of ${passage.purpose === 'request' ? nameOf(passage) : `the real server ${passage.source}`}: rp_filter is ${ruling('rp_filter', from, picture.host)}, and ${wayBack(passage, picture)}.`,
      why: 'The kernel drops them before IPVS sees them, and logs nothing.',
      fix: { command: loosen(passage, picture) },
    });
  });
}

/** The same on a real server for DR; what a tunnel needs is in its plan (steps.ts). */
export function rpFilterRealServer(picture: Picture): Finding[] {
  if (picture.role !== 'real-server') return [];
  const lost = picture.passages.some(hasNoWay);
  return filtered(picture)
    .filter(({ severity }) => severity !== 'note' && !lost)
    .map((passage) => {
      const { from, severity } = passage;
      return finding('rp-filter', severity, {
        subject: from,
        what: `${from} drops requests of ${nameOf(passage)}: rp_filter is ${ruling('rp_filter', from, picture.host)}, and ${wayBack(passage, picture)}.`,
        why: 'The director hands requests to this device; the kernel drops them, and logs nothing.',
        fix: { command: loosen(passage, picture) },
      });
    });
}

function filtered(picture: Picture): (Passage & { from: string; severity: Finding['severity'] })[] {
  return picture.passages.flatMap((passage) => {
    const { from, refusal, named, vip } = passage;
    // A device that is down has no routes, and a finding of its own.
    if (refusal !== 'EXDEV' || from === undefined || isDown(from, picture.host)) return [];
    const isOutside = vip !== undefined && nearTo(vip, picture.host) === undefined;
    // Where packets of strangers come in at all, this is not known of a virtual IP in an own network without a default route.
    const severity = named || isOutside ? 'error' : hasDefaultRoute(picture) ? 'warning' : 'note';
    return [{ ...passage, from, severity }];
  });
}

function hasDefaultRoute({ host }: Picture): boolean {
  return host.routes.some(
    ({ destination, table, type }) => isDefault(destination) && table === 'main' && type === 'unicast',
  );
}

function isDefault(destination: string): boolean {
  return destination === '0.0.0.0/0' || destination === '::/0';
}

function wayBack({ source = '' }: Passage, { host }: Picture): string {
  const route = routeTo(source, host);
  return route?.device === undefined ? 'no route leads back to them' : `the route back is by ${route.device}`;
}

/** The loose filter (2) takes what any route leads back to; where there is none, only no filter does. */
function loosen({ source = '', from }: Passage & { from: string }, { host, netns }: Picture): string {
  const name = (device: string) => deviceSysctl('ipv4', device, 'rp_filter');
  if (routeTo(source, host) !== undefined) return commandLine([sysctlCommand(name(from), '2')], netns);
  const strict = ['all', from].filter((device) => host.sysctls[name(device)] !== '0');
  return commandLine(
    strict.map((device) => sysctlCommand(name(device), '0')),
    netns,
  );
}

function hasNoWay({ purpose, refusal }: Passage): boolean {
  return purpose === 'answer' && refusal !== undefined && NO_ROUTE.includes(refusal);
}

/** No route leads back to clients. */
export function noWayBack(picture: Picture): Finding[] {
  const { host, netns } = picture;
  // The routes of a device that is down are deleted with it: that is the finding.
  if (devicesInUse(picture).some((device) => isDown(device, host))) return [];
  return picture.passages.filter(hasNoWay).flatMap((passage) => {
    const { named, source, refusal, from, vip } = passage;
    // A host that does not forward says EHOSTUNREACH as well, which has a finding of its own.
    if (from !== undefined && refusal !== 'ENETUNREACH') return [];
    const isOutside = vip !== undefined && nearTo(vip, host) === undefined;
    if (!named && !isOutside) return [];
    return [
      finding('no-way-back', 'error', {
        subject: named ? passage.client : '0.0.0.0/0',
        what: `No route leads to ${nameOf(passage)}${source === undefined ? '' : ` for answers of ${source}`}.`,
        why: 'The answers to their requests go nowhere.',
        fix: { command: commandLine([['ip', 'route', 'get', passage.client]], netns) },
      }),
    ];
  });
}

/** With NAT every answer must come back through the director. */
export function routePastDirector(picture: Picture): Finding[] {
  const { host, netns, clients, passages } = picture;
  const gateways = plansOf(picture)
    .filter(({ role, mode }) => role === 'real-server' && mode === 'nat')
    .flatMap(({ steps }) => steps.flatMap((step) => (step.kind === 'route' ? [step.gateway] : [])));
  if (gateways.length === 0) return [];
  const why = 'The client drops an answer that does not come from the virtual IP, and only the director puts that in.';
  if (clients.length > 0) {
    return passages
      .filter(
        ({ purpose, route }) => purpose === 'answer' && route !== undefined && !gateways.includes(route.gateway ?? ''),
      )
      .map(({ client, route }) =>
        finding('route-past-director', 'error', {
          subject: client,
          what: `Answers to the client ${client} go ${route?.gateway === undefined ? `to it directly, by ${route?.device}` : `by the router ${route.gateway}`}, past the director.`,
          why,
          fix: { command: commandLine([['ip', 'route', 'get', client]], netns) },
        }),
      );
  }
  const others = host.routes.filter(
    ({ table, type, destination, gateway }) =>
      table === 'main' &&
      type === 'unicast' &&
      !isDefault(destination) &&
      gateway !== undefined &&
      !gateways.includes(gateway),
  );
  return others.map(({ destination, gateway = '', device }) =>
    finding('route-past-director', 'warning', {
      subject: destination,
      what: `Answers to clients of ${destination} go by the router ${gateway}, past the director.`,
      why: `${why} If no clients are there, this is as it should be: name a client with --client.`,
      fix: {
        command: commandLine(
          [['ip', 'route', 'del', destination, 'via', gateway, ...(device === undefined ? [] : ['dev', device])]],
          netns,
        ),
      },
    }),
  );
}

/** The director drops a packet that comes from its own address, the virtual IP ("martian source"). */
export function gatewayIsDirector(picture: Picture): Finding[] {
  const { answers, owners, passages, netns, role } = picture;
  if (role !== 'real-server') return [];
  return passages.flatMap(({ purpose, vip = '', route }) => {
    const gateway = purpose === 'answer' ? route?.gateway : undefined;
    const macs = gateway === undefined ? [] : (answers[gateway] ?? []);
    if (gateway === undefined || !macs.some((mac) => owners[vip]?.includes(mac))) return [];
    return [
      finding('gateway-is-director', 'error', {
        subject: gateway,
        what: `Answers from ${vip} go by ${gateway}, which is the director.`,
        why: 'The director has that address itself, and drops packets from it that come in. With DR and TUN answers need another router.',
        fix: { command: commandLine([['ip', 'route', 'replace', 'default', 'via', 'ADDRESS-OF-A-ROUTER']], netns) },
      }),
    ];
  });
}

/** The routers that packets of the set-up go by. */
export function gatewaysInUse(picture: Picture): string[] {
  const ways = picture.passages.flatMap(({ purpose, route }) =>
    purpose === 'answer' && route?.gateway ? [route.gateway] : [],
  );
  const described = plansOf(picture).flatMap(({ steps }) =>
    steps.flatMap((step) => (step.kind === 'route' ? [step.gateway] : [])),
  );
  return [...new Set([...ways, ...described])];
}
