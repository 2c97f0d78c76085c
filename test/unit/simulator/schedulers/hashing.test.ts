import { describe, expect, it } from 'vitest';
import { parseIP } from '../../../../src/address/ip.js';
import { hsiphash } from '../../../../src/simulator/schedulers/hsiphash.js';
import { type Client, ServiceModel } from '../../../lab/scheduler-model.js';
import { pick, server, serviceOf } from './fixture.js';

/** hash_32 of linux/hash.h with whole numbers of any size. */
function hash32(value: bigint, bits: bigint): number {
  return Number(((value * 0x61c88647n) & 0xffffffffn) >> (32n - bits));
}

/** SipHash with so many rounds a block and at the end, with whole numbers of any size. */
function sipHash(blockRounds: number, endRounds: number, key: readonly [bigint, bigint], message: Uint8Array): bigint {
  const mask = (1n << 64n) - 1n;
  const rotate = (value: bigint, bits: bigint) => ((value << bits) | (value >> (64n - bits))) & mask;
  let [v0, v1] = [key[0] ^ 0x736f6d6570736575n, key[1] ^ 0x646f72616e646f6dn];
  let [v2, v3] = [key[0] ^ 0x6c7967656e657261n, key[1] ^ 0x7465646279746573n];
  const rounds = (count: number) => {
    for (let round = 0; round < count; round++) {
      v0 = (v0 + v1) & mask;
      v2 = (v2 + v3) & mask;
      v1 = rotate(v1, 13n) ^ v0;
      v3 = rotate(v3, 16n) ^ v2;
      v0 = rotate(v0, 32n);
      v2 = (v2 + v1) & mask;
      v0 = (v0 + v3) & mask;
      v1 = rotate(v1, 17n) ^ v2;
      v3 = rotate(v3, 21n) ^ v0;
      v2 = rotate(v2, 32n);
    }
  };
  const padded = new Uint8Array(Math.floor(message.length / 8) * 8 + 8);
  padded.set(message);
  padded[padded.length - 1] = message.length;
  const view = new DataView(padded.buffer);
  for (let at = 0; at < padded.length; at += 8) {
    const block = view.getBigUint64(at, true);
    v3 ^= block;
    rounds(blockRounds);
    v0 ^= block;
  }
  v2 ^= 0xffn;
  rounds(endRounds);
  return v0 ^ v1 ^ v2 ^ v3;
}

function hsipHash(value: number, key: number): number {
  const message = new Uint8Array(4);
  new DataView(message.buffer).setUint32(0, value, true);
  return Number(sipHash(1, 3, [BigInt(key), BigInt(key)], message) & 0xffffffffn);
}

const CLIENTS = Array.from({ length: 400 }, (_, index) => ({
  protocol: 'tcp' as const,
  source: `198.51.${index & 255}.${(index * 7) & 255}`,
  sourcePort: 1024 + index * 13,
  destination: `192.0.${index >> 3}.${(index * 11) & 255}`,
  destinationPort: 80,
}));

/** An IPv4 address as a number. */
function number(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function bucketOf(address: string, port = 0): number {
  return hash32(BigInt(number(address) + port), 8n);
}

describe('the hash of mh', () => {
  it('is SipHash-1-3', () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, index) => index);
    // The test vector of the paper (https://www.aumasson.jp/siphash/siphash.pdf, appendix A), for the double itself.
    const key = [0x0706050403020100n, 0x0f0e0d0c0b0a0908n] as const;
    expect(sipHash(2, 4, key, bytes.subarray(0, 15))).toBe(0xa129ca6149be45e5n);
    for (let value = 0, step = 0; step < 500; step++, value = (Math.imul(value, 1664525) + 1013904223) >>> 0) {
      for (const half of [2654435761, 2654446892]) expect(hsiphash(value, [half, half])).toBe(hsipHash(value, half));
    }
  });
});

describe('dh', () => {
  it('fills 256 buckets in turn, whatever the weights, and goes by the destination', () => {
    const service = serviceOf('dh', [9, 1, 1]);
    for (const client of CLIENTS) expect(pick(service, client)).toBe(String((bucketOf(client.destination) % 3) + 1));
  });

  it('leaves out nobody: those of a quiesced or overloaded one get none', () => {
    const service = serviceOf('dh', [1, 0, 1]);
    service.server(server(3)).overloaded = true;
    for (const client of CLIENTS)
      expect(pick(service, client)).toBe(bucketOf(client.destination) % 3 === 0 ? '1' : '-');
    service.delete(server(2));
    for (const client of CLIENTS)
      expect(pick(service, client)).toBe(bucketOf(client.destination) % 2 === 0 ? '1' : '-');
  });

  it('has nobody to name on an empty list', () => {
    expect(pick(serviceOf('dh', []))).toBe('-');
  });
});

