import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Command, parseCommand } from '../../../src/ipvsadm/command.js';
import { CommandError } from '../../../src/ipvsadm/command-error.js';
import type { Names } from '../../../src/ipvsadm/names.js';
import { COMMANDS, OPTIONS } from '../../../src/ipvsadm/options.js';
import { type Destination, parseDestination } from '../../../src/model/destination.js';
import { parseService, type Service } from '../../../src/model/service.js';
import { parseSyncDaemon, type SyncDaemon } from '../../../src/model/sync-daemon.js';

/** Words parted by blanks; `''` is an empty word. */
const wordsOf = (line: string) => line.split(' ').map((word) => (word === "''" ? '' : word));
const parse = (line: string, names?: Names): Command => parseCommand(wordsOf(line), names);

function refusal(line: string, names?: Names): { message: string; exitCode: number } {
  try {
    parse(line, names);
  } catch (error) {
    if (error instanceof CommandError) return { message: error.message, exitCode: error.exitCode };
    throw error;
  }
  throw new Error(`taken: ${line}`);
}

const systemPorts = new Map([
  ['http/tcp', 80],
  ['domain/udp', 53],
  ['sip/sctp', 5060],
]);

/** As ipvsadm reads addresses and names on a machine with these in its files. */
const systemNames: Names = {
  host: (name) => (name === 'web.example' ? '10.0.0.1' : undefined),
  port: (name, protocol) => systemPorts.get(`${name}/${protocol}`),
  looseAddress: true,
};

describe('services', () => {
  const cases: [string, Service][] = [
    ['-A -t 10.0.0.1:80', { protocol: 'tcp', address: '10.0.0.1', port: 80 }],
    ['--add-service --tcp-service 10.0.0.1:80', { protocol: 'tcp', address: '10.0.0.1', port: 80 }],
    ['-Au10.0.0.1:53 -srr', { protocol: 'udp', address: '10.0.0.1', port: 53, scheduler: 'rr' }],
    ['-A --sctp-service=10.0.0.1:9', { protocol: 'sctp', address: '10.0.0.1', port: 9 }],
    ['-A -t [2001:DB8:0::1]:80', { protocol: 'tcp', address: '2001:db8::1', port: 80 }],
    ['-A -t [::ffff:10.0.0.1]:80', { protocol: 'tcp', address: '::ffff:10.0.0.1', port: 80 }],
    ['-A -f 5', { protocol: 'fwmark', mark: 5 }],
    ['-A -f 4294967295 -6', { protocol: 'fwmark', mark: 4294967295, family: 'ipv6' }],
    ["-A -f 5 -s ''", { protocol: 'fwmark', mark: 5, scheduler: 'wlc' }],
    ['-A -f 5 -s a-very-long-name-of', { protocol: 'fwmark', mark: 5, scheduler: 'a-very-long-nam' }],
    ['-A -t 10.0.0.1:80 -p', { protocol: 'tcp', address: '10.0.0.1', port: 80, persistence: { timeout: 360 } }],
    ['-A -t 10.0.0.1 -p', { protocol: 'tcp', address: '10.0.0.1', port: 0, persistence: {} }],
    [
      '-A -t 10.0.0.1:80 -p 60 -M 255.255.255.0',
      { protocol: 'tcp', address: '10.0.0.1', port: 80, persistence: { timeout: 60, netmask: '255.255.255.0' } },
    ],
    [
      '-A -t 10.0.0.1:80 -p 60 -M 255.0.255.0',
      { protocol: 'tcp', address: '10.0.0.1', port: 80, persistence: { timeout: 60, netmask: '255.0.255.0' } },
    ],
    [
      '-A -t 10.0.0.1:80 -p -M 0.0.0.0',
      { protocol: 'tcp', address: '10.0.0.1', port: 80, persistence: { netmask: 0 } },
    ],
    [
      '-A -t [2001:db8::1]:80 -p -M 64',
      { protocol: 'tcp', address: '2001:db8::1', port: 80, persistence: { netmask: 64 } },
    ],
    ['-A -f 5 -6 -p -M 96bits', { protocol: 'fwmark', mark: 5, family: 'ipv6', persistence: { netmask: 96 } }],
    ['-A -f 5 -M 255.0.0.0', { protocol: 'fwmark', mark: 5 }],
    ['-A -f 5 --pe sip', { protocol: 'fwmark', mark: 5, persistenceEngine: 'sip' }],
    ["-A -f 5 --pe ''", { protocol: 'fwmark', mark: 5 }],
    ['-A -u 10.0.0.1:53 -o', { protocol: 'udp', address: '10.0.0.1', port: 53, onePacket: true }],
    ['-A -f 5 --ops', { protocol: 'fwmark', mark: 5, onePacket: true }],
    ['-A -f 5 -b flag-3,flag-1', { protocol: 'fwmark', mark: 5, schedulerFlags: ['flag-1', 'flag-3'] }],
    [
      '-A -f 5 -b sh-port,,sh-fallback,sh-port -s sh',
      { protocol: 'fwmark', mark: 5, scheduler: 'sh', schedulerFlags: ['sh-fallback', 'sh-port'] },
    ],
    ['-A -f 5 -s mh -b flag-1', { protocol: 'fwmark', mark: 5, scheduler: 'mh', schedulerFlags: ['mh-fallback'] }],
    ["-A -f 5 -b ''", { protocol: 'fwmark', mark: 5 }],
  ];

  it.each(cases)('%s', (line, input) => {
    expect(parse(line)).toStrictEqual({ verb: 'add-service', service: parseService(input) });
  });

  it.each(cases)('%s, as -E', (line, input) => {
    const edit = line.replace(/^(-A|--add-service)/, '-E').replace('-Eu', '-Eu ');
    expect(parse(edit)).toStrictEqual({ verb: 'update-service', service: parseService(input) });
  });
});

