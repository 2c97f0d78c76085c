// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how keepalived and ipvsctl write variables.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseStateText } from '../../../src/config/read.js';
import { formatStateFile } from '../../../src/config/write.js';
import { ConfigError } from '../../../src/errors.js';
import {
  guessImportFormat,
  IMPORT_FORMATS,
  type ImportFormat,
  importConfig,
} from '../../../src/formats/import-config.js';
import type { Names } from '../../../src/ipvsadm/names.js';
import { formatRules } from '../../../src/ipvsadm/rules.js';
import type { NormalDesiredService } from '../../../src/model/desired.js';

const GOLDEN = new URL('../../golden/import/', import.meta.url);

const FILES: readonly [file: string, format: ImportFormat][] = [
  ['keepalived.conf', 'keepalived'],
  ['keepalived-checks.conf', 'keepalived'],
  ['keepalived-health.conf', 'keepalived'],
  ['lvs.cf', 'lvs.cf'],
  ['piranha-checks.cf', 'lvs.cf'],
  ['ldirectord.cf', 'ldirectord'],
  ['ldirectord-checks.cf', 'ldirectord'],
  ['ipvsctl.yaml', 'ipvsctl'],
  ['ipvsadm.rules', 'rules'],
];

/** Hosts and ports that have names. */
const names: Names = {
  host: (name) => (name === 'www.example.com' ? '10.0.0.100' : undefined),
  port: (name) => ({ domain: 53, http: 80 })[name],
};

function golden(name: string): string {
  return readFileSync(new URL(name, GOLDEN), 'utf8');
}

/** What is wrong with a text, as `line: path: message`. */
function mistakes(text: string, format: ImportFormat, strict = false): string[] {
  try {
    importConfig(text, { format, names, strict });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.issues.map(({ line, path, message }) => `${line}: ${path}: ${message}`);
  }
  return [];
}

function importState(text: string, format: ImportFormat) {
  return importConfig(text, { format, names }).state;
}

/** What is not taken of a text, as `line: key: why`. */
function notTaken(text: string, format: ImportFormat): string[] {
  return importConfig(text, { format, names }).notTaken.map(({ line, key, why }) => `${line}: ${key}: ${why}`);
}

/** Wanted services in the form of a table. */
function withEntries(services: readonly NormalDesiredService[] = []) {
  return services.map(({ service, destinations }) => ({
    service,
    destinations: destinations.map((destination) => ({ destination })),
  }));
}

/** The first service of a text. */
function first(text: string, format: ImportFormat) {
  return importState(text, format).services?.[0];
}

describe.each(FILES)('%s', (file, format) => {
  const imported = importConfig(golden(file), { format, names, name: file });

  test('gives the state that is kept beside it', async () => {
    await expect(formatStateFile(imported.state)).toMatchFileSnapshot(`../../golden/import/${file}.state.yaml`);
  });

  test('gives a state that can be written and read back', () => {
    expect(parseStateText(formatStateFile(imported.state))).toEqual(imported.state);
  });

  test('names each thing that was not taken, by its line', async () => {
    const lines = golden(file).split('\n');
    for (const { line, key } of imported.notTaken) expect(line, key).toBeLessThanOrEqual(lines.length);
    const text = imported.notTaken.map(({ line, key, why }) => `${line}: ${key}: ${why}\n`).join('');
    await expect(text).toMatchFileSnapshot(`../../golden/import/${file}.not-taken`);
  });

  test('is known by its name, and by its lines', () => {
    expect(guessImportFormat('', `/etc/${file}`)).toBe(format);
    expect(guessImportFormat(golden(file))).toBe(format);
  });
});

/** Lines of the golden files, cut and mixed. */
const pieces = FILES.flatMap(([file]) => golden(file).split(/(?<=\n)|(?=[{}])/)).concat([
  '"',
  '{',
  '}\n',
  '10.0.0.0/1',
  '-',
  '\n',
]);

test.each(IMPORT_FORMATS)('%s: whatever stands in a file, it is taken or refused by line', (format) => {
  const text = fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 8 })), { maxLength: 30 });
  fc.assert(
    fc.property(text, (parts) => {
      const lines = parts.join('').split('\n').length;
      try {
        const { state, notTaken } = importConfig(parts.join(''), { format, names });
        expect(parseStateText(formatStateFile(state))).toEqual(state);
        for (const { line } of notTaken) expect(line >= 1 && line <= lines).toBe(true);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        for (const { line, column } of error.issues) expect(line >= 1 && line <= lines && column >= 1).toBe(true);
      }
    }),
  );
});

