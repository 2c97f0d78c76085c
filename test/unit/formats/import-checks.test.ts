/** What imports make of checks, beyond the golden files: levels of keywords, defaults, and what is told. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/errors.js';
import { quotedWords } from '../../../src/formats/import/keepalived-words.js';
import { patternOf, posixPatternOf } from '../../../src/formats/import/regex.js';
import { type ImportFormat, importConfig } from '../../../src/formats/import-config.js';

function read(text: string, format: ImportFormat, strict = false) {
  const { state, notTaken } = importConfig(text, { format, strict });
  const [health] = state.health ?? [];
  return {
    state,
    health,
    check: health?.checks[0],
    told: notTaken.map(({ line, key, why }) => `${line}: ${key}: ${why}`),
  };
}

/** One virtual server with one real server. */
function keepalived(checker: string, real = '', virtual = '', port = ' 80') {
  return `virtual_server 192.0.2.1 80 {\nprotocol TCP\n${virtual}\nreal_server 198.51.100.1${port} {\n${real}\n${checker}\n}\n}\n`;
}

describe('keepalived', () => {
  test('the nearest level says when, then the checker itself', () => {
    const text = (own: string, real: string, virtual: string) =>
      read(keepalived(`TCP_CHECK {\n${own}\n}`, real, virtual), 'keepalived').check;
    expect(text('', '', '')).toMatchObject({ interval: 60_000, timeout: 5000, fall: 2, rise: 1, recheck: 1000 });
    expect(text('', '', 'delay_loop 4\nretry 2')).toMatchObject({ interval: 4000, fall: 3 });
    expect(text('', 'retry 5\ndelay_loop 3', 'delay_loop 4\nretry 2')).toMatchObject({ interval: 3000, fall: 6 });
    expect(text('retry 0\nconnect_timeout 0.25', 'retry 5', '')).toMatchObject({ fall: 1, timeout: 250 });
  });

  test('defaults differ by the checker', () => {
    const of = (checker: string) => read(keepalived(checker), 'keepalived').check;
    expect(of('DNS_CHECK { }')).toMatchObject({ type: 'dns', name: '.', recordType: 'SOA', fall: 4, recheck: 60_000 });
    expect(of('HTTP_GET {\nurl {\npath /\n}\n}')).toMatchObject({
      type: 'http',
      fall: 2,
      recheck: 3000,
      status: ['200-299'],
    });
    expect(of('MISC_CHECK {\nmisc_path /bin/x\n}')).toMatchObject({ command: ['/bin/x'], fall: 1, timeout: 60_000 });
    expect(of('SMTP_CHECK { }')).toMatchObject({ helo: 'smtpchecker.keepalived.org' });
  });

  test.each([
    [`misc_path "/bin/x 'a b' c"`, ['/bin/x', 'a b', 'c']],
    [`misc_path '/bin/x "a b"'`, ['/bin/x', 'a b']],
    ['misc_path "/bin/x 100%"', ['/bin/x', '100%%']],
    ['misc_path /bin/x', ['/bin/x']],
  ])('%s', (line, command) => {
    expect(read(keepalived(`MISC_CHECK {\n${line}\n}`), 'keepalived').check).toMatchObject({ command });
  });

  test.each([
    ['TCP_CHECK {\nconnect_timeout x\n}', '7: connect_timeout: must be seconds'],
    ['TCP_CHECK {\nconnect_ip nowhere\n}', '7: connect_ip: "nowhere" is not an address'],
    ['TCP_CHECK {\nbindto 2001:db8::1\nconnect_ip 192.0.2.1\n}', '8: connect_ip: is not of the family of 2001:db8::1'],
    ['HTTP_GET {\nurl {\nstatus_code 200\n}\n}', '7: url: has no path'],
    ['HTTP_GET {\nurl {\npath /\nstatus_code 99 200\n}\n}', '9: status_code: "99" is not a status'],
    ['HTTP_GET { }', '6: HTTP_GET: has no url'],
    ['MISC_CHECK {\nmisc_path /bin/x -a\n}', '7: misc_path: keepalived takes "/bin/x" alone'],
    ['MISC_CHECK { }', '6: MISC_CHECK: has no misc_path'],
    ['UDP_CHECK {\npayload 0g\n}', '7: payload: "0g" is not pairs of hexadecimal digits'],
    ['DNS_CHECK {\ntype NULL\n}', '7: type: "NULL" is none of'],
    ['FILE_CHECK {\ntrack_file none\n}', '7: track_file: there is no track_file "none"'],
    ['TCP_CHECK {\nconect_port 1\n}', '7: conect_port: keepalived does not know this word'],
  ])('goes on after %j, and refuses it when it is strict', (checker, told) => {
    expect(read(keepalived(checker), 'keepalived').told.join('\n')).toContain(told);
    expect(() => read(keepalived(checker), 'keepalived', true)).toThrow(ConfigError);
  });

  test.each([
    ['HTTP_GET {\nurl {\npath /\nregex "a(?i)b"\n}\n}', 'is no regular expression of JavaScript'],
    ['HTTP_GET {\nurl {\npath "/a b"\n}\n}', 'must be printable ASCII without blanks'],
    ['TCP_CHECK {\nbindto 2001:db8::1\n}', 'cannot go from 2001:db8::1 to 198.51.100.1: it goes from any address'],
    ['TCP_CHECK {\nconnect_ip fe80::1\n}', 'cannot go to fe80::1, a link-local address: the check is left out'],
    ['TCP_CHECK {\ndelay_loop 0.01\n}', '0.01 s become 0.1 s'],
    ['TCP_CHECK {\n@here retry 2\n}', 'a condition (@id) is not understood'],
    ['MISC_CHECK {\nmisc_path /bin/x\nmisc_dynamic\n}', 'exit codes are percent of the weight, 1 here'],
  ])('%j: what a check cannot say is told', (checker, told) => {
    expect(read(keepalived(checker), 'keepalived', true).told.join('\n')).toContain(told);
  });

  test('without a port of the real server the check goes to that of the service', () => {
    const { check, told } = read(keepalived('TCP_CHECK { }', '', '', ''), 'keepalived');
    expect(check).toMatchObject({ type: 'tcp' });
    expect(check?.port).toBeUndefined();
    expect(told.join('\n')).toContain('keepalived itself calls port 0');
  });

  test('a quorum above all weights is lowered, the hysteresis below it', () => {
    const { health } = read(keepalived('TCP_CHECK { }', 'weight 3', 'quorum 9\nhysteresis 9'), 'keepalived');
    expect(health?.quorum).toEqual({ up: 3, hysteresis: 2 });
  });

  test('a sorry server of real servers that are not checked, or that is one of them, is told', () => {
    expect(read(keepalived('', '', 'sorry_server 198.51.100.9 80'), 'keepalived').told.join()).toContain(
      'no real server has a check',
    );
    const own = read(keepalived('TCP_CHECK { }', '', 'sorry_server 198.51.100.1 80'), 'keepalived');
    expect(own.told.join()).toContain('is a real server of its virtual server');
    expect(own.health?.sorry).toBeUndefined();
  });

  test('inhibit_on_failure of a real server alone is its own, where others do not have it', () => {
    const text = keepalived('TCP_CHECK { }', 'inhibit_on_failure').replace(
      /}\n$/,
      'real_server 198.51.100.2 80 {\nTCP_CHECK { }\n}\n}\n',
    );
    const { health, told } = read(text, 'keepalived');
    expect(health?.onFailure).toMatchObject({ quiesce: true, removeAfter: 0 });
    expect(health?.servers).toMatchObject([{ address: '198.51.100.1', onFailure: { removeAfter: 'never' } }]);
    expect(told.join()).not.toContain('inhibit_on_failure');
    expect(read(keepalived('TCP_CHECK { }', 'inhibit_on_failure'), 'keepalived').health?.onFailure.removeAfter).toBe(
      'never',
    );
  });
});

