/**
 * The checks of other protocols: a wrong port in a file must never pass.
 * @module
 */
import { expect } from 'vitest';
import { run } from '../unit/health/probes/fixture.js';
import { PROTOCOLS } from '../unit/health/probes/protocols.js';
import { HOST } from './server.js';

/** Runs the checks of all protocols but those that the server at a port speaks: each must fail, and none is not measured. */
export async function expectStrangersToFail(port: number, own: readonly (keyof typeof PROTOCOLS)[]): Promise<void> {
  const strangers = Object.entries(PROTOCOLS).filter(([name]) => !own.some((known) => known === name));
  const outcomes = await Promise.all(
    strangers.map(async ([name, check]) => {
      const outcome = await run({ address: HOST, port }, { ...check, port, timeout: 500 });
      return [name, outcome] as const;
    }),
  );
  const failed = { result: 'failed', kind: expect.stringMatching(/^(?:hard|soft)$/), reason: expect.any(String) };
  expect(Object.fromEntries(outcomes)).toEqual(Object.fromEntries(strangers.map(([name]) => [name, failed])));
}
