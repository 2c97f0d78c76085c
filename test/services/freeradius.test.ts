/** Debian's FreeRADIUS. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RadiusCheck } from '../../src/model/check.js';
import { failed, run, useDirectory } from '../unit/health/probes/fixture.js';
import { expectFaultsByUdp } from './faults.js';
import { freePort, HOST, Server } from './server.js';

const directory = useDirectory();
const LONG_PASSWORD = 'a password that is hidden in more than one block';
/** Of the client at 127.0.0.9 the server has another secret. */
const STRANGER = '127.0.0.9';

let server: Server;
beforeAll(async () => {
  const port = await freePort();
  const { path } = directory;
  mkdirSync(join(path, 'log'));
  writeFileSync(
    join(path, 'radiusd.conf'),
    `
name = radiusd
prefix = /usr
logdir = ${path}/log
run_dir = ${path}
libdir = /usr/lib/freeradius
correct_escapes = true
security {
  reject_delay = 0
}
thread pool {
  start_servers = 1
  max_servers = 2
}
client probe {
  ipaddr = 127.0.0.1
  secret = shared
  require_message_authenticator = yes
}
client stranger {
  ipaddr = ${STRANGER}
  secret = other
  require_message_authenticator = yes
}
modules {
  pap {
  }
}
server default {
  listen {
    type = auth
    ipaddr = ${HOST}
    port = ${port}
  }
  authorize {
    update control {
      &Cleartext-Password := "${LONG_PASSWORD}"
    }
    if (&User-Name == "asked") {
      update control {
        &Auth-Type := asked
      }
    }
    else {
      pap
    }
  }
  authenticate {
    pap
    Auth-Type asked {
      update reply {
        &Reply-Message := "${'x'.repeat(240)}"
        &State := 0x01
      }
      update control {
        &Response-Packet-Type := Access-Challenge
      }
    }
  }
}
`,
  );
  server = await Server.start({
    package: 'freeradius',
    command: ['/usr/sbin/freeradius', '-f', '-x', '-l', 'stdout', '-d', path],
    directory: path,
    port,
    ready: { type: 'radius', secret: 'shared', timeout: 200 },
  });
});
afterAll(() => server?.[Symbol.asyncDispose]());

const radius = (fields: Partial<RadiusCheck> = {}) => run(server, { type: 'radius', secret: 'shared', ...fields });

// The server looks at the Message-Authenticator, and takes the password out of what hides it.
test('passes with an accept, a reject, a challenge', async () => {
  expect(await radius({ user: 'probe', password: LONG_PASSWORD })).toEqual({
    result: 'passed',
    reason: 'Access-Accept by RADIUS',
  });
  expect(await radius({ user: 'asked' })).toEqual({ result: 'passed', reason: 'Access-Challenge by RADIUS' });
  const rejected = { result: 'passed', reason: 'Access-Reject by RADIUS' };
  expect(await radius()).toEqual(rejected);
  expect(await radius({ user: 'probe', password: 'other' })).toEqual(rejected);
  expect(await radius({ user: 'x'.repeat(253), password: 'x'.repeat(128) })).toEqual(rejected);
});

test('is not answered where the server has another secret', async () => {
  expect(await radius({ secret: 'other', timeout: 300 })).toEqual(failed('hard', 'no answer within 300 ms'));
  expect(await radius({ source: STRANGER, timeout: 300 })).toEqual(failed('hard', 'no answer within 300 ms'));
  expect(await radius({ source: STRANGER, secret: 'other' })).toMatchObject({ result: 'passed' });
});

test('stands still, is gone', () => expectFaultsByUdp(server, { type: 'radius', secret: 'shared' }));
