import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RulesError } from '../../../src/errors.js';
import { formatRules, parseRules, type Rule } from '../../../src/ipvsadm/rules.js';
import { type DestinationFields, makeDestination } from '../../../src/model/destination.js';
import { makeService, parseService, type Service, type ServiceFields } from '../../../src/model/service.js';
import { formatServiceKey } from '../../../src/model/service-key.js';
import type { WrittenTable } from '../../../src/model/table.js';
import { normalTable, tableInput } from '../../arbitraries.js';

const web = parseService({ protocol: 'tcp', address: '10.0.0.1', port: 80 });

const tableOf = (service: ServiceFields, ...destinations: DestinationFields[]): WrittenTable => ({
  services: [
    {
      service: makeService(service, service),
      destinations: destinations.map((destination) => ({ destination: makeDestination(destination) })),
    },
  ],
});

describe('services as ipvsadm -Sn writes them', () => {
  it.each<[string, Service]>([
    ['-A -t 10.0.0.1:80 -s wlc', { protocol: 'tcp', address: '10.0.0.1', port: 80 }],
    ['-A -u [2001:db8::1]:53 -s rr', { protocol: 'udp', address: '2001:db8::1', port: 53, scheduler: 'rr' }],
    ['-A --sctp-service 10.0.0.1:9 -s wlc', { protocol: 'sctp', address: '10.0.0.1', port: 9 }],
    ['-A -f 5 -s wlc', { protocol: 'fwmark', mark: 5 }],
    ['-A -f 5 -6 -s wlc', { protocol: 'fwmark', mark: 5, family: 'ipv6' }],
    // ipvsadm 1.31 writes -1, which it cannot read.
    ['-A -f 4294967295 -s wlc', { protocol: 'fwmark', mark: 4294967295 }],
    ['-A -f 5 -s wlc -p 360', { protocol: 'fwmark', mark: 5, persistence: {} }],
    [
      '-A -f 5 -s wlc -p 60 -M 255.255.255.0',
      { protocol: 'fwmark', mark: 5, persistence: { timeout: 60, netmask: 24 } },
    ],
    ['-A -f 5 -s wlc -p 360 -M 255.0.255.0', { protocol: 'fwmark', mark: 5, persistence: { netmask: '255.0.255.0' } }],
    ['-A -f 5 -s wlc -p 360 -M 0.0.0.0', { protocol: 'fwmark', mark: 5, persistence: { netmask: 0 } }],
    ['-A -f 5 -6 -s wlc -p 360 -M 64', { protocol: 'fwmark', mark: 5, family: 'ipv6', persistence: { netmask: 64 } }],
    ['-A -f 5 -6 -s wlc -p 360', { protocol: 'fwmark', mark: 5, family: 'ipv6', persistence: { netmask: 128 } }],
    ['-A -f 5 -6 -s wlc -p 360 -M 32', { protocol: 'fwmark', mark: 5, family: 'ipv6', persistence: { netmask: 32 } }],
    ['-A -f 5 -s wlc --pe sip', { protocol: 'fwmark', mark: 5, persistenceEngine: 'sip' }],
    [
      '-A -f 5 -s sh -p 60 -M 255.0.0.0 --pe sip -o -b sh-fallback,sh-port',
      {
        protocol: 'fwmark',
        mark: 5,
        scheduler: 'sh',
        persistence: { timeout: 60, netmask: 8 },
        persistenceEngine: 'sip',
        onePacket: true,
        schedulerFlags: ['sh-port', 'sh-fallback'],
      },
    ],
    [
      '-A -f 5 -s rr -b flag-1,flag-2,flag-3',
      { protocol: 'fwmark', mark: 5, scheduler: 'rr', schedulerFlags: ['flag-3', 'flag-2', 'flag-1'] },
    ],
    [
      '-A -f 5 -s mh -b mh-port',
      { protocol: 'fwmark', mark: 5, scheduler: 'mh', schedulerFlags: ['mh-port', 'flag-3'] },
    ],
    // Nothing has a name here: a blank is left at the end, and ipvsadm cannot read the line.
    ['-A -f 5 -s sh -b ', { protocol: 'fwmark', mark: 5, scheduler: 'sh', schedulerFlags: ['flag-3'] }],
  ])('%s', (line, service) => {
    expect(formatRules(tableOf(parseService(service)))).toBe(`${line}\n`);
  });

  it('other protocols', () => {
    const service: ServiceFields = { protocol: 'ip47', address: '10.0.0.1', port: 80, scheduler: 'none' };
    expect(formatRules(tableOf(service))).toBe('-A --xxx-service 10.0.0.1:80 -s none\n');
  });

  it('a timeout that /proc did not tell', () => {
    const rules = formatRules(tableOf({ ...web, persistence: { netmask: 24 } }));
    expect(rules).toBe('-A -t 10.0.0.1:80 -s wlc -p -M 255.255.255.0\n');
    expect(parseRules(rules)).toHaveLength(1);
  });
});