describe('destinations', () => {
  const web = { protocol: 'tcp', address: '10.0.0.1', port: 80 } as const;
  const marked = { protocol: 'fwmark', mark: 5, family: 'ipv4' } as const;
  it.each<[string, typeof web | typeof marked, Destination]>([
    ['-a -t 10.0.0.1:80 -r 10.0.0.2', web, { address: '10.0.0.2' }],
    ['-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -m', web, { address: '10.0.0.2', port: 8080, forward: 'nat' }],
    ['-a -t 10.0.0.1:80 -r 10.0.0.2:8080', web, { address: '10.0.0.2' }],
    ['-a -t 10.0.0.1:80 -r 10.0.0.2:8080 -i', web, { address: '10.0.0.2', forward: 'tun' }],
    ['-a -f 5 -r 10.0.0.2', marked, { address: '10.0.0.2' }],
    ['-a -f 5 -r 10.0.0.2:8080 -g', marked, { address: '10.0.0.2', port: 8080 }],
    ['-a -f 5 -r 2001:db8::2 -i', marked, { address: '2001:db8::2', forward: 'tun' }],
    ['-a -f 5 -r [2001:db8::2]:80 -i', marked, { address: '2001:db8::2', port: 80, forward: 'tun' }],
    ['-a -f 5 -r 10.0.0.2 -w 0', marked, { address: '10.0.0.2', weight: 0 }],
    ['-a -f 5 -r 10.0.0.2 -w 2147483647', marked, { address: '10.0.0.2', weight: 2147483647 }],
    ['-a -f 5 -r 10.0.0.2 -x 10 -y 5', marked, { address: '10.0.0.2', upperThreshold: 10, lowerThreshold: 5 }],
    ['-a -f 5 -r 10.0.0.2 -x 0 -y 0', marked, { address: '10.0.0.2' }],
    ['-a -f 5 -r 10.0.0.2 -i --tun-type ipip', marked, { address: '10.0.0.2', forward: 'tun' }],
    [
      '-a -f 5 -r 10.0.0.2 -i --tun-type gue --tun-port 6080',
      marked,
      { address: '10.0.0.2', forward: 'tun', tunnel: { type: 'gue', port: 6080 } },
    ],
    [
      '-a -f 5 -r 10.0.0.2 --tun-remcsum --tun-port 6080 --tun-type gue -i',
      marked,
      { address: '10.0.0.2', forward: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'remcsum' } },
    ],
    [
      '-a -f 5 -r 10.0.0.2 -i --tun-type gre --tun-csum',
      marked,
      { address: '10.0.0.2', forward: 'tun', tunnel: { type: 'gre', checksum: 'csum' } },
    ],
    [
      '-a -f 5 -r 10.0.0.2 -i --tun-type gre --tun-nocsum',
      marked,
      { address: '10.0.0.2', forward: 'tun', tunnel: { type: 'gre' } },
    ],
  ])('%s', (line, key, input) => {
    const destination = parseDestination(key, input);
    expect(parse(line)).toStrictEqual({ verb: 'add-destination', key, destination });
    expect(parse(line.replace('-a', '-e'))).toStrictEqual({ verb: 'update-destination', key, destination });
  });

  it.each([
    ['-d -t 10.0.0.1:80 -r 10.0.0.2', { address: '10.0.0.2', port: 80 }],
    // Compared as given: -d does not know the method.
    ['-d -t 10.0.0.1:80 -r 10.0.0.2:8080', { address: '10.0.0.2', port: 8080 }],
    ['--delete-server -t 10.0.0.1:80 -r [2001:db8::2]:80', { address: '2001:db8::2', port: 80 }],
  ])('%s', (line, destination) => {
    expect(parse(line)).toStrictEqual({ verb: 'delete-destination', key: web, destination });
  });
});

