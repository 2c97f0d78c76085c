/**
 * Random keepalived.conf and ldirectord.cf: what their grammars allow, with the mistakes that people make.
 * @module
 */
import fc from 'fast-check';

type Text = fc.Arbitrary<string>;

const one = (...texts: string[]): Text => fc.constantFrom(...texts);
const maybe = (text: Text, weight = 1): Text =>
  fc.oneof({ weight: 2, arbitrary: fc.constant('') }, { weight, arbitrary: text });
/** Mostly what is right. */
const mostly = (right: Text, wrong: Text, weight = 12): Text =>
  fc.oneof({ weight, arbitrary: right }, { weight: 1, arbitrary: wrong });
const words = (...parts: Text[]): Text => fc.tuple(...parts).map((texts) => texts.filter(Boolean).join(' '));
const lines = (text: Text, maxLength: number, minLength = 0): Text =>
  fc.array(text, { minLength, maxLength }).map((all) => all.join(''));
const together = (...parts: Text[]): Text => fc.tuple(...parts).map((texts) => texts.join(''));
const line = (indent: string, text: Text): Text => text.map((words) => (words === '' ? '' : `${indent}${words}\n`));

const number = mostly(
  one('0', '1', '2', '3', '5', '50', '100', '65535'),
  one('5;', '-1', 'x', '0x10', '5abc', '99999999999', '+4', '1.5', '007', '"3"', '70000'),
  10,
);
const port = mostly(one('80', '80', '443', '53', '8080'), one('0', '80;', 'http', '65536', '-1', ''));

/** keepalived.conf. */
const address4 = mostly(
  one('192.0.2.1', '192.0.2.2', '192.0.2.3'),
  one('192.0.2.1/32', '192.0.2.300', '192.0.2', 'www', '192.0.2.1;', '192.0.2.1-3', '010.0.0.1'),
  16,
);
const address6 = mostly(one('2001:db8::1', '2001:db8::2'), one('2001:db8::g', '[2001:db8::1]', '2001:db8::1/128'), 16);
const real4 = mostly(
  one('198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4'),
  one('198.51.100.1/24', 'rs1'),
);
const real6 = one('2001:db8:1::1', '2001:db8:1::2', '2001:db8:1::3');

const scheduler = mostly(
  one('rr', 'wrr', 'lc', 'wlc', 'sh', 'mh', 'sed', 'nq', 'dh', 'lblc', 'lblcr', 'fo', 'ovf'),
  one('RR', 'roundrobin', 'wlc;', 'loadbalance', 'rr,', 'none'),
  8,
);
const method = mostly(
  one('NAT', 'DR', 'TUN', 'TUN type gue port 6080', 'TUN type gre csum', 'TUN type ipip nocsum'),
  one('nat', 'DR;', 'TUN type gue', 'TUN csum', 'TUN type vxlan', 'NAT type gre', 'FNAT', 'TUN type gre remcsum'),
  6,
);

const serverLine: Text = fc.oneof(
  { weight: 6, arbitrary: words(one('weight'), number) },
  { weight: 2, arbitrary: words(one('lvs_method'), method) },
  { weight: 1, arbitrary: words(one('uthreshold', 'lthreshold'), number) },
  { weight: 1, arbitrary: one('inhibit_on_failure', 'inhibit_on_failure no', 'weigth 3', 'lb_kind DR', 'retry 3') },
);

function server(address: Text): Text {
  const open = one(' {\n', '\n {\n', '{\n', ' { # one\n', '\n');
  return together(
    words(one('  real_server'), address, port),
    mostly(
      open.filter((text) => text.includes('{')),
      open,
      30,
    ),
    lines(line('    ', serverLine), 3),
    mostly(one('  }\n', '}'), one('', '} }\n'), 60),
    one('\n'),
  );
}

function virtualLine(mask: Text): Text {
  return fc.oneof(
    { weight: 5, arbitrary: words(one('lb_algo', 'lvs_sched'), scheduler) },
    { weight: 4, arbitrary: words(one('lb_kind', 'lvs_method'), method) },
    { weight: 2, arbitrary: words(one('persistence_timeout'), number) },
    { weight: 1, arbitrary: one('persistence_timeout', 'ops', 'hashed', 'alpha', 'omega', 'inhibit_on_failure') },
    { weight: 2, arbitrary: words(one('persistence_granularity'), mask) },
    { weight: 2, arbitrary: one('sh-port', 'sh-fallback', 'mh-port', 'mh-fallback', 'flag-1', 'flag-2', 'flag-3') },
    { weight: 1, arbitrary: words(one('weight', 'quorum', 'hysteresis'), number) },
    { weight: 1, arbitrary: one('ip_family inet', 'ip_family inet6', 'ip_family ipv4', 'persistence_engine sip') },
    {
      weight: 2,
      arbitrary: one('nat_mask 255.255.255.0', 'delay_lop 6', 'delay_loop 6', 'lb_alg rr', '; rr', 'foo {'),
    },
  );
}