test('a file that is none of these is not guessed at', () => {
  expect(guessImportFormat('hello\n', 'notes.txt')).toBeUndefined();
});

test('the name stands in the error', () => {
  expect(() => importConfig('}', { format: 'keepalived', name: '/etc/k.conf', strict: true })).toThrow(
    '/etc/k.conf:1:1: }: no block',
  );
});

test('an empty file has no services', () => {
  for (const format of ['keepalived', 'lvs.cf', 'ldirectord', 'rules'] as const) {
    expect(importState('', format)).toEqual({ services: [] });
  }
});

describe('keepalived.conf', () => {
  const server = (inside: string, head = '10.0.0.100 80') =>
    `virtual_server ${head} {\nprotocol TCP\n${inside}\nreal_server 10.1.0.1 80 {\n}\n}\n`;

  test('defaults: wlc, NAT, weight 1, not persistent', () => {
    expect(first(server(''), 'keepalived')).toEqual({
      service: { protocol: 'tcp', address: '10.0.0.100', port: 80, scheduler: 'wlc' },
      destinations: [{ address: '10.1.0.1', port: 80, forward: 'nat', weight: 1 }],
    });
  });

  test.each([
    ['persistence_timeout', { timeout: 360, netmask: 32 }],
    ['persistence_timeout 50', { timeout: 50, netmask: 32 }],
    ['persistence_granularity 255.255.255.0', { timeout: 360, netmask: 24 }],
  ])('%s', (line, persistence) => {
    expect(first(server(line), 'keepalived')?.service.persistence).toEqual(persistence);
  });

  test('comments, quotes, definitions, and braces wherever they stand', () => {
    const text = [
      '$NET=10.1 ! a definition',
      '$RS=${NET}.0',
      'virtual_server "10.0.0.100" 80 # { not this',
      '{ protocol TCP',
      '  lvs_sched "rr" }',
    ].join('\n');
    const whole = text.replace(' }', '\nreal_server ${RS}.7 80 { weight 4 } }');
    expect(first(whole, 'keepalived')).toMatchObject({
      service: { scheduler: 'rr' },
      destinations: [{ address: '10.1.0.7', weight: 4 }],
    });
  });

  test.each([
    ['include other.conf', '1: include: other files are not read: put its text in this place'],
    ['includer /etc/*.conf', '1: includer: other files'],
    ['@main virtual_server 10.0.0.1 80 {\n}', '1: virtual_server: a condition (@id) is not understood'],
    [server('@^main weight 3'), '3: weight: a condition'],
    ['~SEQ(x, 1, 3) y', '1: ~SEQ(x,: ~SEQ and ~LST'],
    [server('weight $A').replace(/^/, '$A=1 \\\n2\n'), '5: weight: the definition $A is not understood'],
    [server('weight $A').replace(/^/, '@main $A=1\n'), '4: weight: the definition $A is not understood'],
    [server('weight $A').replace(/^/, '$A=$B\n$B=$A\n'), '5: weight: the definition $A names itself'],
    ['virtual_server {\n}', '1: virtual_server: has no value: keepalived itself stops here'],
    ['virtual_server group {\n}', '1: virtual_server: has no value'],
    [server('lb_algo'), '3: lb_algo: has no value: keepalived itself stops here'],
    [server('real_server 10.1.0.2 80 { weight }'), '3: weight: has no value'],
    ['virtual_server_group g { 10.0.0.0/16 80 }', '1: 10.0.0.0/16: is 65536 addresses; at most 4096 are taken'],
  ])('refuses %j', (text, message) => {
    expect(mistakes(text, 'keepalived').join('\n')).toContain(message);
  });

  test('a sorry server that stays in the table is none beside a real server of its address and port', () => {
    const text = server(
      'lvs_method TUN\nsorry_server 10.1.0.9 8080\nsorry_server_inhibit\nreal_server 10.1.0.9 8080 { lvs_method NAT }',
    );
    const { state } = importConfig(text, { format: 'keepalived' });
    const found = state.services?.[0]?.destinations.filter(({ address }) => address === '10.1.0.9') ?? [];
    expect(found.map(({ forward }) => forward)).toEqual(['nat']);
  });

  test('of a virtual server without an address only the braces count: one that stays open takes the rest of the file', () => {
    const good = 'virtual_server 10.0.0.2 80 {\nprotocol TCP\nreal_server 10.1.0.1 80 {\n}\n}\n';
    for (const first of ['10.0.0.1 -1', 'www 80']) {
      const services = (inside: string) =>
        importConfig(`virtual_server ${first} {\n${inside}}\n${good}`, { format: 'keepalived' }).state.services;
      expect(services('real_server 10.1.0.1 80 {\n}\n')).toHaveLength(1);
      expect(services('foo {\n')).toEqual([]);
    }
  });

  test('of a real server without an address only the braces count, too', () => {
    const text = (inside: string) => server(`real_server rs1 80 {\n${inside}}\nreal_server 10.1.0.9 80 {\n}`);
    const addresses = (inside: string) =>
      importConfig(text(inside), { format: 'keepalived' }).state.services?.flatMap(({ destinations }) =>
        destinations.map(({ address }) => address),
      );
    expect(addresses('weight 1\n')).toContain('10.1.0.9');
    expect(addresses('TCP_CHECK {\n')).not.toContain('10.1.0.9');
  });

  /** What keepalived 2.2.7 goes on after, with a line in its log; test/interop/import-differential.test.ts asks it. */
  test.each([
    ['$A = 1', '1: $A: keepalived does not know this word here'],
    ['a "b', '1: a: keepalived does not know this word here'],
    ['virtual_server 10.0.0.1 80 {', '1: virtual_server: the block that begins here is not closed'],
    ['{', '1: {: no block begins here: keepalived ignores the brace'],
    ['}', '1: }: no block is open here'],
    ['virtual_server 10.0.0.1 80\nreal_server 10.1.0.1 80 { } }', '1: virtual_server: has no "{" behind it'],
    [
      'virtual_server group x {\nreal_server 10.1.0.1 80 { }\n}',
      '1: virtual_server group x: there is no virtual_server_group "x": keepalived leaves it out',
    ],
    [
      '$A=10.0.0\nvirtual_server $A.1 80 { real_server 10.1.0.1 80 { } }',
      '2: virtual_server $A.1 80: "$A.1" is not an address: keepalived leaves it out',
    ],
    ['virtual_sever 10.0.0.1 80 { }', '1: virtual_sever: keepalived does not know this word here'],
    [server('nat_mask 255.255.255.0'), '3: nat_mask: keepalived does not know this word here and passes over it'],
    [server('lvs_shed rr'), '3: lvs_shed: keepalived does not know this word'],
    [server('lb_algo RR'), '3: lb_algo: "RR" is none of its schedulers'],
    [server('lvs_method nat'), '3: lvs_method: "nat" is none of NAT, DR, TUN: keepalived ignores it'],
    [server('lvs_method TUN type gue'), '3: lvs_method: a gue tunnel needs a port: keepalived ignores the options'],
    [server('lvs_method TUN type ipip csum'), '3: lvs_method: an ipip tunnel has no checksum'],
    [server('lvs_method TUN type gre remcsum'), '3: lvs_method: a gre tunnel has no remcsum'],
    [server('lvs_method TUN type vxlan'), '3: lvs_method: "vxlan" is none of ipip, gue, gre'],
    [server('lvs_method TUN fast'), '3: lvs_method: "fast" is none of type, port'],
    [server('lvs_method TUN type gue port 0'), '3: lvs_method: port must be a whole number'],
    [server('lvs_method TUN port 5'), '3: lvs_method: only a gue tunnel has a port'],
    [server('protocol ICMP'), '3: protocol: "icmp" is none of TCP, UDP, SCTP'.replace('icmp', 'ICMP')],
    [server('persistence_timeout soon'), '3: persistence_timeout: must be a whole number from'],
    [server('persistence_timeout 0'), '3: persistence_timeout: must be a whole number from 1'],
    [server('persistence_timeout 50;'), '3: persistence_timeout: must be a whole number from 1'],
    [server('persistence_granularity 24'), '3: persistence_granularity: keepalived takes "24" for the mask 0.0.0.24'],
    [server('persistence_granularity wide'), '3: persistence_granularity: "wide" is not a dotted mask'],
    [server('ip_family ipv4'), '3: ip_family: "ipv4" is neither inet nor inet6: keepalived ignores it'],
    [server('ip_family inet6'), '3: ip_family: the virtual server is ipv4: keepalived ignores it'],
    [server('real_server 10.1.0.2 80 { weight -1 }'), '3: weight: must be a whole number from 0'],
    [server('real_server 10.1.0.2 80 { weight 3; }'), '3: weight: keepalived reads "3;" as 3'],
    [server('real_server 10.1.0.2 80 { weight heavy }'), '3: weight: keepalived reads "heavy" as 0'],
    [server('real_server 10.1.0.2 x { }'), '3: real_server 10.1.0.2 x: must be a whole number from 1 to 65535'],
    [server('real_server 10.1.0.2/32 80 { }'), '3: real_server 10.1.0.2/32 80: keepalived reads "10.1.0.2/32" as'],
    [server('real_server 10.1.0.2 80 { lthreshold 5 }'), '3: lthreshold: must not be above upperThreshold'],
    [
      server('real_server 2001:db8::1 80 { }'),
      '3: real_server 2001:db8::1 80: is ipv6, but the virtual server is ipv4',
    ],
    [server('sorry_server_inhibit'), '3: sorry_server_inhibit: no sorry_server stands before it'],
    [server('', 'www 80'), '1: virtual_server www 80: "www" is not an address'],
    [
      `${server('')}${server('')}`,
      '7: virtual_server 10.0.0.100 80: tcp://10.0.0.100:80 is already in line 1; its real',
    ],
    [
      'virtual_server_group g { 10.0.0.1/24 80 }\nvirtual_server group g { real_server 10.1.0.1 80 { } }',
      '1: 10.0.0.1/24: is not an address, a range or a network',
    ],
    ['virtual_server_group g { 10.0.0.9-3 80 }', '1: 10.0.0.9-3: is not an address, a range or a network'],
    ['virtual_server_group g { fwmark 3 ipv4 }', '1: fwmark: "ipv4" is neither inet nor inet6'],
    [
      'virtual_server_group g { 10.0.0.1 80\n2001:db8::1 80\nfwmark 3 }',
      '1: virtual_server_group g: has both families',
    ],
    [
      'virtual_server_group g { 10.0.0.1 80\n}\nvirtual_server_group g { 10.0.0.2 80\n}',
      '3: virtual_server_group g: is',
    ],
    ['global_defs { lvs_timeouts icmp 3 }', '1: lvs_timeouts: "icmp" is none of tcp, tcpfin, udp'],
    ['global_defs { lvs_timeouts tcp }', '1: lvs_timeouts: names no timeout'],
    ['global_defs { lvs_timeout tcp 3 }', '1: lvs_timeout: keepalived does not know this word'],
  ])('goes on after %j as keepalived does, and refuses it when it is strict', (text, message) => {
    expect(notTaken(text, 'keepalived').join('\n')).toContain(message);
    expect(mistakes(text, 'keepalived', true).join('\n')).toContain(message);
  });

  test('an unknown word with a block ends the block around it, as in keepalived', () => {
    const { service } = first(server('real_servr 10.1.0.2 80 {\nweight 5\n}\nlb_algo rr'), 'keepalived') ?? {};
    expect(service).toBeUndefined();
    const text = server('real_server 10.1.0.2 80 { }\nreal_servr 10.1.0.3 80 {\nweight 5\n}\nlb_algo rr');
    expect(first(text, 'keepalived')).toMatchObject({
      service: { scheduler: 'wlc' },
      destinations: [{ address: '10.1.0.2', weight: 5 }],
    });
  });

  test('what has nothing to do with IPVS is not looked at: conditions, sequences, files, definitions', () => {
    const text = 'vrrp_instance V {\n@high priority 5\n~SEQ(x, 1, 3) $x\ninclude a\n$A=1 \\\n2\npath "${B}"\n}\n';
    expect(mistakes(text + server(''), 'keepalived', true)).toEqual([]);
    expect(first(text + server('@high delay_loop 5'), 'keepalived')?.destinations).toHaveLength(1);
  });

  test('a definition is looked up where it is used', () => {
    expect(first('$A=${B}.7\nvirtual_server $A 80 { }\n', 'keepalived')).toBeUndefined();
    const text = `$A=\${B}.7\n$B=10.0.0\n${server('', '$A 80')}`;
    expect(first(text, 'keepalived')?.service).toMatchObject({ address: '10.0.0.7' });
  });

  test.each([
    ['a quorum that is never reached', 'quorum 3\nhysteresis 1\nweight 3\nsorry_server 10.1.0.9 80'],
    ['real servers that take nothing', 'real_server 10.1.0.2 80 { weight 0 }\nsorry_server 10.1.0.9 80'],
  ])('%s: the sorry server serves', (_, inside) => {
    const text = server(inside).replace('real_server 10.1.0.1 80 {', 'real_server 10.1.0.1 80 {\nweight 0');
    expect(first(text, 'keepalived')?.destinations).toMatchObject([{ address: '10.1.0.9', weight: 1 }]);
  });

  test('of two real servers with one address and port the first counts, also for a mark', () => {
    const text = server('real_server 10.1.0.1 80 { lvs_method TUN }', 'fwmark 5');
    expect(first(text, 'keepalived')?.destinations).toMatchObject([{ address: '10.1.0.1', port: 0, forward: 'tun' }]);
  });

  test('an inhibited sorry server stands there with weight 0', () => {
    const text = server('sorry_server 10.1.0.9 80\nsorry_server_inhibit');
    expect(first(text, 'keepalived')?.destinations).toMatchObject([
      { address: '10.1.0.1', weight: 1 },
      { address: '10.1.0.9', weight: 0 },
    ]);
    const checked = importConfig(
      text.replace('real_server 10.1.0.1 80 {', 'real_server 10.1.0.1 80 {\nTCP_CHECK { }'),
      {
        format: 'keepalived',
      },
    );
    expect(checked.state.services?.[0]?.destinations).toMatchObject([
      { weight: 1 },
      { address: '10.1.0.9', weight: 0 },
    ]);
    expect(checked.state.health?.[0]?.sorry).toMatchObject({ address: '10.1.0.9', weight: 1 });
    expect(checked.notTaken.map(({ key }) => key)).not.toContain('sorry_server 10.1.0.9 80');
  });
});

