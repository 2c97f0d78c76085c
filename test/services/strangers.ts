/**
 * The checks of other protocols: a wrong port in a file must never pass.
 * @module
 */
import { expect } from 'vitest';
import type { Check } from '../../src/model/check.js';
import { run } from '../unit/health/probes/fixture.js';
import { HOST } from './server.js';

const tls = { verify: false };

/** A check by TCP of each protocol. */
const CHECKS = {
  http: { type: 'http', status: ['200-599'] },
  https: { type: 'http', status: ['200-599'], tls },
  http2: { type: 'http', status: ['200-599'], version: '2' },
  grpc: { type: 'grpc' },
  agent: { type: 'agent' },
  dns: { type: 'dns', name: 'example', transport: 'tcp' },
  ftp: { type: 'script', preset: 'ftp' },
  imap: { type: 'script', preset: 'imap' },
  ldap: { type: 'ldap' },
  ldaps: { type: 'ldap', tls },
  mysql: { type: 'mysql' },
  nntp: { type: 'script', preset: 'nntp' },
  pop: { type: 'script', preset: 'pop' },
  postgresql: { type: 'postgresql' },
  redis: { type: 'script', preset: 'redis' },
  // The script has but the greeting, which is FTP's too.
  smtp: { type: 'smtp' },
  starttls: { type: 'smtp', startTls: tls },
} satisfies Record<string, Check | Omit<Extract<Check, { type: 'agent' }>, 'port'>>;

/** Runs the checks of all protocols but those that the server at a port speaks: each must fail, and none is not measured. */
export async function expectStrangersToFail(port: number, own: readonly (keyof typeof CHECKS)[]): Promise<void> {
  const strangers = Object.entries(CHECKS).filter(([name]) => !own.some((known) => known === name));
  const outcomes = await Promise.all(
    strangers.map(async ([name, check]) => {
      const outcome = await run({ address: HOST, port }, { ...check, port, timeout: 500 });
      return [name, outcome] as const;
    }),
  );
  const failed = { result: 'failed', kind: expect.stringMatching(/^(?:hard|soft)$/), reason: expect.any(String) };
  expect(Object.fromEntries(outcomes)).toEqual(Object.fromEntries(strangers.map(([name]) => [name, failed])));
}
