import { describe, expect, it } from 'vitest';
import { IpvsError } from '../../../src/errors.js';
import {
  IpvsRequests,
  readDaemonMessage,
  readDestinationMessage,
  readInfoMessage,
  readServiceMessage,
  readTimeoutsMessage,
} from '../../../src/kernel/requests.js';
import { Connection, type Request } from '../../../src/netlink/connection.js';
import { resolveFamily } from '../../../src/netlink/generic.js';
import type { Message } from '../../../src/netlink/message.js';
import { type Answer, FakeTransport } from '../../fake-kernel.js';
import { CAPTURED_FAMILY, exchange } from '../../golden/golden.js';

const requests = new IpvsRequests(CAPTURED_FAMILY);
const key = { protocol: 'tcp', address: '192.0.2.1', port: 80 } as const;

/** How each kind of answer is asked for. */
const CALLS: { [title: string]: (connection: Connection) => Promise<unknown> } = {
  'list services': (connection) => list(connection, requests.getServices(), readServiceMessage),
  'list destinations': (connection) =>
    list(connection, requests.getDestinations(key), (message) => readDestinationMessage(message, 'ipv4')),
  'list sync daemons': (connection) => list(connection, requests.getDaemons(), readDaemonMessage),
  'get service': (connection) => connection.query(requests.getService(key), readServiceMessage),
  'get service that is not there': (connection) => connection.query(requests.getService(key), readServiceMessage),
  'add service that is there': (connection) => connection.execute(requests.change({ verb: 'flush' })),
  flush: (connection) => connection.execute(requests.change({ verb: 'flush' })),
  timeouts: (connection) => connection.query(requests.getTimeouts(), readTimeoutsMessage),
  'resolve family IPVS, get info': async (connection) => {
    await resolveFamily(connection, 'IPVS');
    return connection.query(requests.getInfo(), readInfoMessage);
  },
};

async function list<T>(connection: Connection, request: Request, read: (message: Message) => T): Promise<T[]> {
  const entries: T[] = [];
  await connection.dump(request, (message) => entries.push(read(message)));
  return entries;
}

/** Makes the call with the answers as they were captured, but for what `mutate` does to them. `ok`, or an error's code. */
async function callWith(title: string, mutate: (datagram: Uint8Array) => Uint8Array): Promise<string> {
  const { requests: asked, answers } = exchangeOf(title);
  const captured = answers.map((datagram) => ({ datagram, sequence: sequenceOf(datagram) }));
  const original = asked.map(sequenceOf);
  let turn = 0;
  const transport = new FakeTransport(({ sequence }): Answer => {
    const mine = original[turn++];
    return captured
      .filter((answer) => answer.sequence === mine)
      .map(({ datagram }) => mutate(withSequence(datagram, sequence)));
  });
  // Some mutations make an answer that is for nobody, or a dump without end: the deadline is what ends those.
  const connection = new Connection(transport, { timeout: 1 });
  try {
    await CALLS[title]?.(connection);
    return 'ok';
  } catch (error) {
    if (!(error instanceof IpvsError)) throw new Error(`${title}: ${String(error)}`, { cause: error });
    return error.code;
  } finally {
    connection.close();
  }
}

const exchanges = new Map(Object.keys(CALLS).map((title) => [title, exchange(title)]));

function exchangeOf(title: string) {
  const found = exchanges.get(title);
  if (found === undefined) throw new Error(title);
  return found;
}

function sequenceOf(datagram: Uint8Array): number {
  return new DataView(datagram.buffer, datagram.byteOffset).getUint32(8, true);
}

/** A copy with this number in every message. */
function withSequence(datagram: Uint8Array, sequence: number): Uint8Array {
  const copy = Uint8Array.from(datagram);
  const view = new DataView(copy.buffer);
  for (let start = 0; start < copy.length; start += (view.getUint32(start, true) + 3) & ~3) {
    view.setUint32(start + 8, sequence, true);
  }
  return copy;
}

/** A small generator with a seed (mulberry32), so that a failure can be had again. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Changes one to four bytes: to anything, or by one bit. */
function mutateBytes(datagram: Uint8Array, below: (limit: number) => number): Uint8Array {
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = below(datagram.length);
    datagram[at] = below(2) === 0 ? below(256) : (datagram[at] ?? 0) ^ (1 << below(8));
  }
  return datagram;
}

const titles = Object.keys(CALLS);
const inPieces = async (count: number, call: (n: number) => Promise<unknown>) => {
  for (let done = 0; done < count; done += 500) {
    await Promise.all(Array.from({ length: Math.min(500, count - done) }, (_, i) => call(done + i)));
  }
};

describe('answers of the kernel that make no sense give an error of ours: no crash, no hang, no RangeError', () => {
  it('unchanged they are read (so that the tests below test something)', async () => {
    const results = await Promise.all(titles.map((title) => callWith(title, (datagram) => datagram)));
    const refusals = { 'get service that is not there': 'ESRCH', 'add service that is there': 'EEXIST' };
    expect(Object.fromEntries(titles.map((title, index) => [title, results[index]]))).toEqual({
      ...Object.fromEntries(titles.map((title) => [title, 'ok'])),
      ...refusals,
    });
  });

  it.each(titles)('%s: cut at every offset', async (title) => {
    const longest = Math.max(...exchangeOf(title).answers.map(({ length }) => length));
    await inPieces(longest, (length) => callWith(title, (datagram) => datagram.slice(0, length)));
  });

  it('100,000 random mutations', async () => {
    const seed = Date.now() | 0;
    const below = random(seed);
    try {
      await inPieces(100_000, (n) =>
        callWith(titles[n % titles.length] ?? '', (datagram) => mutateBytes(datagram, below)),
      );
    } catch (error) {
      throw new Error(`with the seed ${seed}: ${String(error)}`, { cause: error });
    }
  }, 120_000);
});
