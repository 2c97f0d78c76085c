/**
 * What a simulated kernel is made with.
 * @module
 */

import { InvalidArgumentError } from '../errors.js';
import { asObject, Fields, readList } from '../model/fields.js';
import type { Rule } from '../model/rules.js';
import type { Padding } from './netlink/u64.js';
import { isKernelRelease, KERNEL_RELEASES, type KernelRelease } from './release.js';
import type { Interface } from './table/host.js';
import type { Sysctls } from './table/sysctls.js';

/** How a `SimulatedKernel` differs from a director that has everything. */
export interface SimulatedKernelOptions {
  /**
   * Which Linux it is; default `6.12`, which newer long-term kernels equal. Each name but the first stands for the current
   * stable kernel of its series. Each differs from the one before it by what is said here:
   *
   * - `6.1.176`: kernels without the corrections of July 2026, as user-mode Linux of Debian 12 has it. A higher upper threshold or
   *   none ends an overload at once, a lower one shows with the next connection only, and every threshold of 32 bits is taken.
   * - `6.1`, 6.1.192 and newer: other thresholds are compared with the connections at once, also lower ones, and a higher one
   *   ends an overload only below the lower threshold, or below three quarters of the upper one. Upper thresholds above
   *   2147483647 are refused (EINVAL).
   * - `6.12`, 6.12.117 and newer: the controller tells no policy of commands that only dump. Short answers take 960 bytes of
   *   the receive buffer, not 768.
   * - `7.1`: a persistence template that lost its real server shows its virtual port still, not 65535. The connection table has
   *   0 buckets before the first connection. The order of services, which is random there and changes as the table grows,
   *   and the growth of tables are not simulated.
   */
  readonly release?: KernelRelease;
  /** The schedulers whose modules are there; default all that Linux has. Any other name but `none` is refused (ENOENT). */
  readonly schedulers?: readonly string[];
  /** The persistence engines that are there; default `['sip']`. */
  readonly persistenceEngines?: readonly string[];
  /**
   * The time in milliseconds from any origin, never going back; default `performance.now`. With `() => 0` only
   * `advance()` moves it.
   */
  readonly now?: () => number;
  /** Sysctls that are not as the kernel has them at first. */
  readonly sysctls?: Partial<Sysctls>;
  /** A whole number from 0 to 4294967295, for schedulers that choose at random; default `Math.random` scaled. */
  readonly random?: () => number;
  /** What sockets may do; default `['CAP_NET_ADMIN']`. Without it every command of IPVS is refused (EPERM). */
  readonly capabilities?: readonly 'CAP_NET_ADMIN'[];
  /** The interfaces that sync daemons can use; default lo with an MTU of 65536. */
  readonly interfaces?: readonly Interface[];
  /**
   * The host's IPv4 addresses with their prefix lengths; default `['127.0.0.1/8']`, which is lo up. They decide which
   * addresses are broadcasts, and are no destinations. With none at all there are no IPv4 destinations (EINVAL), as in a
   * namespace whose lo was never up.
   */
  readonly addresses?: readonly string[];
  /** Whether the kernel has IPv6; default true. */
  readonly ipv6?: boolean;
  /** The version of IPVS; default `1.2.1`, which it has been since 2008. */
  readonly version?: string;
  /** Buckets of the connection table, 0 to 2147483648, which do not change; default 4096, with `release: '7.1'` 0. */
  readonly connectionTableSize?: number;
  /** HZ, a whole number from 1 to 1000; default 250. */
  readonly ticksPerSecond?: number;
  /**
   * 0 to 255; default 0. The order of services in dumps and in /proc depends on it. Linux has the namespace's place in
   * memory there, so that the order is another one after each boot.
   */
  readonly orderSeed?: number;
  /** Whether 64-bit attributes are padded; default `none`, as x86-64 and arm64 have it. */
  readonly padding?: Padding;
  /** The number of the family, 17 to 1023; default 28. */
  readonly familyNumber?: number;
  /** Bytes that may wait for a socket's reader before answers are dropped (ENOBUFS); default 2 MiB, as the SDK asks for. */
  readonly receiveBuffer?: number;
}

/** A rule that only says what kind of value there must be. */
type Kind = Omit<Rule<true>, 'schema'>;

const TEXT = kind('text', (input) => typeof input === 'string');
const NUMBER = kind('a number', (input) => typeof input === 'number');
const BOOLEAN = kind('true or false', (input) => typeof input === 'boolean');
const FUNCTION = kind('a function', (input) => typeof input === 'function');
const PADDING = kind('none or aligned', (input) => input === 'none' || input === 'aligned');
const RELEASE = kind(KERNEL_RELEASES.join(', '), isKernelRelease);
const CAPABILITY = kind('CAP_NET_ADMIN', (input) => input === 'CAP_NET_ADMIN');

const SCALARS: Readonly<Record<string, Kind>> = {
  release: RELEASE,
  now: FUNCTION,
  random: FUNCTION,
  ipv6: BOOLEAN,
  version: TEXT,
  connectionTableSize: NUMBER,
  ticksPerSecond: NUMBER,
  orderSeed: NUMBER,
  padding: PADDING,
  familyNumber: NUMBER,
  receiveBuffer: NUMBER,
};
const LISTS: Readonly<Record<string, Kind>> = {
  schedulers: TEXT,
  persistenceEngines: TEXT,
  capabilities: CAPABILITY,
  addresses: TEXT,
};
const NAMES: ReadonlySet<string> = new Set([...Object.keys(SCALARS), ...Object.keys(LISTS), 'interfaces', 'sysctls']);

/** Checks the kinds of the options; their ranges are checked where they are used. @throws {InvalidArgumentError} */
export function checkOptions(options: SimulatedKernelOptions): void {
  const fields = new Fields('simulated kernel', options, NAMES);
  for (const [name, rule] of Object.entries(SCALARS)) fields.optional(name, rule);
  for (const [name, rule] of Object.entries(LISTS)) {
    fields.part(name, (list) => readList(name, list, (item) => checkItem(name, rule, item)));
  }
  fields.part('interfaces', (list) => readList('interfaces', list, checkInterface));
  fields.part('sysctls', (input) => asObject('sysctls', input));
  fields.end();
}

function checkItem(subject: string, kind: Kind, item: unknown): void {
  if (kind.read(item) === undefined) {
    throw new InvalidArgumentError(subject, [{ path: '', message: kind.problem(item) }]);
  }
}

function checkInterface(input: unknown): void {
  const fields = new Fields('interface', input, new Set(['name', 'mtu']));
  fields.required('name', TEXT);
  fields.optional('mtu', NUMBER);
  fields.end();
}

function kind(what: string, is: (input: unknown) => boolean): Kind {
  return { example: true, read: (input) => (is(input) ? true : undefined), problem: () => `must be ${what}` };
}
