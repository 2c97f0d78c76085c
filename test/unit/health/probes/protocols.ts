/**
 * A check by TCP of each protocol, as lenient as it can be.
 * @module
 */
import type { Check } from '../../../../src/model/check.js';

const tls = { verify: false };

/** By protocol. An agent's port is the target's. */
export const PROTOCOLS = {
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