describe('other commands', () => {
  const web = { protocol: 'tcp', address: '10.0.0.1', port: 80 };
  const daemon = (input: SyncDaemon) => ({ verb: 'start-daemon', daemon: parseSyncDaemon(input) });
  it.each([
    ['-D -t 10.0.0.1:80', { verb: 'delete-service', key: web }],
    ['-D -f 5', { verb: 'delete-service', key: { protocol: 'fwmark', mark: 5, family: 'ipv4' } }],
    ['-C', { verb: 'flush' }],
    ['--clear', { verb: 'flush' }],
    ['-Z', { verb: 'zero' }],
    ['-Z -t 10.0.0.1:80', { verb: 'zero', key: web }],
    ['-R', { verb: 'restore' }],
    ['-S', { verb: 'save', numeric: false }],
    ['-Sn', { verb: 'save', numeric: true }],
    ['-h --nonsense', { verb: 'help' }],
    ['-v', { verb: 'version' }],
    ['--set 900 120 300', { verb: 'set-timeouts', timeouts: { tcp: 900, tcpFin: 120, udp: 300 } }],
    ['--set 0 0 5', { verb: 'set-timeouts', timeouts: { udp: 5 } }],
    ['--start-daemon master', daemon({ role: 'master', interface: 'eth0' })],
    [
      '--start-daemon=backup --mcast-interface eth1 --syncid 7 --sync-maxlen 1400 --mcast-group FF02:0::1 --mcast-port 9 --mcast-ttl 2',
      daemon({ role: 'backup', interface: 'eth1', syncId: 7, maxLength: 1400, group: 'ff02::1', port: 9, ttl: 2 }),
    ],
    [
      '--start-daemon master --mcast-interface a-name-of-17-char',
      daemon({ role: 'master', interface: 'a-name-of-17-ch' }),
    ],
    [
      '--start-daemon master --mcast-group 239.1.2.3',
      daemon({ role: 'master', interface: 'eth0', group: '239.1.2.3' }),
    ],
    ['--stop-daemon backup', { verb: 'stop-daemon', role: 'backup' }],
    ['--stop-daemon master --syncid 7', { verb: 'stop-daemon', role: 'master' }],
  ])('%s', (line, command) => {
    expect(parse(line)).toStrictEqual(command);
  });

  const list = { verb: 'list', subject: 'services', numeric: false, exact: false, sort: true };
  it.each([
    ['-L', list],
    ['-l', list],
    ['-L --sort --sort', list],
    ['-Ln', { ...list, numeric: true }],
    ['-L -n --nosort --sort -X', { ...list, numeric: true, exact: true, sort: false }],
    ['-L -t 10.0.0.1:80', { ...list, key: web }],
    ['-Lcn', { ...list, subject: 'connections', numeric: true }],
    ['-Lc --persistent-conn', { ...list, subject: 'connections', columns: 'persistent-conn' }],
    ['-L --timeout', { ...list, subject: 'timeouts' }],
    ['-L --daemon --syncid 3', { ...list, subject: 'daemons' }],
    ['-L --tun-info --persistent-conn', { ...list, columns: 'persistent-conn' }],
    ['-L --tun-info --thresholds --rate --stats', { ...list, columns: 'stats' }],
  ])('%s', (line, command) => {
    expect(parse(line)).toStrictEqual(command);
  });

  it('no words at all list the services', () => {
    expect(parseCommand([])).toStrictEqual(list);
  });
});

