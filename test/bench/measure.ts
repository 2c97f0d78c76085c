/**
 * What every measurement needs.
 */
import { succeed } from '../lab/process.js';

/**
 * Each round has a namespace of its own: the kernel keeps deleted destinations for two minutes and looks through all of
 * them whenever one is added (ip_vs_trash_get_dest), so that a second restore after a flush measures that.
 *
 * @param work gets the namespace's file
 */
export async function withNamespace(work: (netns: string) => Promise<void>): Promise<void> {
  const name = `bench-${process.pid}`;
  await succeed('ip', ['netns', 'add', name]);
  await succeed('ip', ['-netns', name, 'link', 'set', 'lo', 'up']);
  try {
    await work(`/run/netns/${name}`);
  } finally {
    await succeed('ip', ['netns', 'delete', name]);
  }
}

export function show(times: readonly number[]): string {
  return times.map((time) => time.toFixed(0)).join(', ');
}

export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
}