describe('lvs.cf', () => {
  const virtual = (inside: string) =>
    `virtual a {\nactive = 1\naddress = 10.0.0.1 eth0:1\n${inside}\nserver b {\nactive = 1\naddress = 10.1.0.1\n}\n}\n`;

  test('defaults: port 80, wlc, NAT, weight 1', () => {
    expect(first(virtual(''), 'lvs.cf')).toEqual({
      service: { protocol: 'tcp', address: '10.0.0.1', port: 80, scheduler: 'wlc' },
      destinations: [{ address: '10.1.0.1', port: 80, forward: 'nat', weight: 1 }],
    });
  });

  test('one forwarding method holds for all, wherever it stands', () => {
    expect(first(`${virtual('')}network = tunnel\n`, 'lvs.cf')?.destinations).toMatchObject([{ forward: 'tun' }]);
  });

  test('numbers as C reads them', () => {
    expect(first(virtual('persistent = 0x10'), 'lvs.cf')?.service.persistence?.timeout).toBe(16);
    expect(first(virtual('persistent = 010'), 'lvs.cf')?.service.persistence?.timeout).toBe(8);
  });

  test('hosts have names', () => {
    const text = virtual('port = http')
      .replaceAll('10.1.0.1', 'www.example.com')
      .replace('10.0.0.1', 'www.example.com');
    expect(first(text, 'lvs.cf')).toMatchObject({
      service: { address: '10.0.0.100', port: 80 },
      destinations: [{ address: '10.0.0.100' }],
    });
  });

  test('a server has the port that stands before its block', () => {
    const port = (text: string) => first(text, 'lvs.cf')?.destinations[0]?.port;
    expect(port(virtual('port = 8080'))).toBe(8080);
    const behind = virtual('').replace(/\}\n$/, 'port = 8080\n}\n');
    expect(port(behind)).toBe(80);
    expect(notTaken(behind, 'lvs.cf').join('\n')).toContain(
      '5: server b: has port 80: the port of the virtual service (8080) is set only behind this block',
    );
  });

  test('with service = fos no virtual runs', () => {
    const { state, notTaken } = importConfig(`service = fos\n${virtual('')}`, { format: 'lvs.cf' });
    expect(state).toEqual({ services: [] });
    expect(notTaken).toContainEqual({ line: 2, key: 'virtual a', why: 'does not run: service = fos' });
  });

  test.each([
    ['network = dr', '1: network: must be nat, direct or tunnel'],
    ['service = web', '1: service: must be lvs or fos'],
    ['colour = red', '1: colour: there is no such key here'],
    ['serial_no=1', '1: serial_no=1: is none of the forms'],
    [virtual('scheduler = sed'), '4: scheduler: must be one of rr'],
    [virtual('protocol = sctp'), '4: protocol: must be tcp or udp'],
    [virtual('port = gopher'), '4: port: "gopher" is not a port'],
    [virtual('active = yes'), '4: active: must be 0 or 1'],
    ['virtual a {', '1: virtual: the block that begins here is not closed'],
    ['tcp_timeout = long', '1: tcp_timeout: must be a whole number'],
  ])('refuses %j', (text, message) => {
    expect(mistakes(text, 'lvs.cf').join('\n')).toContain(message);
  });
});

