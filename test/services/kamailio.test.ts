/** Debian's Kamailio: SIP. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SipCheck } from '../../src/model/check.js';
import { failed, run, useDirectory } from '../unit/health/probes/fixture.js';
import { expectFaultsByUdp } from './faults.js';
import { freePort, HOST, Server } from './server.js';

const directory = useDirectory();

let server: Server;
beforeAll(async () => {
  const port = await freePort();
  const { path } = directory;
  writeFileSync(
    join(path, 'kamailio.cfg'),
    `
children=1
log_stderror=yes
debug=0
disable_tcp=yes
auto_aliases=no
dns=no
pv_buffer_size=65535
rev_dns=no
listen=udp:${HOST}:${port}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "sanity.so"
request_route {
  if ($rU == "silent") exit;
  # All that it can look at: the Via, the URIs, the CSeq, Content-Length, what is required.
  if (!sanity_check("17895", "7")) exit;
  if ($rU == "busy") { sl_send_reply("503", "Busy"); exit; }
  if ($rU == "slow") { sl_send_reply("100", "Trying"); sl_send_reply("200", "OK"); exit; }
  if ($rU == "huge") {
    $var(text) = "0123456789";
    $var(round) = 0;
    while ($var(round) < 12) {
      $var(text) = $var(text) + $var(text);
      $var(round) = $var(round) + 1;
    }
    set_reply_body("$var(text)", "text/plain");
    sl_send_reply("200", "OK");
    exit;
  }
  if ($rU != $null && $rU != "echo") { sl_send_reply("404", "Not here"); exit; }
  if (is_method("OPTIONS")) sl_send_reply("200", "OK");
}
`,
  );
  server = await Server.start({
    package: 'kamailio',
    command: [
      ...(['/usr/sbin/kamailio', '-DD', '-E', '-m', '16', '-M', '4', '-Y', path] as const),
      ...['-w', path, '-f', join(path, 'kamailio.cfg'), '-P', join(path, 'pid')],
    ],
    directory: path,
    port,
    ready: { type: 'sip', timeout: 200 },
  });
});
afterAll(() => server?.[Symbol.asyncDispose]());

const sip = (fields: Partial<SipCheck> = {}) => run(server, { type: 'sip', ...fields });
const PASSED = { result: 'passed', reason: 'SIP status 200' };

test('passes with an OPTIONS that the server finds nothing wrong with', async () => {
  expect(await sip()).toEqual(PASSED);
  expect(await sip({ uri: 'sip:echo@example.com' })).toEqual(PASSED);
  expect(await sip({ uri: 'slow@example.com' })).toEqual(PASSED);
  expect(await sip({ uri: 'huge@example.com' })).toEqual(PASSED);
  expect(await sip({ source: '127.0.0.9' })).toEqual(PASSED);
});

test('fails softly by another status', async () => {
  expect(await sip({ uri: 'nobody@example.com' })).toEqual(failed('soft', 'SIP status 404, wanted 200'));
  expect(await sip({ uri: 'busy@example.com' })).toEqual(failed('soft', 'SIP status 503, wanted 200'));
  expect(await sip({ uri: 'nobody@example.com', status: ['200-299', 404] })).toMatchObject({ result: 'passed' });
});

test('fails hard where there is no answer', async () => {
  expect(await sip({ uri: 'silent@example.com', timeout: 300 })).toEqual(failed('hard', 'no answer within 300 ms'));
});

test('stands still, is gone', () => expectFaultsByUdp(server, { type: 'sip' }));