describe('the order of options matters', () => {
  it.each<[string, Command]>([
    // The IPv6 address brings its own mask.
    ['-A -M 255.255.0.0 -p -t [::1]:80', parse('-A -p -t [::1]:80')],
    ['-A -f 5 -p -M 255.255.0.0 -6', parse('-A -f 5 -6 -p')],
    ['-A -M 255.255.0.0 -p -t 10.0.0.1:80', parse('-A -p -t 10.0.0.1:80 -M 255.255.0.0')],
    // The server's port is the service's only if that is known; DR and TUN set it all the same.
    ['-a -r 10.0.0.2 -t 10.0.0.1:80 -m', parse('-a -t 10.0.0.1:80 -r 10.0.0.2:0 -m')],
    ['-a -r 10.0.0.2 -t 10.0.0.1:80 -g', parse('-a -t 10.0.0.1:80 -r 10.0.0.2 -g')],
    ['-A -b sh-port -f 5 -s sh', parse('-A -f 5 -s sh -b sh-port')],
  ])('%s', (line, same) => {
    expect(parse(line)).toStrictEqual(same);
  });

  it('elsewhere it does not', () => {
    const options = [
      ['-s', 'sh'],
      ['-p', '60'],
      ['--pe', 'sip'],
      ['-o'],
      ['-b', 'sh-port,sh-fallback'],
      ['-M255.0.0.0'],
    ];
    const server = [['-r', '10.0.0.2:80'], ['-i'], ['-w', '3'], ['-x=4'], ['-y2'], ['--tun-type=gre'], ['--tun-csum']];
    const sameInAnyOrder = (verb: string, groups: string[][], service: string[]) =>
      fc.assert(
        fc.property(fc.shuffledSubarray(groups, { minLength: groups.length }), (shuffled) => {
          const expected = parseCommand([verb, ...service, ...groups.flat()]);
          expect(parseCommand([verb, ...service, ...shuffled.flat()])).toStrictEqual(expected);
        }),
      );
    sameInAnyOrder('-A', [...options, ['-u', '10.0.0.1:53']], []);
    sameInAnyOrder('-A', options.slice(0, 5), ['-u', '[2001:db8::1]:53', '-M', '64']);
    sameInAnyOrder('-A', options, ['-f', '5']);
    sameInAnyOrder('-a', [...server, ['-t', '10.0.0.1:80']], []);
    sameInAnyOrder('-e', server, ['-f', '5', '-6']);
  });
});

