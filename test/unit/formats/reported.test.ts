/** Files of public bug reports, written anew, as the programs that they are for take them. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type ImportFormat, importConfig } from '../../../src/formats/import-config.js';
import type { Names } from '../../../src/ipvsadm/names.js';
import { formatRules, parseRules } from '../../../src/ipvsadm/rules.js';

const REPORTED = new URL('../../golden/import/reported/', import.meta.url);

const WEB = '-t 192.0.2.1:80';
const SERVER = '-r 198.51.100.1:80';
const DR = [`-A ${WEB} -s rr`, `-a ${WEB} ${SERVER} -g -w 1`];
const DR_5 = [`-A ${WEB} -s rr`, `-a ${WEB} ${SERVER} -g -w 5`];
const WLC = [`-A ${WEB} -s wlc`, `-a ${WEB} ${SERVER} -g -w 1`];
const NAT = [`-A ${WEB} -s rr`, `-a ${WEB} ${SERVER} -m -w 1`];

const CASES: Readonly<Record<string, readonly string[]>> = {
  '02-host-name.rules': ['-A -t 127.0.0.1:80 -s rr'],
  '02-port-names.rules': [`-A ${WEB} -s rr`, `-a ${WEB} -r 198.51.100.1:8080 -m -w 1`],
  '02-octal-short.rules': ['-A -t 8.0.0.1:80 -s rr', '-A -t 10.0.0.2:80 -s rr'],
  '03-crlf-behind-brace.keepalived.conf': DR_5,
  '03-crlf-comment.keepalived.conf': DR_5,
  '03-crlf-group.keepalived.conf': DR,
  '03-u2028-comment.keepalived.conf': DR,
  '04-condition-in-vrrp.keepalived.conf': DR,
  '04-nat_mask.keepalived.conf': NAT,
  '04-persistence-0.keepalived.conf': DR,
  '04-unknown-word.keepalived.conf': DR,
  '05-capitals.keepalived.conf': WLC,
  '05-unknown-scheduler.keepalived.conf': WLC,
  '06-granularity-24.keepalived.conf': [`-A ${WEB} -s rr -p 360 -M 0.0.0.24`, `-a ${WEB} ${SERVER} -g -w 1`],
  '07-uthreshold.keepalived.conf': [`-A ${WEB} -s rr`, `-a ${WEB} ${SERVER} -g -w 1 -x 4294967295`],
  '08-comment-behind-virtual.ldirectord.cf': [...DR, '-A -f 7 -s wrr', '-a -f 7 -r 198.51.100.1:0 -g -w 1'],
  '09-ops-of-a-mark.ldirectord.cf': ['-A -f 22 -s rr', '-a -f 22 -r 198.51.100.1:0 -m -w 1'],
  '09-ops-of-tcp.ldirectord.cf': NAT,
  '10-global-fallback-of-a-mark.ldirectord.cf': ['-A -f 25 -s rr'],
  '10-global-fallback6-of-a-mark.ldirectord.cf': ['-A -f 29 -6 -s rr'],
  '11-gate-w.ldirectord.cf': [`-A ${WEB} -s wrr`, `-a ${WEB} ${SERVER} -g -w 5`],
  '11-schedflags-blank.ldirectord.cf': [`-A ${WEB} -s sh -b sh-port`, `-a ${WEB} ${SERVER} -g -w 1`],
  '11-scheduler-semicolon.ldirectord.cf': WLC,
  '11-words-behind.ldirectord.cf': [`-A ${WEB} -s lc -p 600`, `-a ${WEB} ${SERVER} -g -w 1`],
  '12-host-names.lvs.cf': ['-A -t 127.0.0.1:80 -s wlc', '-a -t 127.0.0.1:80 -r 127.0.0.1:80 -g -w 1'],
  '13-port-behind-server.lvs.cf': ['-A -t 192.0.2.1:8080 -s wlc', '-a -t 192.0.2.1:8080 -r 198.51.100.1:80 -m -w 1'],
  '15-nbsp.keepalived.conf': NAT,
};

/** As the system's are. */
const names: Names = {
  host: (name) => ({ localhost: '127.0.0.1' })[name],
  port: (name) => ({ http: 80 })[name],
  looseAddress: true,
};

const read = (name: string) => readFileSync(new URL(name, REPORTED), 'utf8');

function formatOf(name: string): ImportFormat {
  if (name.endsWith('.lvs.cf')) return 'lvs.cf';
  if (name.endsWith('.ldirectord.cf')) return 'ldirectord';
  return name.endsWith('.rules') ? 'rules' : 'keepalived';
}

test('each has a value', () => {
  expect(readdirSync(REPORTED).toSorted()).toEqual(Object.keys(CASES).toSorted());
});

describe.each(Object.entries(CASES))('%s', (name, lines) => {
  test('comes to what its program makes of it', () => {
    const { state } = importConfig(read(name), { format: formatOf(name), names });
    const services = (state.services ?? []).map(({ service, destinations }) => ({
      service,
      destinations: destinations.map((destination) => ({ destination })),
    }));
    expect(formatRules({ services }, { thresholds: true }).trimEnd().split('\n')).toEqual(lines);
  });

  test('is saved as lines that are read again', () => {
    expect(parseRules(lines.join('\n'))).toHaveLength(lines.length);
  });
});