describe('programs and the FIFO of keepalived', () => {
  const GLOBALS = 'global_defs {\nscript_user nobody nogroup\nlvs_notify_fifo /run/lvs\n}\n';
  const OWN = 'notify_up "/bin/told \\"it is\\" up" alice\nnotify_down /bin/told';
  const QUORUM = 'quorum_up "/bin/sh -c \'ip addr add 192.0.2.1/32 dev lo\'"\nquorum_down /bin/down bob users';

  test('are hooks, which run as the same user', () => {
    const { health, told } = read(GLOBALS + keepalived('TCP_CHECK { }', OWN, QUORUM), 'keepalived', true);
    const timeout = 600_000;
    expect(health?.notify).toEqual({
      quorumUp: {
        command: ['/bin/sh', '-c', 'ip addr add 192.0.2.1/32 dev lo'],
        timeout,
        user: 'nobody',
        group: 'nogroup',
      },
      quorumDown: { command: ['/bin/down'], timeout, user: 'bob', group: 'users' },
      fifo: '/run/lvs',
    });
    expect(health?.servers[0]?.notify).toEqual({
      up: { command: ['/bin/told', 'it is', 'up'], timeout, user: 'alice' },
      down: { command: ['/bin/told'], timeout, user: 'nobody', group: 'nogroup' },
    });
    expect(told).toEqual([]);
  });

  test.each([
    ['without checkers', keepalived('', OWN, QUORUM), ['notify_up: is not run', 'quorum_up: is not run']],
    ['a second one', keepalived('TCP_CHECK { }', `${OWN}\nnotify_up /bin/other`), ['notify_up: is there already']],
    ['no command', keepalived('TCP_CHECK { }', 'notify_up "\'"'), ['notify_up: has no command that can be read']],
    [
      'a FIFO of a user',
      GLOBALS.replace('/lvs', '/lvs root') + keepalived('TCP_CHECK { }'),
      ['belongs to the user of keep'],
    ],
    [
      'a FIFO by a relative path',
      GLOBALS.replace('/run/', '') + keepalived('TCP_CHECK { }'),
      ['is no path from the root'],
    ],
    [
      'its program',
      GLOBALS.replace('lvs_notify_fifo ', 'lvs_notify_fifo_script ') + keepalived('TCP_CHECK { }'),
      ['is started by others'],
    ],
  ])('%s: that is told', (_, text, words) => {
    const { told } = read(text, 'keepalived');
    for (const word of words) expect(told.join('\n')).toContain(word);
  });
});