describe('refusals', () => {
  const badService = 'illegal virtual server address[:port] specified';
  const badServer = 'illegal real server address[:port] specified';
  it.each([
    // Combinations.
    ['-A', "You need to supply the 'service-address' option for the 'add-service' command"],
    ['-D', "You need to supply the 'service-address' option for the 'delete-service' command"],
    ['-a -t 10.0.0.1:80', "You need to supply the 'real-server' option for the 'add-server' command"],
    ['-d -r 10.0.0.1:80', "You need to supply the 'service-address' option for the 'delete-server' command"],
    ['-A -t 10.0.0.1:80 -r 10.0.0.2', "Illegal 'real-server' option with the 'add-service' command"],
    ['-A -n', "Illegal 'numeric' option with the 'add-service' command"],
    ['-a -w 1', "You need to supply the 'service-address' option for the 'add-server' command"],
    ['-C -t 10.0.0.1:80', "Illegal 'service-address' option with the 'flush' command"],
    ['-R -n', "Illegal 'numeric' option with the 'restore' command"],
    ['-S -c', "Illegal 'connection' option with the 'save' command"],
    ['-S --nosort', "Illegal 'nosort' option with the 'save' command"],
    ['-Z --syncid 1', "Illegal 'syncid' option with the 'zero' command"],
    ['--set 1 2 3 -n', "Illegal 'numeric' option with the 'set' command"],
    ['--stop-daemon master --mcast-ttl 1', "Illegal 'mcast-ttl' option with the 'stop-daemon' command"],
    [
      '-L -c -t 10.0.0.1:80',
      "The option 'service-address' conflicts with the 'connection' option in the 'list' command",
    ],
    ['-L --daemon --timeout', "The option 'daemon' conflicts with the 'timeout' option in the 'list' command"],
    ['-L -c --stats', 'options conflicts in the list command'],
    ['-L --timeout --thresholds', 'options conflicts in the list command'],
    ['-L --daemon --persistent-conn', 'options conflicts in the list command'],
    ['-A -t 10.0.0.1:80 -u 10.0.0.1:80', "multiple 'service-address' options specified"],
    ['-A -s rr -s rr', "multiple 'scheduler' options specified"],
    ['-a -g -m', "multiple 'forwarding-method' options specified"],
    ['-A -D', "invalid option `-D'"],
    ['-A -nZ', "invalid option `-nZ'"],
    ['-A --start-daemon master', "invalid option `master'"],
    ['-A -h', "invalid option `-h'"],
    ['-L foo', 'unexpected argument foo'],
    ['foo -L', 'unexpected argument foo'],
    ['-L # foo', 'unexpected argument #'],
    ['--set 1 2', '--set option requires 3 timeout values'],
    ['--set 1 2 3 4', 'unexpected argument 4'],
    // Services.
    ['-A -t 10.0.0.1', 'Zero port specified for non-persistent service'],
    ['-A -t 10.0.0.1:0 -M 255.0.0.0', 'Zero port specified for non-persistent service'],
    ['-A -t 10.0.0.1:80 -o', 'One-Packet Scheduling is only for UDP virtual services'],
    ['-E --sctp-service 10.0.0.1:80 -o', 'One-Packet Scheduling is only for UDP virtual services'],
    ['-A -f 0', "invalid fwmark value `0' specified"],
    ['-A -f 4294967296', "invalid fwmark value `4294967296' specified"],
    ['-A -f -1', "invalid fwmark value `-1' specified"],
    ['-A -f 0x5', "invalid fwmark value `0x5' specified"],
    ['-A -6 -f 5', '-6 used before -f\n'],
    ['-A -t 10.0.0.1:80 -6', '-6 used before -f\n'],
    ['-A -f 5 -p 0', "invalid timeout value `0' specified"],
    ['-A -f 5 -p 2678401', "invalid timeout value `2678401' specified"],
    ['-A -f 5 -p rr', "invalid timeout value `rr' specified"],
    ['--set 1 2 -- -3', "invalid timeout value `-3' specified"],
    ['-A -f 5 -M foo', 'illegal virtual server persistent mask specified'],
    ['-A -f 5 -6 -M 0', 'illegal ipv6 netmask specified'],
    ['-A -t [::1]:80 -M 129', 'illegal ipv6 netmask specified'],
    ['-A -t [::1]:80 -M ffff::', 'illegal ipv6 netmask specified'],
    ['-A -f 5 -b nonsense', "invalid scheduler flag `nonsense'"],
    ['-A -f 5 -b sh-port', "incompatible scheduler flag `sh-port'"],
    ['-A -f 5 -s sh -b flag-1,mh-port', "incompatible scheduler flag `mh-port'"],
    ['-A -b ,', "invalid scheduler flag `,'"],
    // Addresses.
    ['-A -t 80', badService],
    ["-A -t ''", badService],
    ['-A -t *:80', badService],
    ['-A -t :80', badService],
    ['-A -t 10.0.0.1:', badService],
    ['-A -t 10.0.0.1:65536', badService],
    ['-A -t 10.0.0.1:0x50', badService],
    ['-A -t 10.0.0.1:http', badService],
    ['-A -t 10.0.0.256:80', badService],
    ['-A -t [2001:db8::1]', badService],
    ['-A -t [2001:db8::1', badService],
    ['-A -t [2001:db8::1]80', badService],
    ['-A -t [2001:db8::1]:', badService],
    ['-A -t web.example:80', badService],
    ['-a -t 10.0.0.1:80 -r 80', badServer],
    ['-a -t 10.0.0.1:80 -r web.example', badServer],
    // Destinations.
    ['-a -f 5 -r 10.0.0.2 -w -1', 'illegal weight specified'],
    ['-a -f 5 -r 10.0.0.2 -w 2147483648', 'illegal weight specified'],
    ['-a -f 5 -r 10.0.0.2 -w 1.5', 'illegal weight specified'],
    ['-a -f 5 -r 10.0.0.2 -x 2147483648', 'illegal u_threshold specified'],
    ['-a -f 5 -r 10.0.0.2 -y x', 'illegal l_threshold specified'],
    ['-a -f 5 -r 2001:db8::2', 'Different address family is allowed only for tunneling servers'],
    ['-a -t [::1]:80 -r 10.0.0.2 -m', 'Different address family is allowed only for tunneling servers'],
    ['-a -f 5 -r 10.0.0.2 --tun-type ipip', 'Tunnel options conflict with forward method'],
    ['-a -f 5 -r 10.0.0.2 -m --tun-csum', 'Tunnel options conflict with forward method'],
    ['-a -f 5 -r 10.0.0.2 -i --tun-type vxlan', 'illegal tunnel type specified'],
    ['-a -f 5 -r 10.0.0.2 -i --tun-port 0', 'illegal tunnel port specified'],
    ['-a -f 5 -r 10.0.0.2 -i --tun-port 9', "Illegal 'tun-port' option with the 'ipip' tunnel type"],
    ['-a -f 5 -r 10.0.0.2 -i --tun-csum', "Illegal 'tun-csum' option with the 'ipip' tunnel type"],
    ['-a -f 5 -r 10.0.0.2 -i --tun-type gue', "You need to supply the 'tun-port' option for the 'gue' tunnel type"],
    [
      '-a -f 5 -r 10.0.0.2 -i --tun-type gue --tun-port 9 --tun-csum --tun-remcsum',
      "The option 'tun-remcsum' conflicts with the 'tun-csum' option in the 'gue' tunnel type",
    ],
    ['-a -f 5 -r 10.0.0.2 -i --tun-type gre --tun-remcsum', "Illegal 'tun-remcsum' option with the 'gre' tunnel type"],
    // Daemons.
    ['--start-daemon primary', 'illegal start-daemon parameter specified'],
    ['--stop-daemon both', 'illegal start_daemon specified'],
    ['--start-daemon master --syncid 256', 'illegal syncid specified'],
    ['--start-daemon master --mcast-port 0', 'illegal mcast-port specified'],
    ['--start-daemon master --mcast-ttl 256', 'illegal mcast-ttl specified'],
    ['--start-daemon master --sync-maxlen 65508', 'illegal sync-maxlen specified'],
    ['--start-daemon master --mcast-group 10.0.0.1', "invalid IPv4 mcast-group `10.0.0.1'"],
    ['--start-daemon master --mcast-group fe80::1', "invalid IPv6 mcast-group `fe80::1'"],
    // Of two mistakes the first.
    ['-A -t 80 --nonsense', badService],
    ['-A -f 5 -n -b nonsense', "invalid scheduler flag `nonsense'"],
    ['-A -f 5 -n -b nonsense foo', 'unexpected argument foo'],
  ])('%s: %s', (line, message) => {
    expect(refusal(line)).toEqual({ message, exitCode: 2 });
  });

  it.each([
    ['-A --nonsense -t 80', '--nonsense: unknown option'],
    ['-A -t', '-t: missing argument'],
    ['-At', '-At: missing argument'],
    ['-A -n=1', '-n=1: option does not take an argument'],
  ])("popt's: %s: %s", (line, message) => {
    expect(refusal(line)).toEqual({ message, exitCode: 255 });
  });

  it.each(["''", 'foo', '-n -L', '--nonsense', '--start-daemon', '-- -L', '-L=1', '-q'])(
    'a line that does not begin with a command: %s',
    (line) => {
      const message = "Try `ipvsadm -h' or 'ipvsadm --help' for more information.";
      expect(refusal(line)).toEqual({ message, exitCode: 255 });
    },
  );

  it('ends on standard error with an end of line, and with an empty line where ipvsadm has one', () => {
    expect(new CommandError('illegal weight specified').stderr).toBe('illegal weight specified\n');
    expect(() => parse('-A -6')).toThrow(expect.objectContaining({ stderr: '-6 used before -f\n\n' }));
  });
});

