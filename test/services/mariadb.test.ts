/** Debian's MariaDB: its greeting. */

import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failed, run, useDirectory } from '../unit/health/probes/fixture.js';
import { expectFaults } from './faults.js';
import { freePort, HOST, Server } from './server.js';
import { expectStrangersToFail } from './strangers.js';

const directory = useDirectory();
const check = { type: 'mysql' } as const;
/** How many interrupted calls it takes from a host. */
const MAX_CONNECT_ERRORS = 3;

let server: Server;
beforeAll(async () => {
  const port = await freePort();
  const { path } = directory;
  mkdirSync(join(path, 'data'));
  const options = {
    ...{ datadir: `${path}/data`, socket: `${path}/socket`, 'pid-file': `${path}/pid`, port, 'bind-address': HOST },
    ...{ innodb: 'OFF', 'default-storage-engine': 'Aria', 'aria-log-file-size': '8M', 'max-connections': 10 },
    ...{ 'max-connect-errors': MAX_CONNECT_ERRORS, 'extra-max-connections': 0 },
  };
  const words = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  server = await Server.start({
    package: 'mariadb-server-core',
    command: ['/usr/sbin/mariadbd', '--no-defaults', '--skip-grant-tables', ...words],
    directory: path,
    port,
    ready: check,
  });
});
afterAll(() => server?.[Symbol.asyncDispose]());

test('passes, and says which version it is', async () => {
  expect(await run(server, check)).toEqual({
    result: 'passed',
    reason: expect.stringMatching(/^MySQL ".*MariaDB.*"$/),
  });
});

test('never blocks this host itself', async () => {
  for (let calls = 0; calls < 2 * MAX_CONNECT_ERRORS; calls++) {
    expect(await run(server, check)).toMatchObject({ result: 'passed' });
  }
});

test('fails softly where it blocks the calling address', async () => {
  const outcomes = [];
  for (let calls = 0; calls < 2 * MAX_CONNECT_ERRORS; calls++) {
    outcomes.push(await run(server, { ...check, source: '127.0.0.9' }));
  }
  expect(outcomes.slice(0, MAX_CONNECT_ERRORS).map(({ result }) => result)).toEqual(['passed', 'passed', 'passed']);
  expect(outcomes.at(-1)).toEqual(failed('soft', /^MySQL error 1129: "Host '127\.0\.0\.9' is blocked /));
});

test('passes for no other protocol', () => expectStrangersToFail(server.port, ['mysql']));

test('fails softly where there is room for no more', async () => {
  const others = Array.from({ length: 11 }, () => connect(server.port, HOST).on('error', () => {}));
  try {
    await Promise.all(others.map((other) => new Promise((resolve) => other.once('data', resolve))));
    expect(await run(server, check)).toEqual(failed('soft', 'MySQL error 1040: "Too many connections"'));
  } finally {
    for (const other of others) other.destroy();
  }
});

test('stands still, dies, is gone', () => expectFaults(server, check));
