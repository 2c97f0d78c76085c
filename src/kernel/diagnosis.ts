/**
 * Why the kernel refused. IPVS answers EINVAL to ten different mistakes and gives no words (ip_vs_ctl.c); what can be
 * found out by looking is looked up before anything is blamed.
 * @module
 */
import { familyOf, parseIP } from '../address/ip.js';
import { KernelError } from '../errors.js';
import type { NormalChange } from '../model/change.js';
import type { NormalService } from '../model/service.js';
import { familyOfKey, type ServiceKey } from '../model/service-key.js';
import { type Cause, RIGHTS, withCause } from './cause.js';
import type { CommandSource } from './command-source.js';
import type { Kernel } from './kernel.js';

/** The same error with its reason and a hint, where they are known. Anything but a {@link KernelError} is given back. */
export async function explain<E>(
  error: E,
  change: NormalChange,
  kernel: Kernel,
  source: CommandSource,
): Promise<E | KernelError> {
  if (!(error instanceof KernelError)) return error;
  return withCause(error, await causeOf(error, change, kernel, source).catch(() => UNKNOWN));
}

const UNKNOWN: Cause = {};

async function causeOf(
  error: KernelError,
  change: NormalChange,
  kernel: Kernel,
  source: CommandSource,
): Promise<Cause> {
  switch (error.code) {
    case 'EPERM':
      return RIGHTS[source.name];
    case 'EEXIST':
      return { reason: EXISTS[change.verb] ?? 'it exists already' };
    case 'ESRCH':
      return { reason: change.verb === 'stop-daemon' ? 'no such daemon is running' : 'there is no such service' };
    case 'ENOENT':
      return 'service' in change ? missingModule(change.service) : { reason: 'the service has no such destination' };
    case 'EAFNOSUPPORT':
      return { reason: 'this kernel does not know the address family; is IPv6 switched off?' };
    case 'ENODEV':
      return { reason: 'there is no interface of that name in this network namespace' };
    case 'EINVAL':
      return invalid(change, kernel, source);
    default:
      return UNKNOWN;
  }
}

const EXISTS: { readonly [verb in NormalChange['verb']]?: string } = {
  'add-service': 'the service exists already',
  'add-destination': 'the service has this destination already',
  'start-daemon': 'a daemon of this role is running already',
};

/** The kernel says ENOENT for both, and looks for the scheduler first. */
function missingModule({ scheduler, persistenceEngine: engine }: NormalService): Cause {
  if (engine === undefined) {
    return {
      reason: `this kernel has no scheduler "${scheduler}" and could not load one`,
      hint: `is there a module? try "modprobe ip_vs_${scheduler}"`,
    };
  }
  return {
    reason: `this kernel has no scheduler "${scheduler}" or no persistence engine "${engine}", and could not load it`,
    hint: `are there modules? try "modprobe -a ip_vs_${scheduler} ip_vs_pe_${engine}"`,
  };
}

async function invalid(change: NormalChange, kernel: Kernel, source: CommandSource): Promise<Cause> {
  switch (change.verb) {
    case 'add-destination':
    case 'update-destination':
      return invalidDestination(change.destination.address, change.key, kernel, source);
    case 'start-daemon':
      return invalidDaemon(source);
    case 'set-timeouts':
      return { reason: 'a timeout is larger than this kernel can count (2147483647 divided by its HZ)' };
    default:
      return UNKNOWN;
  }
}

async function invalidDestination(
  address: string,
  service: ServiceKey,
  kernel: Kernel,
  source: CommandSource,
): Promise<Cause> {
  if (familyOf(address) !== familyOfKey(service) && (await source.daemons()).length > 0) {
    return {
      reason: 'a destination of another address family is refused while a sync daemon runs',
      hint: 'stop the daemons first; the kernel does not synchronise such connections',
    };
  }
  return familyOf(address) === 'ipv4' ? notUnicastIPv4(address, kernel) : notUnicastIPv6(address);
}

/** The kernel asks the namespace's local routing table (inet_addr_type) whether the address is unicast. */
async function notUnicastIPv4(address: string, kernel: Kernel): Promise<Cause> {
  const first = parseIP(address)?.[0] ?? 0;
  if (first >= 224) return { reason: `${address} is not unicast` };
  if (first === 0) return { reason: `${address} is in 0.0.0.0/8, which is no host's address` };
  const table = await routesOf(kernel);
  if (!table.includes('127.0.0.0')) {
    return {
      reason: 'no IPv4 address was ever configured in this network namespace, so the kernel takes none for unicast',
      hint: 'ip link set lo up',
    };
  }
  const isBroadcast = new RegExp(`-- ${address.replaceAll('.', '\\.')}\\n\\s+/32 link BROADCAST`).test(table);
  return isBroadcast ? { reason: `${address} is the broadcast address of a network of this host` } : UNKNOWN;
}

/** Refusals come in thousands when rules are wrong: those of one moment share one look at the routes. */
const looking = new WeakMap<Kernel, Promise<string>>();

function routesOf(kernel: Kernel): Promise<string> {
  const running = looking.get(kernel);
  if (running !== undefined) return running;
  const routes = readWhole(kernel.proc('fib_trie')).finally(() => looking.delete(kernel));
  looking.set(kernel, routes);
  return routes;
}

async function readWhole(pieces: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}

function notUnicastIPv6(address: string): Cause {
  const [first = 0, second = 0] = parseIP(address) ?? [];
  if (first === 0xff) return { reason: `${address} is a multicast address` };
  if (first === 0xfe && (second & 0xc0) === 0x80) {
    return { reason: `${address} is link-local, and the kernel has no place for an interface beside it` };
  }
  return address === '::' ? { reason: ':: is no address of a host' } : UNKNOWN;
}

async function invalidDaemon(source: CommandSource): Promise<Cause> {
  for (const { service, destinations } of await source.table()) {
    const other = destinations.find(({ destination }) => familyOf(destination.address) !== familyOfKey(service));
    if (other === undefined) continue;
    const { address } = other.destination;
    return {
      reason: `no sync daemon is started while a destination (${address}) is of another family than its service`,
    };
  }
  return UNKNOWN;
}