describe('names and loose addresses', () => {
  const service = (line: string) => {
    const command = parse(line, systemNames);
    return command.verb === 'add-service' && 'port' in command.service
      ? `${command.service.address} ${command.service.port}`
      : undefined;
  };

  it.each([
    ['-A -t web.example:http', '10.0.0.1 80'],
    ['-A -u web.example:domain', '10.0.0.1 53'],
    ['-A --sctp-service 10.0.0.1:sip', '10.0.0.1 5060'],
    ['-A -t [2001:db8::1]:http', '2001:db8::1 80'],
    ['-A -t 10.1:80', '10.0.0.1 80'],
    ['-A -t 10.258:80', '10.0.1.2 80'],
    ['-A -t 0x0a000001:80', '10.0.0.1 80'],
    ['-A -t 167772161:80', '10.0.0.1 80'],
    ['-A -t 010.0.0.9:80', '8.0.0.9 80'],
    ['-A -t 10.0.0.1:+80', '10.0.0.1 80'],
    ['-A -t 10.0.0.1:0080', '10.0.0.1 80'],
    // Within brackets IPv4 loses its port, and an inner colon counts.
    ['-A -t [10.0.0.1]:80 -p', '10.0.0.1 0'],
    ['-A -t [10.0.0.1:81]:80', '10.0.0.1 81'],
    ['-A -t 2001:db8::1 -p', '2001:db8::1 0'],
  ])('%s is %s', (line, expected) => {
    expect(service(line)).toBe(expected);
  });

  it.each(['-A -t web.example:domain', '-A -t 08.0.0.1:80', '-A -t 10.0.0.0.1:80', '-A -t 256.1:80', '-A -t 0x:80'])(
    '%s is nothing',
    (line) => {
      expect(refusal(line, systemNames).message).toBe('illegal virtual server address[:port] specified');
    },
  );

  it('names of server ports are those of the protocol, known only after the service', () => {
    const at80 = expect.objectContaining({ destination: expect.objectContaining({ port: 80 }) });
    expect(parse('-d -t 10.0.0.1:1 -r 10.0.0.2:http', systemNames)).toEqual(at80);
    expect(parse('-d -f 5 -r 10.0.0.2:http', systemNames)).toEqual(at80);
    const message = 'illegal real server address[:port] specified';
    expect(refusal('-d -r 10.0.0.2:http -t 10.0.0.1:1', systemNames).message).toBe(message);
  });

  it('a mask may be loose too', () => {
    expect(parse('-A -f 5 -p -M 24', systemNames)).toEqual(parse('-A -f 5 -p -M 0.0.0.24'));
  });

  it.each([
    [
      '-A -t 010.0.0.9:80',
      'illegal virtual server address[:port] specified: "010.0.0.9" is not four decimal numbers (octal, hex and short forms make it 8.0.0.9)',
    ],
    [
      '-a -f 5 -r 10.1',
      'illegal real server address[:port] specified: "10.1" is not four decimal numbers (octal, hex and short forms make it 10.0.0.1)',
    ],
    [
      '-A -f 5 -M 24',
      'illegal virtual server persistent mask specified: "24" is not four decimal numbers (octal, hex and short forms make it 0.0.0.24)',
    ],
  ])('without leave for it: %s: %s', (line, message) => {
    expect(refusal(line)).toEqual({ message, exitCode: 2 });
  });
});

it('any words whatever give a command or a CommandError', () => {
  const known = [...COMMANDS, ...OPTIONS].flatMap(({ long, short }) => [
    `--${long}`,
    ...short.map((letter: string) => `-${letter}`),
  ]);
  const values = [
    '10.0.0.1:80',
    '[::1]:80',
    '10.1',
    '5',
    '0',
    '-1',
    '',
    ',',
    'sh',
    'sh-port',
    'gue',
    'master',
    '--',
    '-',
  ];
  const word = fc.oneof(fc.constantFrom(...known), fc.constantFrom(...values), fc.string({ maxLength: 8 }));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), fc.constantFrom(undefined, systemNames), (words, names) => {
      try {
        parseCommand(words, names);
      } catch (error) {
        expect(error).toBeInstanceOf(CommandError);
      }
    }),
    { numRuns: 5000 },
  );
});