describe('servers as ipvsadm -Sn writes them', () => {
  const to = { address: '10.0.0.2', port: 80, weight: 1 };
  it.each<[string, DestinationFields]>([
    ['-r 10.0.0.2:80 -g -w 1', { ...to, forward: 'dr' }],
    ['-r 10.0.0.2:80 -g -w 1', { ...to, forward: 'local' }],
    ['-r 10.0.0.2:8080 -m -w 2147483647', { ...to, forward: 'nat', port: 8080, weight: 2147483647 }],
    ['-r [2001:db8::2]:80 -i -w 0', { ...to, address: '2001:db8::2', forward: 'tun', weight: 0 }],
    // Thresholds are not told.
    ['-r 10.0.0.2:80 -m -w 1', { ...to, forward: 'nat', upperThreshold: 10, lowerThreshold: 5 }],
    ['-r 10.0.0.2:80 (null) -w 1', { ...to, forward: 'bypass' }],
    ['-r 10.0.0.2:80 (null) -w 1', { ...to, forward: 'method5' }],
    ['-r 10.0.0.2:80 -i -w 1 --tun-type ipip', { ...to, forward: 'tun', tunnel: { type: 'ipip' } }],
    [
      '-r 10.0.0.2:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum',
      { ...to, forward: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'none' } },
    ],
    [
      '-r 10.0.0.2:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum',
      { ...to, forward: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'remcsum' } },
    ],
    [
      '-r 10.0.0.2:80 -i -w 1 --tun-type gre --tun-csum',
      { ...to, forward: 'tun', tunnel: { type: 'gre', checksum: 'csum' } },
    ],
    ['-r 10.0.0.2:80 -i -w 1', { ...to, forward: 'tun', tunnel: { type: 'type3' } }],
    ['-r 10.0.0.2:80 -i -w 1', { ...to, forward: 'tun' }],
  ])('%s', (line, destination) => {
    expect(formatRules(tableOf(web, destination))).toBe(`-A -t 10.0.0.1:80 -s wlc\n-a -t 10.0.0.1:80 ${line}\n`);
  });
});

it('sorts services and servers, and keeps the table as it was', () => {
  const lines = [
    '-A -t 10.0.0.1:80 -s wlc',
    '-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1',
    '-a -t 10.0.0.1:80 -r 10.0.0.2:81 -m -w 1',
    '-a -t 10.0.0.1:80 -r 10.0.0.10:80 -m -w 1',
    '-A -t 10.0.0.1:443 -s wlc',
    '-A -t 200.0.0.1:80 -s wlc',
    '-A -u 10.0.0.1:53 -s wlc',
    '-A --sctp-service 10.0.0.1:9 -s wlc',
    '-A -t [2001:db8::1]:80 -s wlc',
    '-A -t [fd00::1]:80 -s wlc',
    '-A -f 2 -s wlc',
    '-A -f 2 -6 -s wlc',
    '-A -f 4294967295 -s wlc',
  ];
  const text = lines.map((line) => `${line}\n`).join('');
  const { services } = tableFromRules(parseRules(text));
  const shuffled = {
    services: services.map((each) => ({ ...each, destinations: each.destinations.toReversed() })).reverse(),
  };
  const before = structuredClone(shuffled);
  expect(formatRules(shuffled)).toBe(text);
  expect(shuffled).toEqual(before);
});