describe('sh', () => {
  /** Who has which bucket with the weights 3, 1, 2. */
  const shares = (bucket: number) => '111233'[bucket % 6] ?? '';

  it('gives each as many of 256 buckets in turn as its weight says, and goes by the source', () => {
    const service = serviceOf('sh', [3, 1, 2]);
    for (const client of CLIENTS) expect(pick(service, client)).toBe(shares(bucketOf(client.source)));
  });

  it('hashes the port too if told, of protocols that have one', () => {
    const service = serviceOf('sh', [3, 1, 2], { flags: 2 });
    for (const client of CLIENTS) {
      expect(pick(service, client)).toBe(shares(bucketOf(client.source, client.sourcePort)));
    }
  });

  it('folds an IPv6 address into its four words', () => {
    const service = new ServiceModel('sh', { family: 'ipv6' });
    for (const name of ['2001:db8::2', '2001:db8::1']) service.add(name, 1);
    const ipv6: Client = {
      ...CLIENTS[0],
      protocol: 'tcp',
      sourcePort: 1,
      destination: '::1',
      destinationPort: 1,
      source: '',
    };
    for (let client = 1; client < 100; client++) {
      const source = `2001:db8:${client.toString(16)}:1::ab:${(client * 3).toString(16)}`;
      const view = new DataView((parseIP(source) ?? new Uint8Array()).buffer);
      const folded = view.getUint32(0) ^ view.getUint32(4) ^ view.getUint32(8) ^ view.getUint32(12);
      const bucket = hash32(BigInt(folded >>> 0), 8n);
      expect(service.connect({ ...ipv6, source })).toBe(`2001:db8::${(bucket % 2) + 1}`);
    }
  });

  it('gives a quiesced one a bucket all the same, whose clients get none', () => {
    const service = serviceOf('sh', [3, 0, 2]);
    for (const client of CLIENTS) expect(pick(service, client)).toBe(shares(bucketOf(client.source)).replace('2', '-'));
  });

  it('falls back to the bucket that follows from twice the first one, and those behind it', () => {
    const service = serviceOf('sh', [3, 0, 2], { flags: 1 });
    service.server(server(1)).overloaded = true;
    for (const client of CLIENTS) {
      const first = bucketOf(client.source);
      const tried = [first, ...Array.from({ length: 256 }, (_, offset) => (2 * first + offset) % 256)];
      expect(pick(service, client)).toBe(shares(tried.find((bucket) => shares(bucket) === '3') ?? -1));
    }
    service.update(server(3), 0);
    expect(pick(service, CLIENTS[0])).toBe('-');
  });

  it('leaves nothing to others with a weight of 256', () => {
    const service = serviceOf('sh', [2147483647, 1]);
    for (const client of CLIENTS) expect(pick(service, client)).toBe('1');
    expect(pick(serviceOf('sh', []))).toBe('-');
  });
});

describe('mh', () => {
  const PLACE = 2654435761;
  const STEP = 2654446892;

  /** The table as the paper fills it: each in turn takes the next free one of its places, as often as its weight says. */
  function table(turns: readonly number[], ports: readonly number[] = []): string[] {
    const free = new Set(Array.from({ length: 4093 }, (_, place) => place));
    const places: string[] = [];
    const walks = turns.map((_, index) => {
      const sum = number(server(index + 1)) + (ports[index] ?? 0);
      return { next: hsipHash(sum, PLACE) % 4093, step: (hsipHash(sum, STEP) % 4092) + 1 };
    });
    while (free.size > 0) {
      for (const [index, walk] of walks.entries()) {
        for (let turn = 0; turn < (turns[index] ?? 0) && free.size > 0; turn++) {
          while (!free.delete(walk.next)) walk.next = (walk.next + walk.step) % 4093;
          places[walk.next] = String(index + 1);
        }
      }
    }
    return places;
  }

  const place = (client: Client, port = 0) => hsipHash(number(client.source) + port, PLACE) % 4093;

  it('goes by a table that is filled in turns', () => {
    const service = serviceOf('mh', [6, 0, 2, 4]);
    const expected = table([3, 0, 1, 2]);
    for (const client of CLIENTS) expect(pick(service, client)).toBe(expected[place(client)]);
  });

  it('hashes the port too if told', () => {
    const service = serviceOf('mh', [1, 1], { flags: 2 });
    const expected = table([1, 1]);
    for (const client of CLIENTS) expect(pick(service, client)).toBe(expected[place(client, client.sourcePort)]);
  });

  it('shortens the turns of large weights', () => {
    // 1000 has 10 bits, 4 more than the kernel allows: 1000 >> 4, 30 >> 4, 1 >> 4 or else 1
    const service = serviceOf('mh', [1000, 30, 1]);
    const expected = table([62, 1, 1]);
    for (const client of CLIENTS) expect(pick(service, client)).toBe(expected[place(client)]);
  });

  it('keeps the table when one is quiesced; its clients get none, or fall back', () => {
    const expected = table([1, 2, 3]);
    for (const flags of [0, 1]) {
      const service = serviceOf('mh', [1, 2, 3], { flags });
      service.update(server(3), 0);
      for (const client of CLIENTS) {
        const first = place(client);
        let other = '-';
        for (let offset = 0; flags === 1 && '3-'.includes(other); offset++) {
          const sum = number(client.source) + ((offset + first) % 4093);
          other = expected[hsipHash(sum, PLACE) % 4093] ?? '';
        }
        expect(pick(service, client)).toBe(expected[first] === '3' ? other : expected[first]);
      }
    }
  });

  it('has nobody to name where all came with weight 0', () => {
    const service = serviceOf('mh', [0, 0], { flags: 1 });
    expect(pick(service)).toBe('-');
    service.update(server(1), 1);
    expect(pick(service)).toBe('1');
    service.delete(server(1));
    expect(pick(service)).toBe('-');
    expect(pick(serviceOf('mh', [], { flags: 1 }))).toBe('-');
  });
});