const protocol = line(
  '  ',
  mostly(words(one('protocol'), one('TCP', 'TCP', 'UDP', 'SCTP', 'tcp')), one('', 'protocol ICMP')),
);
const mask4 = one(
  '255.255.255.0',
  '255.255.0.0',
  '24',
  '255.255.255.255',
  '255.0.255.0',
  '255.255',
  '/24',
  'mask',
  '0.0.0.0',
);
const mask6 = one('64', '128', '129', '255.255.255.0', '0', '64;');

function virtual(target: Text, real: Text, mask: Text): Text {
  const sorry = line('  ', words(one('sorry_server'), real, port));
  return together(
    words(one('virtual_server'), target, one('{\n')),
    protocol,
    lines(line('  ', virtualLine(mask)), 6),
    maybe(sorry),
    maybe(one('  sorry_server_inhibit\n', '  sorry_server_lvs_method DR\n')),
    lines(
      fc.oneof({ weight: 8, arbitrary: server(real) }, { weight: 1, arbitrary: line('  ', virtualLine(mask)) }),
      4,
      1,
    ),
    mostly(one('}\n'), one('', '}\n}\n'), 80),
  );
}

const groupLine: Text = fc.oneof(
  { weight: 4, arbitrary: words(address4, port) },
  {
    weight: 2,
    arbitrary: words(one('192.0.2.10-12', '192.0.2.20-192.0.2.22', '192.0.2.32/30', '192.0.2.33/30'), port),
  },
  { weight: 1, arbitrary: words(one('192.0.2.9-5', '192.0.2.9-9', '192.0.2.9-300', '2001:db8::a-c'), port) },
  { weight: 2, arbitrary: one('fwmark 7', 'fwmark 8 inet', 'fwmark 9x', 'fwmark 9 inet4') },
);
const group = together(
  one('virtual_server_group g {\n'),
  lines(line('  ', mostly(groupLine, one('# 192.0.2.99 80', '192.0.2.8 80 # x'))), 4),
  one('}\n'),
);

const mixed = mostly(real4, real6, 8);
const keepalivedBlock: Text = fc.oneof(
  { weight: 6, arbitrary: virtual(words(address4, port), mixed, mask4) },
  { weight: 2, arbitrary: virtual(words(address6, port), mostly(real6, real4, 8), mask6) },
  { weight: 2, arbitrary: virtual(one('fwmark 5', 'fwmark 6', 'fwmark 7;'), mixed, fc.oneof(mask4, mask6)) },
  { weight: 2, arbitrary: together(group, virtual(one('group g', 'group "g"', 'group h'), mixed, mask4)) },
  {
    weight: 1,
    arbitrary: one('$P=80\n', '! a { comment\n', 'vrrp_instance V {\n  @a priority 5\n}\n', 'nonsense 5\n'),
  },
  { weight: 1, arbitrary: one('global_defs {\n  router_id x\n  lvs_timeouts tcp 900 upd 3\n}\n', '\r\n', '\u2028\n') },
);

/** What happens to a file on its way: by hand, by editors. */
const slip: fc.Arbitrary<(text: string) => string> = fc.oneof(
  { weight: 10, arbitrary: fc.constant((text: string) => text) },
  { weight: 1, arbitrary: fc.constant((text: string) => text.replaceAll('\n', '\r\n')) },
  { weight: 1, arbitrary: fc.constant((text: string) => text.replace('\n', ' # a\u2028b {\n')) },
  { weight: 1, arbitrary: fc.constant((text: string) => text.replace(/ (?=\w)/, '\u00a0')) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(1000), one('delete', 'repeat', 'comment', 'semicolon', 'swap', 'quote')).map(slipOfLine),
  },
);

function slipOfLine([where, kind]: [number, string]): (text: string) => string {
  return (text) => {
    const all = text.split('\n');
    const index = where % Math.max(all.length - 1, 1);
    const one = all[index] ?? '';
    const next = all[index + 1] ?? '';
    const changed = {
      delete: [next],
      repeat: [one, one, next],
      comment: [`#${one}`, next],
      semicolon: [`${one};`, next],
      swap: [next, one],
      quote: [one.replace(/(\S+)\s*$/, '"$1"'), next],
    }[kind] ?? [one, next];
    return [...all.slice(0, index), ...changed, ...all.slice(index + 2)].join('\n');
  };
}

const slipped = (text: Text): Text => fc.tuple(text, slip).map(([whole, change]) => change(whole));

/** A keepalived.conf. */
export const keepalivedFile: Text = slipped(lines(keepalivedBlock, 3, 1));

