import { expect, test, vi } from 'vitest';
import { SharedRead } from '../../../src/daemon/shared-reads.js';

/** Readings that a test ends. */
function desk() {
  const ends: ((value: number | Error) => void)[] = [];
  const read = vi.fn(
    () =>
      new Promise<number>((resolve, reject) => {
        ends.push((value) => (typeof value === 'number' ? resolve(value) : reject(value)));
      }),
  );
  return { shared: new SharedRead(read), read, end: (place: number, value: number | Error) => ends[place]?.(value) };
}

test('who asks during a reading gets the next one, with all others who did', async () => {
  const { shared, read, end } = desk();
  const first = shared.get();
  const later = [shared.get(), shared.get(), shared.get()];
  expect(read).toHaveBeenCalledTimes(1);
  end(0, 1);
  expect(await first).toBe(1);
  await vi.waitFor(() => expect(read).toHaveBeenCalledTimes(2));
  // What changed before one asks is in the answer: never that of a reading that had begun.
  const last = shared.get();
  end(1, 2);
  expect(await Promise.all(later)).toEqual([2, 2, 2]);
  await vi.waitFor(() => expect(read).toHaveBeenCalledTimes(3));
  end(2, 3);
  expect(await last).toBe(3);
  const anew = shared.get();
  expect(read).toHaveBeenCalledTimes(4);
  end(3, 4);
  expect(await anew).toBe(4);
});

test('a reading that fails fails for those who wait for it alone', async () => {
  const { shared, read, end } = desk();
  const [first, second] = [shared.get(), shared.get()];
  end(0, new Error('busy'));
  await expect(first).rejects.toThrow('busy');
  await vi.waitFor(() => expect(read).toHaveBeenCalledTimes(2));
  end(1, 2);
  expect(await second).toBe(2);
});
