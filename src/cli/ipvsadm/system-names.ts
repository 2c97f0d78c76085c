/**
 * Host and service names as the system knows them: /etc/services, and the resolver (/etc/hosts, DNS).
 * @module
 */
import { readFileSync } from 'node:fs';
import { IpvsError } from '../../errors.js';
import type { Names } from '../../ipvsadm/names.js';
import type { ReverseNames } from '../../ipvsadm/reverse-names.js';
import type { Protocol } from '../../model/service-key.js';

/** Thrown by a look-up of a host that has not been resolved yet: Node resolves asynchronously, parsers do not wait. */
class UnresolvedHost extends Error {
  readonly host: string;

  constructor(host: string) {
    super(`${host} is not resolved yet`);
    this.host = host;
  }
}

/** Names in command lines, read as loosely as ipvsadm reads them. */
export class SystemNames implements Names {
  readonly looseAddress = true;
  readonly #hosts = new Map<string, string | undefined>();

  host(name: string): string | undefined {
    if (!this.#hosts.has(name)) throw new UnresolvedHost(name);
    return this.#hosts.get(name);
  }

  port(name: string, protocol: Protocol): number | undefined {
    return services().ports.get(`${name}/${protocol}`);
  }

  /**
   * Does work that looks up names, again after hosts that had to be resolved first. `survey` reads the same names without
   * doing anything, so that all hosts are resolved together; default: nothing, and they are resolved one by one.
   */
  async resolving<T>(
    work: (names: Names) => T | Promise<T>,
    survey: (names: Names) => unknown = () => undefined,
  ): Promise<T> {
    for (;;) {
      try {
        return await work(this);
      } catch (error) {
        if (!(error instanceof UnresolvedHost)) throw error;
        const hosts = this.#unresolvedIn(survey).add(error.host);
        await Promise.all(Array.from(hosts, async (host) => this.#hosts.set(host, await firstIPv4(host))));
      }
    }
  }

  /** The hosts that a survey meets before it ends, or stops at a mistake, which the work will name. */
  #unresolvedIn(survey: (names: Names) => unknown): Set<string> {
    const found = new Set<string>();
    const host = (name: string) => {
      if (!this.#hosts.has(name)) found.add(name);
      return this.#hosts.get(name) ?? PLACEHOLDER;
    };
    try {
      survey({ looseAddress: true, host, port: (name, protocol) => this.port(name, protocol) });
    } catch (error) {
      if (!(error instanceof IpvsError)) throw error;
    }
    return found;
  }
}

/** Stands for a host that is not resolved yet. */
const PLACEHOLDER = '192.0.2.0';

/** As gethostbyname(3), which ipvsadm asks: IPv4 only, the first address. */
async function firstIPv4(host: string): Promise<string | undefined> {
  if (host === '') return undefined;
  const { lookup } = await import('node:dns/promises');
  const found = await lookup(host, { family: 4 }).catch(() => undefined);
  return found?.address;
}

/** The names of these addresses, and of every port. An address without a name keeps its numbers. */
export async function reverseNames(addresses: Iterable<string>): Promise<ReverseNames> {
  const { lookupService } = await import('node:dns/promises');
  const hosts = new Map<string, string>();
  const resolve = async (address: string) => {
    // Answers with the address itself where it has no name.
    const found = await lookupService(address, 0).catch(() => undefined);
    if (found !== undefined && found.hostname !== address) hosts.set(address, found.hostname);
  };
  await Promise.all(Array.from(new Set(addresses), resolve));
  return {
    host: (address) => hosts.get(address),
    port: (port, protocol) => services().names.get(`${port}/${protocol}`),
  };
}

interface Services {
  /** By name or alias and protocol: `http/tcp`. */
  readonly ports: ReadonlyMap<string, number>;
  /** By port and protocol: `80/tcp`. */
  readonly names: ReadonlyMap<string, string>;
}

let known: Services | undefined;

/** /etc/services, read once; of several names for a port the first counts, as with getservbyport(3). */
function services(): Services {
  known ??= readServices();
  return known;
}

function readServices(): Services {
  const ports = new Map<string, number>();
  const names = new Map<string, string>();
  for (const line of servicesText().split('\n')) {
    const [name, where, ...aliases] = (line.split('#')[0] ?? '').trim().split(/\s+/);
    const [, port, protocol] = /^(\d+)\/(\w+)$/.exec(where ?? '') ?? [];
    if (name === undefined || port === undefined) continue;
    for (const word of [name, ...aliases])
      if (!ports.has(`${word}/${protocol}`)) ports.set(`${word}/${protocol}`, Number(port));
    if (!names.has(`${port}/${protocol}`)) names.set(`${port}/${protocol}`, name);
  }
  return { ports, names };
}

function servicesText(): string {
  try {
    return readFileSync('/etc/services', 'utf8');
  } catch {
    return '';
  }
}