/** A virtual service by http with one real server. */
function ldirectord(...keys: string[]) {
  return ['virtual = 192.0.2.1:80', '\treal = 198.51.100.1:80 masq', ...keys.map((key) => `\t${key}`), ''].join('\n');
}

describe('ldirectord', () => {
  test.each([
    [[], [], 30_000],
    [['checktimeout = 4'], [], 4000],
    [['negotiatetimeout = 7', 'checktimeout = 4'], [], 7000],
    [['negotiatetimeout = 7'], ['checktimeout = 3'], 3000],
    [['negotiatetimeout = 7'], ['checktype = connect'], 7000],
    [[], ['checktype = connect'], 5000],
  ])('the timeouts stand in for each other: %j %j', (globals, keys, timeout) => {
    expect(read([...globals, ldirectord(...keys)].join('\n'), 'ldirectord').check?.timeout).toBe(timeout);
  });

  test('an interval of a virtual service counts with fork = yes', () => {
    const text = ldirectord('checkinterval = 3');
    expect(read(text, 'ldirectord').check?.interval).toBe(10_000);
    expect(read(text, 'ldirectord').told.join()).toContain('only with fork = yes');
    expect(read(`${text}\nfork = yes\n`, 'ldirectord').check?.interval).toBe(3000);
  });

  test.each([
    ['request = /x', 'in quotes'],
    ['receive = ""', 'in quotes'],
    ['service = web', 'must be one of'],
    ['checkport = 0', 'from 1 to 65535'],
    ['httpmethod = PUT', 'GET or HEAD'],
    ['checktimeout = no', 'number above 0'],
    ['checktype = sometimes', 'must be a number, or one of'],
  ])('%s ends it, as it ends ldirectord', (key, message) => {
    expect(() => read(ldirectord(key), 'ldirectord')).toThrow(message);
  });

  test.each([
    ['service = none'],
    ['checktype = on'],
    ['checktype = off'],
    ['checktype = external-perl'],
    ['service = radius'],
  ])('%s: nothing is checked', (key) => {
    expect(read(ldirectord(key), 'ldirectord').health).toBeUndefined();
  });

  test.each([
    ['service = oracle', 'tcp'],
    ['service = sip', 'tcp'],
    ['service = http_proxy', 'tcp'],
    ['service = pops', 'script'],
    ['service = ldaps', 'ldap'],
    ['checktype = ping', 'ping'],
    ['checktype = external', 'exec'],
  ])('%s is the check %s', (key, type) => {
    expect(read(ldirectord(key), 'ldirectord').check?.type).toBe(type);
  });

  test('DNS is asked for an address, and by an address for its name', () => {
    const of = (request: string) =>
      read(ldirectord('service = dns', `request = "${request}"`, 'receive = "www\\.example"'), 'ldirectord').check;
    expect(of('www.example.com')).toMatchObject({ name: 'www.example.com', recordType: 'A', transport: 'tcp' });
    expect(of('192.0.2.7')).toMatchObject({ name: '7.2.0.192.in-addr.arpa', recordType: 'PTR', answer: 'www.example' });
  });

  test('a proxy is asked for a whole URL, by the name of its host', () => {
    const { check } = read(ldirectord('service = http_proxy', 'request = "http://www.example.com/x"'), 'ldirectord');
    expect(check).toMatchObject({ type: 'http', path: 'http://www.example.com/x', host: 'www.example.com' });
  });
});