describe('ldirectord.cf', () => {
  const virtual = (...lines: string[]) => ['virtual = 10.0.0.1:80', ...lines.map((line) => `\t${line}`)].join('\n');

  test('defaults: wrr, weight 1', () => {
    expect(first(virtual('real = 10.1.0.1:80 gate'), 'ldirectord')).toEqual({
      service: { protocol: 'tcp', address: '10.0.0.1', port: 80, scheduler: 'wrr' },
      destinations: [{ address: '10.1.0.1', port: 80, forward: 'dr', weight: 1 }],
    });
  });

  test('names of hosts and ports', () => {
    expect(first('virtual = www.example.com:http', 'ldirectord')?.service).toMatchObject({
      address: '10.0.0.100',
      port: 80,
    });
  });

  test.each([
    [virtual('real = 10.1.0.1:80 nat'), '2: real: must be address'],
    [virtual('real = nowhere:80 gate'), '2: real: "nowhere" is not an address'],
    [virtual('real = 10.1.0.9->10.1.0.1:80 gate'), '2: real: "10.1.0.9-10.1.0.1": the range ends before'],
    [virtual('real6 = [2001:db8::1]:80 gate'), '2: real6: virtual goes with real'],
    [virtual('fallback6 = [::1]:80'), '2: fallback6: virtual goes with fallback'],
    [virtual('protocol = sctp'), '2: protocol: must be tcp or udp'],
    [virtual('ops = yes '), '2: ops: must be yes or no, and nothing else'],
    [virtual('quiescent = maybe'), '2: quiescent: must be yes or no'],
    [virtual('scheduler = WLC'), '2: scheduler: has no lowercase letters: ldirectord does not start'],
    [virtual('persistent = soon'), '2: persistent: has no number'],
    [virtual('netmask = 255.255.255.0 # wide'), '2: netmask: must be a dotted mask'],
    [virtual('checktype = always'), '2: checktype: must be a number, or one of'],
    [virtual('fallback = 127.0.0.1:80 nat'), '2: fallback: must be address[:port]'],
    [virtual('real = 10.1.0.1:80 gate heavy'), '2: real: must not end in " heavy"'],
    [virtual('colour = red'), '2: colour: there is no such key here'],
    [' checktimeout = 3', '1: checktimeout: is indented, but no virtual service is open here'],
    ['checktimeout', '1: checktimeout: is not of the form key = value'],
    [
      'virtual6 = [2001:db8::1]:80\n\treal6 = [2001:db8::2]->[2001:db8::3]:80 gate',
      '2: real6: ldirectord knows no ranges',
    ],
    ['virtual = [2001:db8::1]:80', '1: virtual [2001:db8::1]:80: "[2001:db8::1]:80" is neither'],
    ['virtual = 10.0.0.1:80\n\n\treal = 10.1.0.1:80 gate', '3: real: is indented, but no virtual service is open'],
    [`${virtual()}\n${virtual()}`, '2: virtual 10.0.0.1:80: is already in line 1: ldirectord does not start'],
  ])('refuses %j', (text, message) => {
    expect(mistakes(text, 'ldirectord').join('\n')).toContain(message);
  });

  /** What ldirectord 4.12 goes on after; test/interop/import-differential.test.ts asks it. */
  test.each([
    ['virtual = 10.0.0.1', '1: virtual 10.0.0.1: ldirectord reads "10.0.0.1" as the mark 10'],
    ['virtual = 10.0.0.1:80/tcp', '1: virtual 10.0.0.1:80/tcp: ldirectord reads "10.0.0.1:80/tcp" as 10.0.0.1:80'],
    ['virtual = 10.1:80', '1: virtual 10.1:80: ldirectord reads "10.1" as 10.0.0.1'],
    [virtual('scheduler = lc //comment'), '2: scheduler: ldirectord reads "lc //comment" as lc'],
    [virtual('persistent = 600s'), '2: persistent: ldirectord reads "600s" as 600'],
    [virtual('persistent = 0'), '1: virtual 10.0.0.1:80: ipvsadm refuses it, and ldirectord goes on without it'],
    [virtual('schedflags = fast'), '1: virtual 10.0.0.1:80: ipvsadm refuses it'],
    [virtual('schedflags = flag-1, flag-2'), '2: schedflags: ldirectord reads "flag-1, flag-2" as flag-1,'],
    [virtual('protocol = tcp udp'), '2: protocol: ldirectord reads "tcp udp" as tcp'],
    [
      virtual('real = 10.1.0.1:80 gate -w 5'),
      '2: real: ldirectord reads "10.1.0.1:80 gate -w 5" as 10.1.0.1:80 gate 5',
    ],
    [virtual('real = 10.1.0.1:80 gate 1 l:5'), '2: real 10.1.0.1:80 gate 1 l:5: lowerThreshold: must not be above'],
    [virtual('real = 10.1.0.1:80 gate 99999999999'), '2: real 10.1.0.1:80 gate 99999999999: ipvsadm refuses it'],
    [
      virtual('fallback = on 127.0.0.1:80 gate'),
      '2: fallback: ldirectord reads "on 127.0.0.1:80 gate" as 127.0.0.1:80',
    ],
  ])('goes on after %j as ldirectord does, and refuses it when it is strict', (text, message) => {
    expect(notTaken(text, 'ldirectord').join('\n')).toContain(message);
    expect(mistakes(text, 'ldirectord', true).join('\n')).toContain(message);
  });

  test.each([
    ['ops of tcp', virtual('ops = yes'), '2: ops: counts only for udp'],
    ['ops of a mark', 'virtual = 5\n\tops = yes', '2: ops: counts only for udp'],
    ['a scheduler of nobody', virtual('scheduler = best'), '2: scheduler: Linux has no scheduler "best" of its own'],
  ])('says of %s that it is not as it is written', (_, text, message) => {
    expect(notTaken(text, 'ldirectord').join('\n')).toContain(message);
    expect(first(text, 'ldirectord')?.service.onePacket).toBeUndefined();
  });

  test('a comment behind a virtual is one, a no-break space in a value is not a blank', () => {
    expect(notTaken('virtual = 10.0.0.1:80   # the web\n', 'ldirectord')).toEqual([]);
    expect(notTaken('virtual = 7 # a mark\n', 'ldirectord')).toEqual([]);
    expect(mistakes(virtual('real = 10.1.0.1:80\u00a0gate'), 'ldirectord')).toHaveLength(1);
  });

  test('a comment may have any character, and lines may end in CR LF', () => {
    const text = '# a\u2028(b\r\nvirtual = 10.0.0.1:80\r\n\treal = 10.1.0.1:80 gate 2 # \u2028\r\n';
    expect(first(text, 'ldirectord')?.destinations).toMatchObject([{ address: '10.1.0.1', weight: 2 }]);
  });

  test('the global fallback is only for addresses', () => {
    const text = 'fallback = 10.1.0.9:81 masq\nvirtual = 25\nvirtual = 10.0.0.1:80\n';
    const [mark, address] = importState(text, 'ldirectord').services ?? [];
    expect(mark?.destinations).toEqual([]);
    expect(address?.destinations).toMatchObject([{ address: '10.1.0.9', port: 81 }]);
  });

  test('checktype = off: no real server comes up', () => {
    const lines = ['real = 10.1.0.1:80 gate', 'checktype = off', 'fallback = 10.1.0.9:80'];
    expect(first(virtual(...lines), 'ldirectord')?.destinations).toMatchObject([{ address: '10.1.0.9' }]);
    expect(first(virtual(...lines, 'quiescent = yes'), 'ldirectord')?.destinations).toMatchObject([
      { address: '10.1.0.1', weight: 0 },
      { address: '10.1.0.9', weight: 1 },
    ]);
  });

  test('of a real server that stands twice the last counts, or the first where the port is not its own', () => {
    const twice = (port: number) => virtual(`real = 10.1.0.1:${port} gate 1`, `real = 10.1.0.1:${port} gate 2`);
    expect(first(twice(80), 'ldirectord')?.destinations).toMatchObject([{ weight: 2 }]);
    expect(first(twice(81), 'ldirectord')?.destinations).toMatchObject([{ weight: 1 }]);
  });

  test('with quiescent = yes a server with another port than the service stays at weight 0', () => {
    const lines = [
      'quiescent = yes',
      'real = 10.1.0.1:80 gate 3',
      'real = 10.1.0.2:81 gate 3',
      'real = 10.1.0.3:81 masq 3',
    ];
    expect(first(virtual(...lines), 'ldirectord')?.destinations.map(({ weight }) => weight)).toEqual([3, 0, 3]);
  });

  test('thresholds behind a request are lost, if it begins with a slash', () => {
    const text = (request: string) => virtual(`real = 10.1.0.1:80 gate 1 "${request}", "ok" u:9`);
    expect(first(text('/x'), 'ldirectord')?.destinations[0]?.upperThreshold).toBeUndefined();
    expect(notTaken(text('/x'), 'ldirectord').join()).toContain(
      '2: real: ldirectord loses what stands behind a request: " u:9"',
    );
    expect(first(text('x'), 'ldirectord')?.destinations[0]?.upperThreshold).toBe(9);
  });

  test('a fallback that is a real server, too, is taken away', () => {
    const lines = ['real = 10.1.0.1:80 gate', 'real = 10.1.0.2:80 gate', 'fallback = 10.1.0.2:80'];
    expect(first(virtual(...lines), 'ldirectord')?.destinations).toMatchObject([{ address: '10.1.0.1' }]);
  });
});