/** ldirectord.cf. */
const ldServer = mostly(
  one('198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.1->198.51.100.3'),
  one('198.51.100', '198.51.100.1->198.51.100.0', '10.300.0.1'),
  20,
);
const ldPort = mostly(one(':80', ':80', ':443', ':8080', ':http', ''), one(':99999', ';80', ':nope', ' :80'), 20);
/** Of servers that differ in thresholds alone ldirectord takes those of the first, in all virtual services: here none do. */
const flags = mostly(
  words(
    one('gate', 'masq', 'ipip', 'gate', 'masq'),
    fc.oneof(
      { weight: 3, arbitrary: words(maybe(number), maybe(one('"/x", "ok"', '"x","ok"'))) },
      { weight: 1, arbitrary: one('7 l:5 u:9', '8 u:7', '9 l:3', '11 "/x", "ok" u:7', '12 "x", "ok" u:7') },
    ),
  ),
  one('gate -w 5', 'nat', 'gate heavy', 'gate,1', 'masq 2 x l:5', 'gate weight=3', 'Gate', 'gate 1 "a""b"'),
  8,
);
const real = (name: string, address: Text) =>
  together(
    one(`\t${name} = `, `    ${name}=`, `\t${name}=`),
    address,
    ldPort,
    one(' ', '  ', '\t'),
    flags,
    one('\n', '\n', ' # one\n'),
  );

function ldLine(mask: Text, fallback: Text): Text {
  return fc.oneof(
    {
      weight: 4,
      arbitrary: words(
        one('scheduler ='),
        mostly(one('rr', 'wrr', 'lc', 'wlc', 'sh', 'mh'), one('wlc;', 'lc //x', 'WLC', '"rr"'), 6),
      ),
    },
    {
      weight: 2,
      arbitrary: words(one('persistent ='), mostly(one('600', '60'), one('600s', '0', 'x', '99999999', '"5"'), 4)),
    },
    { weight: 2, arbitrary: words(one('netmask ='), mask) },
    {
      weight: 2,
      arbitrary: words(one('protocol ='), mostly(one('tcp', 'udp', 'fwm'), one('TCP', 'tcp udp', 'sctp'), 8)),
    },
    { weight: 1, arbitrary: words(one('ops ='), mostly(one('yes', 'no'), one('Yes', 'yes '), 8)) },
    {
      weight: 1,
      arbitrary: words(one('schedflags ='), one('sh-port', 'sh-fallback,sh-port', 'flag-1', 'flag-1, flag-2', 'fast')),
    },
    { weight: 1, arbitrary: words(one('quiescent ='), mostly(one('no'), one('no ', 'maybe'), 8)) },
    { weight: 1, arbitrary: fallback },
    {
      weight: 1,
      arbitrary: one('# comment', 'service = http', 'request = "/x"', 'sheduler = rr', 'checktype = off', ''),
    },
  );
}

function ldVirtual(head: Text, servers: Text, mask: Text, fallback: Text): Text {
  const inner = fc.oneof(
    { weight: 3, arbitrary: servers },
    { weight: 4, arbitrary: line('\t', ldLine(mask, fallback)) },
  );
  return together(head, one('\n', '\n', ' # x\n', '  \n'), lines(inner, 6), one('', '\n'));
}

const ldMask4 = mostly(one('255.255.255.0', '255.255.0.0'), one('24', '255.255.255.0 # x', '300.1.1.1'), 4);
const ldFallback = words(
  one('fallback ='),
  mostly(one('203.0.113.9:80', '203.0.113.9', '198.51.100.1:80'), one('x y', '203.0.113.9:')),
  maybe(one('gate', 'masq')),
);
const ldirectordBlock: Text = fc.oneof(
  {
    weight: 6,
    arbitrary: ldVirtual(
      words(
        one('virtual =', 'virtual='),
        mostly(
          one('192.0.2.1:80', '192.0.2.2:443', '192.0.2.1:53', '192.0.2.3:http'),
          one('192.0.2.4', '192.0.2.1:80/tcp', '192.0.2:80', '192.0.2.1:nope'),
          10,
        ),
      ),
      real('real', ldServer),
      ldMask4,
      ldFallback,
    ),
  },
  {
    weight: 2,
    arbitrary: ldVirtual(one('virtual = 5', 'virtual=6', 'virtual = 7 8'), real('real', ldServer), ldMask4, ldFallback),
  },
  {
    weight: 2,
    arbitrary: ldVirtual(
      one('virtual6 = [2001:db8::1]:80', 'virtual6=5', 'virtual6 = [2001:db8::2]:http'),
      real('real6', one('[2001:db8:1::1]', '[2001:db8:1::2]', '[2001:db8:1::g]')),
      one('64', '128', '129', '64 '),
      one('fallback6 = [2001:db8::9]:80', 'fallback6=[2001:db8::9]', 'fallback = 203.0.113.9'),
    ),
  },
  {
    weight: 2,
    arbitrary: one(
      'checktimeout = 3\n',
      'quiescent = no\n',
      'fallback = 203.0.113.9:80 masq\n',
      'fallback6 = [::1]\n',
      'fallback=203.0.113.8\n',
      'autoreload = yes\n',
      '# x\n',
      '\n',
      ' quiescent = no\n',
    ),
  },
);

/** An ldirectord.cf. */
export const ldirectordFile: Text = slipped(lines(ldirectordBlock, 4, 1));
