/**
 * What every measurement needs.
 */
import { Ipvs } from 'ipvs-ts';
import { output } from './programs.js';

/** A network namespace and a client in it. */
export interface Director {
  /** The namespace's file. */
  readonly netns: string;
  readonly ipvs: Ipvs;
}

let namespaces = 0;

/**
 * Whatever adds destinations has a namespace of its own: the kernel keeps deleted destinations for two minutes and looks
 * through all of them whenever one is added (ip_vs_trash_get_dest), so that a second restore after a flush measures that.
 */
export async function withDirector<T>(work: (director: Director) => Promise<T>): Promise<T> {
  const name = `bench-${process.pid}-${++namespaces}`;
  await output(['ip', 'netns', 'add', name]);
  try {
    await output(['ip', '-netns', name, 'link', 'set', 'lo', 'up']);
    const netns = `/run/netns/${name}`;
    await using ipvs = await Ipvs.open({ netns, source: 'netlink', timeout: 60_000 });
    const result = await work({ netns, ipvs });
    // Else the kernel takes the table apart later, while the next one is measured.
    await ipvs.flush();
    return result;
  } finally {
    await output(['ip', 'netns', 'delete', name]);
  }
}

/** How long the work takes. */
export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Throws unless both are the same. */
export function expectSame(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what}: ${String(found)} instead of ${String(expected)}`);
}

/** 11,000 as `11,000`. */
export function thousands(count: number): string {
  return count.toLocaleString('en-US');
}