/** What a kernel would hold after these rules. */
function tableFromRules(rules: readonly Rule[]) {
  const services = new Map<string, { service: ServiceFields; destinations: { destination: DestinationFields }[] }>();
  for (const { change } of rules) {
    if (change.verb === 'add-service') {
      services.set(formatServiceKey(change.service), { service: change.service, destinations: [] });
    } else if (change.verb === 'add-destination') {
      services.get(formatServiceKey(change.key))?.destinations.push({ destination: change.destination });
    }
  }
  return { services: [...services.values()] };
}

const withoutThresholds = ({ upperThreshold: _, lowerThreshold: __, ...destination }: DestinationFields) => destination;

it('what is written is read back whole, thresholds apart', () => {
  fc.assert(
    fc.property(tableInput, (inputs) => {
      const { services } = normalTable(inputs);
      const text = formatRules({ services });
      const again = tableFromRules(parseRules(text));
      expect(formatRules(again)).toBe(text);
      expect(again.services).toHaveLength(services.length);
      const found = new Map(again.services.map((entry) => [formatServiceKey(entry.service), entry]));
      for (const { service, destinations } of services) {
        const entry = found.get(formatServiceKey(service));
        expect(entry?.service).toStrictEqual(service);
        const byName = (left: DestinationFields, right: DestinationFields) =>
          `${left.address} ${left.port}` < `${right.address} ${right.port}` ? -1 : 1;
        expect(entry?.destinations.map(({ destination }) => destination).sort(byName)).toStrictEqual(
          destinations.map(({ destination }) => withoutThresholds(destination)).sort(byName),
        );
      }
    }),
    { numRuns: 300 },
  );
});

