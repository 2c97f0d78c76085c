/**
 * Random datagrams for a generic netlink socket: IPVS commands as programs send them, and commands bent in every way that a
 * kernel must bear. They are plain values, so that fast-check can shrink and print them.
 * @module
 */
import fc from 'fast-check';
import { align } from '../../src/netlink/attributes.js';

/** An attribute: payload bytes, or nested attributes. */
export interface RandomAttribute {
  readonly type: number;
  readonly payload: readonly number[] | { readonly nest: readonly RandomAttribute[] };
}

/** A change that makes an attribute list other than it should be. */
export interface Mutation {
  readonly kind: 'drop' | 'repeat' | 'cut' | 'extend' | 'scramble' | 'retype' | 'flag' | 'lie' | 'leftover';
  /** Which attribute, modulo their number. */
  readonly index: number;
  readonly bytes: readonly number[];
}

/** One message. */
export interface RandomMessage {
  readonly to: 'ipvs' | 'controller' | number;
  readonly flags: number;
  readonly command: number;
  readonly reserved: number;
  readonly attributes: readonly RandomAttribute[];
  /** Added to nlmsg_len. */
  readonly lengthLie: number;
}

/** One datagram, and how its answers are read: the sizes of the buffers, then to the end or not. */
export interface Step {
  readonly messages: readonly RandomMessage[];
  readonly buffers: readonly number[];
  readonly drain: boolean;
}

const u8 = (value: number) => [value & 255];
const u16 = (value: number) => [value & 255, (value >> 8) & 255];
const be16 = (value: number) => [(value >> 8) & 255, value & 255];
const u32 = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >>> 24) & 255];
const string = (text: string) => [...Buffer.from(text, 'latin1'), 0];

const one = <T>(...values: T[]) => fc.constantFrom(...values);
const bytes = (maxLength: number) => fc.array(fc.nat(255), { maxLength, size: 'max' });
/** Mostly of the first kind. */
const mostly = <T>(common: fc.Arbitrary<T>, rare: fc.Arbitrary<T>, weight = 12) =>
  fc.oneof({ weight, arbitrary: common }, { weight: 1, arbitrary: rare });
const anyU32 = fc.oneof(one(0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff), fc.nat(100), fc.nat());

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: one<Mutation['kind']>(
    'drop',
    'drop',
    'drop',
    'repeat',
    'cut',
    'cut',
    'extend',
    'scramble',
    'retype',
    'flag',
    'lie',
    'leftover',
  ),
  index: fc.nat(20),
  bytes: bytes(24),
});
/** Most lists stay as they are. */
const mutations = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Mutation[]>([]) },
  { weight: 1, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 2 }) },
);

function mutate(attributes: readonly RandomAttribute[], changes: readonly Mutation[]): readonly RandomAttribute[] {
  let list = [...attributes];
  for (const { kind, index, bytes } of changes) {
    const at = list.length === 0 ? 0 : index % list.length;
    const target = list[at];
    const payload = target !== undefined && Array.isArray(target.payload) ? (target.payload as readonly number[]) : [];
    const replace = (changed: Partial<RandomAttribute>) => {
      if (target !== undefined) list[at] = { ...target, ...changed };
    };
    if (kind === 'drop') list.splice(at, 1);
    else if (kind === 'repeat' && target !== undefined) list = [...list, { ...target, payload: bytes }];
    else if (kind === 'cut') replace({ payload: payload.slice(0, index % 4) });
    else if (kind === 'extend') replace({ payload: [...payload, ...bytes] });
    else if (kind === 'scramble') replace({ payload: bytes });
    else if (kind === 'retype') replace({ type: (bytes[0] ?? 0) % 20 });
    else if (kind === 'flag' && target !== undefined)
      replace({ type: target.type | ((bytes[0] ?? 0) % 2 ? 0x8000 : 0x4000) });
    else if (kind === 'lie') list = [...list, { type: LYING, payload: bytes }];
    else if (kind === 'leftover') list = [...list, { type: RAW, payload: bytes }];
  }
  return list;
}

/** Types that no attribute has: encoded with a length that is not theirs, or without a header. */
const LYING = -1;
const RAW = -2;