describe('ipvsctl', () => {
  test('defaults: rr, direct, weight 0, and says so', () => {
    const text = 'services:\n- address: tcp://10.0.0.1:80\n  destinations:\n  - address: 10.1.0.1\n';
    expect(first(text, 'ipvsctl')).toEqual({
      service: { protocol: 'tcp', address: '10.0.0.1', port: 80, scheduler: 'rr' },
      destinations: [{ address: '10.1.0.1', port: 80, forward: 'dr', weight: 0 }],
    });
    expect(importConfig(text, { format: 'ipvsctl' }).notTaken).toMatchObject([{ line: 4 }]);
  });

  test.each([
    ['services: {}', '1: services: must be a list'],
    ['services: [', '1: : '],
    ['services:\n- address: 10.0.0.1:80', '2: services[0].address: must be tcp://'],
    ['services:\n- address: tcp://${env.VIP}:80', '2: services[0].address: the parameter'],
    [
      'services:\n- address: tcp://10.0.0.1:80\n  destinations: [{address: 10.1.0.1, forward: dr}]',
      '3: services[0].destinations[0].forward: must be direct, tunnel or nat',
    ],
  ])('refuses %j', (text, message) => {
    expect(mistakes(text, 'ipvsctl').join('\n')).toContain(message);
  });
});

