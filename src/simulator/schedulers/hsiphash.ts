/**
 * `hsiphash_1u32` of lib/siphash.c on a 64-bit kernel: SipHash with 1 and 3 rounds of one 32-bit number, the lower half of
 * it. (32-bit kernels take HalfSipHash: there mh spreads clients differently.)
 *
 * JavaScript has no fast 64-bit integers, so each of the four words of the state is a pair.
 *
 * @module
 */

/** The state: high and low half of v0, v1, v2, v3 in turn. One is enough, since a hash is finished before another starts. */
const state = new Int32Array(8);
const [V0, V1, V2, V3] = [0, 2, 4, 6];

/** The four initial words of SipHash: "somepseudorandomlygeneratedbytes". */
const INITIAL = [0x736f6d65, 0x70736575, 0x646f7261, 0x6e646f6d, 0x6c796765, 0x6e657261, 0x74656462, 0x79746573];

/** The length of the message in bytes, where SipHash has it: in the highest byte of the last block. */
const LENGTH = 4 << 24;

/**
 * @param value 0 to 4294967295
 * @param key both halves of the 128-bit key, which are below 2³² here
 * @returns 0 to 4294967295
 */
export function hsiphash(value: number, key: readonly [number, number]): number {
  state.set(INITIAL);
  xorLow(V0, key[0]);
  xorLow(V1, key[1]);
  xorLow(V2, key[0]);
  xorLow(V3, key[1]);
  xorBlock(V3, value);
  round();
  xorBlock(V0, value);
  xorLow(V2, 0xff);
  round();
  round();
  round();
  return (low(V0) ^ low(V1) ^ low(V2) ^ low(V3)) >>> 0;
}

function round(): void {
  add(V0, V1);
  rotate(V1, 13);
  xor(V1, V0);
  rotate(V0, 32);
  add(V2, V3);
  rotate(V3, 16);
  xor(V3, V2);
  add(V0, V3);
  rotate(V3, 21);
  xor(V3, V0);
  add(V2, V1);
  rotate(V1, 17);
  xor(V1, V2);
  rotate(V2, 32);
}

function high(word: number): number {
  return state[word] ?? 0;
}

function low(word: number): number {
  return state[word + 1] ?? 0;
}

function store(word: number, highHalf: number, lowHalf: number): void {
  state[word] = highHalf;
  state[word + 1] = lowHalf;
}

function xorLow(word: number, value: number): void {
  store(word, high(word), low(word) ^ value);
}

function xorBlock(word: number, value: number): void {
  store(word, high(word) ^ LENGTH, low(word) ^ value);
}

function xor(word: number, other: number): void {
  store(word, high(word) ^ high(other), low(word) ^ low(other));
}

function add(word: number, other: number): void {
  const sum = (low(word) >>> 0) + (low(other) >>> 0);
  const carry = sum > 0xffffffff ? 1 : 0;
  store(word, high(word) + high(other) + carry, sum | 0);
}

/** To the left, by 1 to 32 bits. */
function rotate(word: number, bits: number): void {
  const [upper, lower] = [high(word), low(word)];
  if (bits === 32) store(word, lower, upper);
  else store(word, (upper << bits) | (lower >>> (32 - bits)), (lower << bits) | (upper >>> (32 - bits)));
}