const ipv4 = mostly(
  one([10, 0, 0, 1], [10, 0, 0, 2], [192, 0, 2, 1], [127, 0, 0, 1]),
  fc.oneof(
    one(
      [0, 0, 0, 0],
      [0, 0, 0, 1],
      [224, 0, 0, 1],
      [255, 255, 255, 255],
      [127, 255, 255, 255],
      [240, 0, 0, 1],
      [127, 0, 0, 0],
    ),
    fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }),
    bytes(18),
  ),
);
const ipv6 = mostly(
  one('2001:db8::1', '2001:db8::2', '::1').map(parse6),
  fc.oneof(
    one(
      '::',
      'fe80::1',
      'febf::1',
      'fec0::1',
      'ff02::1',
      'ff0e::5',
      '::ffff:1.2.3.4',
      '::1.2.3.4',
      '::ffff:0:0',
      'fd00::1',
    ).map(parse6),
    fc.array(fc.nat(255), { minLength: 16, maxLength: 16 }),
    bytes(18),
  ),
);

function parse6(text: string): number[] {
  const [host = '', dotted = ''] = text.includes('.')
    ? [text.slice(0, text.lastIndexOf(':') + 1), text.slice(text.lastIndexOf(':') + 1)]
    : [text];
  const tail = dotted === '' ? [] : dotted.split('.').map(Number);
  const words = (part: string) =>
    part
      .split(':')
      .filter(Boolean)
      .flatMap((word) => be16(Number.parseInt(word, 16)));
  const [left = '', right = ''] = host.split('::');
  const [head, end] = [words(left), [...words(right), ...tail]];
  return [...head, ...Array<number>(16 - head.length - end.length).fill(0), ...end];
}

const isIPv6 = fc.integer({ min: 0, max: 3 }).map((n) => n === 3);
const port = mostly(one(80, 80, 443), fc.nat(65535), 6);

/** The keys of most commands, so that they meet what others left. */
const familiarService: fc.Arbitrary<readonly RandomAttribute[]> = one(
  [u16(2), [10, 0, 0, 1]],
  [u16(2), [10, 0, 0, 1]],
  [u16(10), parse6('2001:db8::1')],
  [u16(2)],
).map(([family = [], address]) => [
  { type: 1, payload: family },
  ...(address === undefined
    ? [{ type: 5, payload: u32(1) }]
    : [
        { type: 2, payload: u16(6) },
        { type: 3, payload: address },
        { type: 4, payload: be16(80) },
      ]),
]);

const looseService: fc.Arbitrary<readonly RandomAttribute[]> = fc
  .record({
    six: isIPv6,
    byMark: fc.integer({ min: 0, max: 4 }),
    v4: ipv4,
    v6: ipv6,
    port,
    mark: mostly(one(1, 2), anyU32, 5),
    protocol: mostly(one(6, 17), fc.oneof(one(132, 47, 0, 1, 58, 300), fc.nat(65535)), 6),
    family: mostly(fc.constant(-1), fc.oneof(one(0, 1, 7), fc.nat(65535)), 40),
  })
  .map(({ six, byMark, v4, v6, port, mark, protocol, family }) => [
    { type: 1, payload: u16(family >= 0 ? family : six ? 10 : 2) },
    ...(byMark === 0
      ? [{ type: 5, payload: u32(mark) }]
      : [
          { type: 2, payload: u16(protocol) },
          { type: 3, payload: six ? v6 : v4 },
          { type: 4, payload: be16(port) },
        ]),
  ]);