describe('reading', () => {
  const verbs = (text: string) => parseRules(text).map(({ line, change }) => `${line} ${change.verb}`);

  it('takes comments, empty lines, CRLF, tabs, the word ipvsadm, and a last line without an end', () => {
    const text =
      '# rules\r\n\r\n-C\r\nipvsadm -A -t 10.0.0.1:80\n  \t \n  # more\n\t-a\t-t 10.0.0.1:80 ipvsadm -r 10.0.0.2 ipvsadm\nipvsadm\n-Z';
    expect(verbs(text)).toEqual(['3 flush', '4 add-service', '7 add-destination', '9 zero']);
  });

  it('tells each line as it stands, without its end', () => {
    expect(parseRules('\n  -C \r\n')).toEqual([{ line: 2, text: '  -C ', change: { verb: 'flush' } }]);
  });

  it('knows every command that changes things', () => {
    const text = [
      '-A -f 1',
      '-E -f 1',
      '-D -f 1',
      '-a -f 1 -r 10.0.0.2',
      '-e -f 1 -r 10.0.0.2',
      '-d -f 1 -r 10.0.0.2',
      '-C',
      '-Z -f 1',
      '--set 1 2 3',
      '--start-daemon master',
      '--stop-daemon master',
    ].join('\n');
    expect(verbs(text)).toHaveLength(11);
  });

  it.each(['', '\n', '# nothing\n', 'ipvsadm\n'])('nothing comes of %j', (text) => {
    expect(parseRules(text)).toEqual([]);
  });

  it.each([
    ['-A -f 1\n-A -6\n-C', 2, '-A -6', '-6 used before -f'],
    ['-A -f -1 -s wlc', 1, '-A -f -1 -s wlc', "invalid fwmark value `-1' specified"],
    ['-a -f 1 -r 10.0.0.2:80 (null) -w 1', 1, '-a -f 1 -r 10.0.0.2:80 (null) -w 1', 'unexpected argument (null)'],
    ['-A --xxx-service 10.0.0.1:80', 1, '-A --xxx-service 10.0.0.1:80', '--xxx-service: unknown option'],
    ['nonsense', 1, 'nonsense', 'does not begin with a command (-A, -a, ...)'],
    ['-A -f 1 # web', 1, '-A -f 1 # web', 'unexpected argument #'],
    ['-L', 1, '-L', "the 'list' command has no place in rules"],
    ['-S -n', 1, '-S -n', "the 'save' command has no place in rules"],
    ['-R', 1, '-R', "the 'restore' command has no place in rules"],
    ['--help', 1, '--help', "the 'help' command has no place in rules"],
    ['-v', 1, '-v', "the 'version' command has no place in rules"],
  ])('%j is refused', (text, line, bad, reason) => {
    expect(() => parseRules(text)).toThrow(expect.objectContaining({ code: 'ERR_RULES', line, text: bad, reason }));
  });

  it('hands names to the caller', () => {
    const names = { host: () => '10.0.0.9', port: () => 80 };
    const [rule] = parseRules('-D -t web.example:http', names);
    expect(rule?.change).toEqual({ verb: 'delete-service', key: { protocol: 'tcp', address: '10.0.0.9', port: 80 } });
  });

  it('gives rules or a RulesError for any text', () => {
    const word = fc.oneof(
      fc.constantFrom('-A', '-a', '-t', '10.0.0.1:80', '-r', '-p', '-M', '#', '\n', '\r', '-6', '-f', '5'),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(word), (words) => {
        try {
          parseRules(words.join(' '));
        } catch (error) {
          expect(error).toBeInstanceOf(RulesError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('what other programs made and ipvsadm writes, but does not read', () => {
  it.each([
    ['-A -t 10.0.0.1:80 -s wlc -p 0', { persistence: { timeout: 0, netmask: 32 } }],
    ['-A -t 10.0.0.1:0 -s wlc -p 0', { port: 0, persistence: { timeout: 0, netmask: 32 } }],
    ['-A -t 10.0.0.1:80 -s wlc -o', { onePacket: true }],
    ['-A -t 10.0.0.1:80 -s sh -b ', { scheduler: 'sh', schedulerFlags: ['flag-3'] }],
    ['-A -f 5 -s mh -p 60 -b ', { scheduler: 'mh', schedulerFlags: ['flag-3'] }],
  ])('%s comes back', (line, service) => {
    const [rule] = parseRules(line);
    expect(rule?.change).toMatchObject({ verb: 'add-service', service });
  });

  it('thresholds go as far as the kernel counts', () => {
    const [rule] = parseRules('-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -x 4294967295 -y 2147483648');
    expect(rule?.change).toMatchObject({ destination: { upperThreshold: 4294967295, lowerThreshold: 2147483648 } });
    expect(() => parseRules('-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -x 4294967296')).toThrow('illegal u_threshold');
  });

  it.each(['-A -t 10.0.0.1:80 -p -1', '-A -t 10.0.0.1:80 -p 2678401', '-A -t 10.0.0.1:80 -s rr -b nosuch'])(
    '%s is wrong all the same',
    (line) => expect(() => parseRules(line)).toThrow(RulesError),
  );
});

it('the prefix 128 of a mark whose family /proc does not tell is no mask', () => {
  const persistence = { timeout: 60, netmask: 128 };
  const service = makeService({ protocol: 'fwmark', mark: 7 }, { scheduler: 'wlc', persistence });
  expect(formatRules(tableOf(service))).toBe('-A -f 7 -s wlc -p 60\n');
});
