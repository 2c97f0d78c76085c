import { getEventListeners } from 'node:events';
import { expect, test, vi } from 'vitest';
import { AbortListeners } from '../../../src/netlink/abort-listeners.js';

test('a signal has one listener for all who wait, and none when nobody does', () => {
  const [aborts, controller, other] = [new AbortListeners(), new AbortController(), new AbortController()];
  const { signal } = controller;
  const calls = Array.from({ length: 1000 }, () => vi.fn());
  const stranger = vi.fn();
  aborts.add(other.signal, stranger);
  const waits = calls.map((call) => aborts.add(signal, call));
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  for (const wait of waits.slice(0, 999)) wait[Symbol.dispose]();
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  waits[999]?.[Symbol.dispose]();
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  controller.abort();
  for (const call of [...calls, stranger]) expect(call).not.toHaveBeenCalled();
});

test('those who still wait are called, once, also when they let go meanwhile', () => {
  const [aborts, controller] = [new AbortListeners(), new AbortController()];
  const [gone, first, second] = [vi.fn(), vi.fn(), vi.fn()];
  aborts.add(controller.signal, gone)[Symbol.dispose]();
  const wait = aborts.add(controller.signal, () => {
    wait[Symbol.dispose]();
    first();
  });
  aborts.add(controller.signal, second);
  controller.abort();
  expect([gone, first, second].map((each) => each.mock.calls.length)).toEqual([0, 1, 1]);
});
