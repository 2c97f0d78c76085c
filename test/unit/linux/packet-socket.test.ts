import { expect, test } from 'vitest';
import { byteFilter } from '../../../src/linux/packet-socket.js';

/** What the kernel does with a program made of these three operations: the bytes it takes of a frame. */
function run(program: Uint8Array, frame: Uint8Array): number {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  let accumulator = 0;
  for (let at = 0; ; at++) {
    const [code, jumpIfFalse, k] = [
      view.getUint16(8 * at, true),
      view.getUint8(8 * at + 3),
      view.getUint32(8 * at + 4, true),
    ];
    if (code === 0x06) return k;
    if (code === 0x15) at += accumulator === k ? 0 : jumpIfFalse;
    else if (code !== 0x30) throw new Error(`operation ${code}`);
    else if (frame[k] === undefined) return 0;
    else accumulator = frame[k];
  }
}

test('a filter takes the frames for which all tests hold', () => {
  const program = byteFilter([
    { offset: 1, value: 58 },
    { offset: 3, value: 136 },
    { offset: 0, value: 6 },
  ]);
  expect(program).toHaveLength(8 * 8);
  expect(run(program, Uint8Array.of(6, 58, 0, 136))).toBeGreaterThan(0);
  expect(run(program, Uint8Array.of(6, 57, 0, 136))).toBe(0);
  expect(run(program, Uint8Array.of(6, 58, 0, 135))).toBe(0);
  expect(run(program, Uint8Array.of(7, 58, 0, 136))).toBe(0);
  expect(run(program, Uint8Array.of(6, 58))).toBe(0);
});

test('a filter without tests takes all', () => {
  expect(run(byteFilter([]), new Uint8Array())).toBeGreaterThan(0);
});