/** A virtual service of Piranha with one real server. */
function piranha(...lines: string[]) {
  const server = 'server a {\naddress = 198.51.100.1\nactive = 1\n}';
  return `virtual v {\nactive = 1\naddress = 192.0.2.1 eth0:1\n${lines.join('\n')}\n${server}\n}\n`;
}

describe('lvs.cf', () => {
  test.each([
    [[], 18],
    [['timeout = 20', 'reentry = 50'], 2],
    [['timeout = 20', 'reentry = 5'], 1],
  ])('passes until a server serves again: %j', (lines, rise) => {
    expect(read(piranha(...lines), 'lvs.cf').check?.rise).toBe(rise);
  });

  test.each([
    [['port = 80'], { steps: [{ send: 'GET / HTTP/1.0\r\n\r\n' }, { matches: '^HTTP' }] }],
    [['port = 80', 'expect = "*"'], { steps: [{ matches: '[\\s\\S]' }] }],
    [['port = 22'], { type: 'tcp' }],
    [['port = 22', 'expect = "SSH-2.0"'], { steps: [{ matches: '^SSH-2\\.0' }] }],
    [['port = 7', 'send = "a\\\\n"', 'use_regex = 1', 'expect = "b"'], { steps: [{ send: 'a\\n' }, { expect: 'b' }] }],
    [['port = 7', 'send_program = "/bin/x %h 5%"'], { command: ['/bin/x', '%h', '5%%'] }],
  ])('%j', (lines, check) => {
    expect(read(piranha(...lines), 'lvs.cf').check).toMatchObject(check);
  });

  test.each([['timeout = soon'], ['use_regex = yes'], ['quiesce_server = 2']])('%s is a mistake', (line) => {
    expect(() => read(piranha(line), 'lvs.cf')).toThrow(ConfigError);
  });
});

describe('regular expressions', () => {
  test.each([
    ['plain text', { contains: 'plain text' }],
    ['a\\.b', { contains: 'a.b' }],
    ['^ok$', { matches: '^ok(?=\\n?$)' }],
    ['[$]\\$', { matches: '[$]\\$' }],
    ['a++', undefined],
    ['(?i)a', undefined],
    ['[[:digit:]]', undefined],
    ['(', undefined],
    ['', undefined],
  ])('Perl: %j', (perl, pattern) => expect(patternOf(perl)).toEqual(pattern));

  test.each([
    ['^220 [[:alpha:]_]+$', { matches: '^220 [A-Za-z_]+$' }],
    ['[[:foo:]]', undefined],
    ['a\\d', undefined],
    ['ok', { contains: 'ok' }],
  ])('POSIX: %j', (posix, pattern) => expect(posixPatternOf(posix)).toEqual(pattern));

  test('$ is also before a last line end', () => {
    const found = patternOf('ok$');
    const expression = new RegExp(found && 'matches' in found ? found.matches : '');
    expect(['ok', 'ok\n', 'ok\n\n', 'ok!'].map((text) => expression.test(text))).toEqual([true, true, false, false]);
  });
});

describe('words in quotes', () => {
  test.each([
    [`a "b c" 'd "e'`, ['a', 'b c', 'd "e']],
    ['a\\ b "\\x41\\101\\n\\q" ""', ['a b', 'AA\nq', '']],
    ['"open', undefined],
    ['end\\', undefined],
    ['', []],
  ])('%j', (text, words) => expect(quotedWords(text)).toEqual(words));

  test('in which quotes and backslashes are escaped come back as they were', () => {
    const line = (words: readonly string[]) => words.map((word) => `"${word.replace(/["\\]/g, '\\$&')}"`).join(' ');
    fc.assert(
      fc.property(fc.array(fc.string()), (words) => {
        expect(quotedWords(line(words))).toEqual(words);
      }),
    );
  });
});