test('ipvsctl passes over keys that it does not know', () => {
  const text = 'services:\n- address: tcp://10.0.0.1:80\n  scheduler: wrr';
  expect(first(text, 'ipvsctl')?.service.scheduler).toBe('rr');
  const problem = '3: services[0].scheduler: ipvsctl does not know this key; there are address, sched, destinations';
  expect(notTaken(text, 'ipvsctl')).toEqual([problem]);
  expect(mistakes(text, 'ipvsctl', true)).toEqual([problem]);
});

describe('rules', () => {
  test.each([
    ['-A -t 10.0.0.1:80 -q', '1: -A -t 10.0.0.1:80 -q: '],
    ['-A -t 10.0.0.1:80\n-A -t 10.0.0.1:80', '2: -A -t 10.0.0.1:80: tcp://10.0.0.1:80 is there already'],
    ['-E -t 10.0.0.1:80', '1: -E -t 10.0.0.1:80: there is no tcp://10.0.0.1:80 before this line'],
    ['-a -t 10.0.0.1:80 -r 10.1.0.1', '1: -a -t 10.0.0.1:80 -r 10.1.0.1: there is no tcp://10.0.0.1:80'],
    [
      '-A -t 10.0.0.1:80\n-d -t 10.0.0.1:80 -r 10.1.0.1',
      '2: -d -t 10.0.0.1:80 -r 10.1.0.1: there is no such destination',
    ],
  ])('refuses %j', (text, message) => {
    expect(mistakes(text, 'rules').join('\n')).toContain(message);
  });

  const odd = [
    '-A -t 10.0.0.1:80 -s wlc -p 0',
    '-A -t 10.0.0.1:81 -s wlc -o',
    '-A -t 10.0.0.1:82 -s sh -b ',
    '-a -t 10.0.0.1:82 -r 10.1.0.1:82 -g -w 1 -x 4294967295 -y 2147483648',
  ].join('\n');

  test('what a file cannot say of a saved table is named by its line, and the nearest is taken', () => {
    expect(notTaken(odd, 'rules')).toEqual([
      '1: -A -t 10.0.0.1:80 -s wlc -p 0: a persistence timeout of 0 s cannot be written: 1 s is taken',
      '2: -A -t 10.0.0.1:81 -s wlc -o: one-packet scheduling has no effect on tcp, and is left out',
    ]);
    const state = importState(odd, 'rules');
    expect(parseStateText(formatStateFile(state))).toEqual(state);
    expect(state.services).toMatchObject([
      { service: { port: 80, persistence: { timeout: 1, netmask: 32 } } },
      { service: { port: 81 } },
      {
        service: { port: 82, schedulerFlags: ['flag-3'] },
        destinations: [{ upperThreshold: 4294967295, lowerThreshold: 2147483648 }],
      },
    ]);
    expect(state.services?.[1]?.service).not.toHaveProperty('onePacket');
  });

  test('where that is asked for, it stays as it is', () => {
    const { state, notTaken: left } = importConfig(odd, { format: 'rules', exact: true });
    expect(left).toEqual([]);
    expect(formatRules({ services: withEntries(state.services) }, { thresholds: true })).toBe(`${odd}\n`);
  });

  test('a flush empties the table, a daemon that was stopped is not wanted', () => {
    const text = '-A -t 10.0.0.1:80\n-C\n--start-daemon backup --mcast-interface eth0\n--stop-daemon backup\n';
    expect(importState(text, 'rules')).toEqual({ services: [], daemons: [] });
  });
});