const scheduler = mostly(
  one('rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'fo', 'ovf', 'mh', 'none'),
  fc.oneof(
    one('', 'RR', 'twos', 'nope', 'ftp', 'none ', 'rr2', 'a234567890123456', 'a23456789012345'),
    fc.string({ maxLength: 17 }),
  ),
);

const serviceSettings: fc.Arbitrary<readonly RandomAttribute[]> = fc
  .record({
    scheduler,
    flags: fc.oneof(one(0, 1, 2, 4, 5, 8, 0x38, 0xffffffff), anyU32),
    mask: fc.oneof(one(0xffffffff, 0xffffffff, 0, 0x3d), anyU32),
    timeout: fc.oneof(one(0, 360, 42949673), anyU32),
    netmask: fc.oneof(
      one([255, 255, 255, 255], [255, 255, 255, 0], [64, 0, 0, 0], [128, 0, 0, 0]),
      one([129, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]),
    ),
    engine: fc
      .option(mostly(one('sip', ''), one('nope', 'SIP', 'a2345678901234567'), 4), { freq: 4 })
      .map((value) => value ?? undefined),
  })
  .map(({ scheduler, flags, mask, timeout, netmask, engine }) => [
    { type: 6, payload: string(scheduler) },
    { type: 7, payload: [...u32(flags), ...u32(mask)] },
    { type: 8, payload: u32(timeout) },
    { type: 9, payload: netmask },
    ...(engine === undefined ? [] : [{ type: 11, payload: string(engine) }]),
  ]);

const familiarDestination: fc.Arbitrary<readonly RandomAttribute[]> = one(
  [10, 0, 0, 1],
  [10, 0, 0, 2],
  parse6('2001:db8::1'),
).map((address) => [
  { type: 1, payload: address },
  { type: 2, payload: be16(80) },
  { type: 11, payload: u16(address.length === 4 ? 2 : 10) },
]);

const looseDestination: fc.Arbitrary<readonly RandomAttribute[]> = fc
  .record({
    six: isIPv6,
    v4: ipv4,
    v6: ipv6,
    port,
    family: mostly(fc.constant(-1), fc.oneof(one(0, 1, 2, 10, -2), fc.nat(65535)), 8),
  })
  .map(({ six, v4, v6, port, family }) => [
    { type: 1, payload: six ? v6 : v4 },
    { type: 2, payload: be16(port) },
    ...(family === -2 ? [] : [{ type: 11, payload: u16(family >= 0 ? family : six ? 10 : 2) }]),
  ]);

const destinationSettings: fc.Arbitrary<readonly RandomAttribute[]> = fc
  .record({
    method: fc.oneof(one(0, 1, 2, 2, 3), mostly(one(4, 5, 7), anyU32)),
    weight: mostly(one(0, 1, 2, 100, 65535), anyU32),
    upper: mostly(one(0, 10, 100), anyU32, 6),
    lower: mostly(one(0, 0, 5), anyU32, 6),
    tunnel: fc.option(
      fc.record({
        type: mostly(one(0, 1, 2), fc.nat(255), 6),
        port: mostly(fc.nat(65535), fc.constant(0), 4),
        flags: fc.nat(65535),
      }),
      { freq: 3 },
    ),
  })
  .map(({ method, weight, upper, lower, tunnel }) => [
    { type: 3, payload: u32(method) },
    { type: 4, payload: u32(weight) },
    { type: 5, payload: u32(upper) },
    { type: 6, payload: u32(lower) },
    ...(tunnel === null
      ? []
      : [
          { type: 13, payload: u8(tunnel.type) },
          { type: 14, payload: be16(tunnel.port) },
          { type: 15, payload: u16(tunnel.flags) },
        ]),
  ]);

/** Groups are of the link, so that a socket for them can be had whatever the routes. */
const daemon: fc.Arbitrary<readonly RandomAttribute[]> = fc
  .record({
    state: mostly(one(1, 2), anyU32, 8),
    name: mostly(fc.constant('lo'), one('', 'nope0', 'a234567890123456'), 8),
    id: anyU32,
    maxLength: fc.option(fc.oneof(one(0, 1, 1023, 1024, 65535), fc.nat(65535))),
    group: fc.option(
      mostly(one([224, 0, 0, 81], [224, 0, 0, 90]), one([10, 0, 0, 1], [240, 0, 0, 1], [223, 255, 255, 255]), 4),
    ),
    group6: fc.option(mostly(fc.constant('ff02::90'), one('2001:db8::1', 'fe80::1'), 4), { freq: 2 }),
    port: fc.option(fc.oneof(fc.constant(0), fc.integer({ min: 20000, max: 65535 }))),
    ttl: fc.option(fc.nat(255)),
  })
  .map(({ state, name, id, maxLength, group, group6, port, ttl }) => [
    { type: 1, payload: u32(state) },
    { type: 2, payload: string(name) },
    { type: 3, payload: u32(id) },
    ...(maxLength === null ? [] : [{ type: 4, payload: u16(maxLength) }]),
    ...(group === null ? [] : [{ type: 5, payload: group }]),
    ...(group6 === null ? [] : [{ type: 6, payload: parse6(group6) }]),
    ...(port === null ? [] : [{ type: 7, payload: u16(port) }]),
    ...(ttl === null ? [] : [{ type: 8, payload: u8(ttl) }]),
  ]);

const timeouts: fc.Arbitrary<readonly RandomAttribute[]> = fc
  .array(fc.record({ type: one(4, 5, 6), value: fc.oneof(one(0, 1, 900, 21474836, 21474837), anyU32) }), {
    maxLength: 4,
  })
  .map((list) => list.map(({ type, value }) => ({ type, payload: u32(value) })));

const serviceKey = mostly(familiarService, looseService, 3);
const destinationKey = mostly(familiarDestination, looseDestination, 3);

/** A nest with what is in it bent now and then. */
const nest = (type: number, ...parts: fc.Arbitrary<readonly RandomAttribute[]>[]): fc.Arbitrary<RandomAttribute> =>
  fc
    .tuple(mutations, ...parts)
    .map(([changes, ...lists]) => ({ type, payload: { nest: mutate(lists.flat(), changes) } }));

const none: fc.Arbitrary<readonly RandomAttribute[]> = fc.constant([]);
const list = (...attributes: fc.Arbitrary<RandomAttribute>[]): fc.Arbitrary<readonly RandomAttribute[]> =>
  fc.tuple(...attributes);

const keyOnly = list(nest(1, serviceKey));
const full = list(nest(1, serviceKey, serviceSettings));
const withDestination = list(nest(1, serviceKey), nest(2, destinationKey, destinationSettings));
const withDestinationKey = list(nest(1, serviceKey), nest(2, destinationKey));

const request = (
  command: number,
  attributes: fc.Arbitrary<readonly RandomAttribute[]>,
  weight: number,
  dump = false,
) => ({
  weight,
  arbitrary: fc.record({ command: fc.constant(command), attributes, dump: fc.constant(dump) }),
});

const ipvsRequest = fc.oneof(
  request(1, full, 20),
  request(2, full, 12),
  request(3, keyOnly, 2),
  request(4, keyOnly, 5),
  request(4, none, 4, true),
  request(5, withDestination, 25),
  request(6, withDestination, 12),
  request(7, withDestinationKey, 5),
  request(8, keyOnly, 5, true),
  request(9, list(nest(3, daemon)), 2),
  request(10, list(nest(3, daemon)), 2),
  request(11, none, 2, true),
  request(12, timeouts, 3),
  request(13, none, 2),
  request(15, none, 1),
  request(16, fc.oneof(keyOnly, none), 2),
  request(17, none, 1),
  {
    weight: 2,
    arbitrary: fc.record({
      command: fc.nat(255),
      attributes: fc.oneof(full, withDestination, none),
      dump: fc.boolean(),
    }),
  },
);

const ACK = 4;
const DUMP = 0x300;
/**
 * Never acknowledged: if the daemon's thread had no time to start, kthread_stop says EINTR, and then netlink sends no answer
 * at all. Which it is depends on the moment.
 */
const DEL_DAEMON = 10;

const ipvsMessage: fc.Arbitrary<RandomMessage> = fc
  .record({
    request: ipvsRequest,
    changes: mutations,
    acknowledged: fc.boolean(),
    flags: mostly(fc.constant(-1), fc.nat(0xffff), 25),
    reserved: mostly(fc.constant(0), fc.nat(0xffff), 25),
    lengthLie: mostly(fc.constant(0), fc.integer({ min: -30, max: 30 }), 60),
  })
  .map(({ request: { command, attributes, dump }, changes, acknowledged, flags, reserved, lengthLie }) => ({
    to: 'ipvs',
    flags:
      (flags >= 0 ? flags : 1 | (acknowledged ? ACK : 0) | (dump ? DUMP : 0)) & (command === DEL_DAEMON ? ~ACK : ~0),
    command,
    reserved,
    attributes: mutate(attributes, changes),
    lengthLie,
  }));

/** No dumps: a real machine has more families. */
const controllerMessage: fc.Arbitrary<RandomMessage> = fc
  .record({
    command: mostly(fc.constant(3), fc.nat(255), 8),
    name: fc.option(one('IPVS', 'NOPE', 'ipvs', 'a23456789012345', 'a234567890123456')),
    id: fc.option(fc.integer({ min: 2000, max: 65535 }), { freq: 2 }),
    changes: mutations,
    flags: one(1, 1, 5),
  })
  .map(({ command, name, id, changes, flags }) => ({
    to: 'controller',
    flags,
    command,
    reserved: 0,
    attributes: mutate(
      [
        ...(name === null ? [] : [{ type: 2, payload: string(name) }]),
        ...(id === null ? [] : [{ type: 1, payload: u16(id) }]),
      ],
      changes.filter(({ kind }) => kind !== 'retype'),
    ),
    lengthLie: 0,
  }));

/** Types of netlink's own, and of no family; the families of the machine are left alone. */
const strangeMessage: fc.Arbitrary<RandomMessage> = fc
  .record({ to: fc.oneof(fc.nat(15), fc.integer({ min: 2000, max: 65535 })), flags: fc.nat(0xffff), attributes: full })
  .map(({ to, flags, attributes }) => ({ to, flags, command: 1, reserved: 0, attributes, lengthLie: 0 }));

const message = fc.oneof(
  { weight: 60, arbitrary: ipvsMessage },
  { weight: 2, arbitrary: controllerMessage },
  { weight: 1, arbitrary: strangeMessage },
);

/** A datagram and its reading. Most are read to the end; what is left of a dump makes the next one EBUSY. */
export const step: fc.Arbitrary<Step> = fc.record({
  messages: fc.array(message, { minLength: 1, maxLength: 8, size: 'max' }),
  buffers: fc.array(one(64, 4096, 8192, 16384, 32768, 65536), { maxLength: 2 }),
  drain: fc.integer({ min: 0, max: 5 }).map((n) => n < 5),
});

/**
 * What is sent of some messages: one that lies about its length is the last, since what follows it would be read as a message
 * of any type, and the machine has families that the simulated kernel has not.
 */
export function sentOf(messages: readonly RandomMessage[]): readonly RandomMessage[] {
  const lying = messages.findIndex(({ lengthLie }) => lengthLie !== 0);
  return lying === -1 ? messages : messages.slice(0, lying + 1);
}

/** The bytes of a datagram for a kernel that calls the family by this number. */
export function encodeDatagram(messages: readonly RandomMessage[], family: number, firstSequence: number): Uint8Array {
  return Buffer.concat(messages.map((message, index) => encodeMessage(message, family, firstSequence + index)));
}

function encodeMessage(
  { to, flags, command, reserved, attributes, lengthLie }: RandomMessage,
  family: number,
  sequence: number,
): Buffer {
  const type = to === 'ipvs' ? family : to === 'controller' ? 16 : to;
  const payload = [...u8(command), 1, ...u16(reserved), ...encodeAttributes(attributes)];
  const length = Math.max(0, 16 + payload.length + lengthLie);
  return Buffer.from([...u32(length), ...u16(type), ...u16(flags), ...u32(sequence), ...u32(0x1234), ...payload]);
}

function encodeAttributes(attributes: readonly RandomAttribute[]): number[] {
  return attributes.flatMap(({ type, payload }) => {
    const content = 'nest' in payload ? encodeAttributes(payload.nest) : [...payload];
    if (type === RAW) return padded(content);
    const length = type === LYING ? (content[0] ?? 0) : 4 + content.length;
    return padded([...u16(length), ...u16(type === LYING ? (content[1] ?? 0) % 20 : type), ...content]);
  });
}

function padded(content: number[]): number[] {
  return [...content, ...Array<number>(align(content.length) - content.length).fill(0)];
}
