/** What the SDK lists, byte for byte what the real ipvsadm lists of the same table at the same moment. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatEndpoint } from '../../src/address/endpoint.js';
import { Ipvs, KernelError, RestoreError, type ServiceKey } from '../../src/index.js';
import { type ListCommand, parseCommand } from '../../src/ipvsadm/command.js';
import { formatConnection, formatConnectionTitle } from '../../src/ipvsadm/connection-listing.js';
import { initMessage, type KernelVerb, kernelMessage } from '../../src/ipvsadm/kernel-messages.js';
import { formatListing } from '../../src/ipvsadm/listing.js';
import { numericReverseNames, type ReverseNames } from '../../src/ipvsadm/reverse-names.js';
import { formatDaemons, formatTimeouts, IPVSADM_VERSION_LINE } from '../../src/ipvsadm/settings-listing.js';
import { parseService } from '../../src/model/service.js';
import { type TableServiceInput, tableInput } from '../arbitraries.js';
import { type Host, Lan } from '../lab/network.js';
import { useBoth } from './fixture.js';

const both = useBoth();

const COLUMNS = ['', ' --stats', ' --rate', ' --thresholds', ' --persistent-conn', ' --tun-info'];
/** Every format, each in the four ways to write numbers and to sort. */
const FORMATS = COLUMNS.flatMap((columns) =>
  ['', ' --exact', ' --nosort', ' --exact --nosort'].map((way) => columns + way),
);

async function write(inputs: readonly TableServiceInput[]): Promise<void> {
  const { ipvs } = both;
  await Promise.all([
    ipvs.flush(),
    ...inputs.flatMap(({ service, destinations }) => [
      ipvs.addService(service),
      ...destinations.map((destination) => ipvs.addDestination(parseService(service), destination)),
    ]),
  ]);
}

function parseList(line: string): ListCommand {
  const command = parseCommand(line.split(' '));
  if (command.verb !== 'list') throw new Error(`not a list command: ${line}`);
  return command;
}

/** What each of these lines of ipvsadm should print, one after the other. */
async function listings(ipvs: Ipvs, lines: readonly string[], names?: ReverseNames): Promise<string> {
  const [{ services }, info] = await Promise.all([ipvs.snapshot(), ipvs.info()]);
  return lines
    .map((line) => {
      const command = parseList(line);
      const { key } = command;
      if (key === undefined) return formatListing(services, command, { info, ...(names && { names }) });
      const found = services.filter(({ service }) => keyWords(service) === keyWords(key));
      return formatListing(found, command, names && { names });
    })
    .join('');
}

function keyWords(key: ServiceKey): string {
  if (key.protocol === 'fwmark') return `-f ${key.mark}${key.family === 'ipv6' ? ' -6' : ''}`;
  const option = { tcp: '-t', udp: '-u', sctp: '--sctp-service' }[key.protocol as 'tcp' | 'udp' | 'sctp'];
  return `${option} ${formatEndpoint(key.address, key.port)}`;
}

/**
 * What ipvsadm tells between two looks of the SDK that agree. Counters, states and timers change by themselves meanwhile.
 */
async function still(look: () => Promise<string>, ipvsadm: () => Promise<string>): Promise<[string, string]> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const before = await look();
    const text = await ipvsadm();
    if (before === (await look())) return [before, text];
  }
  throw new Error('nothing stood still');
}

/** Compared in one run of this file. */
const TABLES = 50;

it(`${TABLES} random tables, whole and service by service, in every format`, async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(tableInput, async (inputs) => {
      await write(inputs);
      const keys = inputs.map(({ service }) => ` ${keyWords(parseService(service))}`);
      // One ipvsadm for all of them: restore takes any command.
      const lines = ['', ...keys].flatMap((key) => FORMATS.map((format) => `-Ln${key}${format}`));
      compared += lines.length;
      const expected = await both.ipvsadm.ok('-R', `${lines.join('\n')}\n`);
      expect(await listings(both.ipvs, lines)).toBe(expected);
    }),
    { numRuns: TABLES },
  );
  expect(compared).toBeGreaterThanOrEqual(TABLES * FORMATS.length);
}, 300_000);

it('what ipvsadm prints for no arguments, several formats and an empty table', async () => {
  const { ipvs, ipvsadm } = both;
  for (const line of [
    '-l -n',
    '-Ln --tun-info --persistent-conn',
    '-Ln --thresholds --stats',
    '-Ln --rate --tun-info',
  ]) {
    expect(await listings(ipvs, [line])).toBe(await ipvsadm.ok(line));
  }
  await ipvs.addService({ protocol: 'fwmark', mark: 1 });
  await ipvs.addDestination('fwmark://1', { address: '10.0.0.1', upperThreshold: 5 });
  const { stdout } = await ipvsadm.run([]);
  expect(formatListing((await ipvs.snapshot()).services, parseList('-L -n'), { info: await ipvs.info() })).toBe(stdout);
  for (const line of ['-Ln --tun-info --persistent-conn', '-Ln --thresholds --stats', '-Ln --rate --tun-info']) {
    expect(await listings(ipvs, [line])).toBe(await ipvsadm.ok(line));
  }
});

it('flags without a name', async () => {
  const { ipvs, ipvsadm } = both;
  await ipvs.addService({ protocol: 'fwmark', mark: 1, scheduler: 'sh', schedulerFlags: ['flag-3'] });
  await ipvs.addService({ protocol: 'fwmark', mark: 2, scheduler: 'mh', schedulerFlags: ['mh-port', 'flag-3'] });
  const text = await ipvsadm.ok('-Ln');
  expect(text).toContain('FWM  1 sh ()\n');
  expect(await listings(ipvs, ['-Ln'])).toBe(text);
});

it('marks from 2^31 on, which ipvsadm shows as negative', async () => {
  const { ipvs, ipvsadm } = both;
  await ipvs.addService({ protocol: 'fwmark', mark: 4294967295 });
  const text = await ipvsadm.ok('-Ln');
  expect(text).toContain('FWM  -1 wlc\n');
  expect(await listings(ipvs, ['-Ln'])).toBe(text.replace('FWM  -1 ', 'FWM  4294967295 '));
});

it('timeouts, daemons and the version', async () => {
  const { ipvs, ipvsadm } = both;
  expect(IPVSADM_VERSION_LINE).toBe(await ipvsadm.ok('-v'));
  expect(formatTimeouts(await ipvs.timeouts())).toBe(await ipvsadm.ok('-L --timeout'));
  expect(formatDaemons(await ipvs.daemons())).toBe(await ipvsadm.ok('-L --daemon'));
  await ipvs.startDaemon({ role: 'backup', interface: 'lo', syncId: 7, group: 'ff02::90', port: 9000, ttl: 3 });
  expect(formatDaemons(await ipvs.daemons())).toBe(await ipvsadm.ok('-L --daemon'));
  await ipvs.startDaemon({ role: 'master', interface: 'lo' });
  expect(formatDaemons(await ipvs.daemons())).toBe(await ipvsadm.ok('-L --daemon'));
  await ipvs.stopDaemon('master');
  await ipvs.stopDaemon('backup');
});

describe('what the kernel refuses, after the lines beside it', () => {
  const service = '-A -t 192.0.2.1:80 -s wlc';
  const server = '-a -t 192.0.2.1:80 -r 10.0.0.1:80';
  it.each<[string, ...string[]]>([
    [service, service],
    ['-A -t 192.0.2.1:80 -s nothing'],
    ['-E -t 192.0.2.1:80'],
    ['-E -t 192.0.2.1:80 -s nothing', service],
    ['-D -t 192.0.2.1:80'],
    ['-Z -t 192.0.2.1:80'],
    [server],
    [server, service, server],
    ['-a -t 192.0.2.1:80 -r 224.0.0.1:80', service],
    ['-a -t 192.0.2.1:80 -r 10.0.0.1:80 -x 2 -y 5', service],
    ['-e -t 192.0.2.1:80 -r 10.0.0.1:80'],
    ['-e -t 192.0.2.1:80 -r 10.0.0.1:80', service],
    ['-d -t 192.0.2.1:80 -r 10.0.0.1:80'],
    ['-d -t 192.0.2.1:80 -r 10.0.0.1:80', service],
    ['--start-daemon master --mcast-interface nowhere0'],
    ['--stop-daemon backup'],
  ])('%s', async (line, ...before) => {
    const { ipvs, ipvsadm } = both;
    for (const earlier of before) await ipvsadm.ok(earlier);
    const { stderr, code } = await ipvsadm.run(line.split(' '));
    expect(code).toBe(255);
    const { verb } = parseCommand(line.split(' '));
    expect(`${kernelMessage(verb as KernelVerb, await refusal(ipvs.restore(line)))}\n`).toBe(stderr);
  });

  it('a daemon that runs, and a service that is not there', async () => {
    const { ipvs, ipvsadm } = both;
    await ipvs.startDaemon({ role: 'master', interface: 'lo' });
    const { stderr } = await ipvsadm.run(['--start-daemon', 'master', '--mcast-interface', 'lo']);
    expect(stderr).toBe(`${kernelMessage('start-daemon', 'EEXIST')}\n`);
    await ipvs.stopDaemon('master');
    expect(await ipvsadm.run(['-L', '-t', '192.0.2.1:80'])).toEqual({
      code: 1,
      stdout: '',
      stderr: `${kernelMessage('list', 'ESRCH')}\n`,
    });
  });

  async function refusal(call: Promise<unknown>): Promise<string> {
    const error: unknown = await call.catch((reason: unknown) => reason);
    const cause = error instanceof RestoreError ? error.failures[0]?.error : error;
    if (cause instanceof KernelError) return cause.code;
    throw new Error('was not refused by the kernel', { cause: error });
  }
});

/** A director with an IPv4 and an IPv6 web service, a client and a server. */
async function network(lan: Lan): Promise<Record<'director' | 'client' | 'server', Host>> {
  const director = await lan.host(
    'director',
    '10.8.0.1/24',
    '2001:db8:8::1/64',
    '10.8.0.100/32',
    '2001:db8:8::100/128',
  );
  const client = await lan.host('client', '10.8.0.2/24', '2001:db8:8::2/64');
  const server = await lan.host('rs1', '10.8.0.11/24', '2001:db8:8::11/64');
  await server.acceptVirtualAddress('10.8.0.100');
  await server.acceptVirtualAddress('2001:db8:8::100');
  await server.serveHttp();
  return { director, client, server };
}

/** A request whose Call-ID the engine `sip` tells clients by. */
const SIP = `
  const socket = require('node:dgram').createSocket('udp4');
  const lines = ['REGISTER sip:example.com SIP/2.0', 'Call-ID: abc@10.8.0.2', 'Content-Length: 0', '', ''];
  socket.send(lines.join('\\r\\n'), 5060, '10.8.0.100', () => socket.close());
`;

it('counters, rates and connections of real traffic', { timeout: 180_000 }, async () => {
  await using lan = await Lan.create();
  const { director, client } = await network(lan);
  await using ipvs = await Ipvs.open({ netns: director.namespacePath });
  await ipvs.restore(
    [
      '-A -t 10.8.0.100:80 -s rr -p 60',
      '-a -t 10.8.0.100:80 -r 10.8.0.11:80',
      '-A -t [2001:db8:8::100]:80 -s rr',
      '-a -t [2001:db8:8::100]:80 -r [2001:db8:8::11]:80',
      '-A -u 10.8.0.100:5060 -s rr -p 60 --pe sip',
      '-a -u 10.8.0.100:5060 -r 10.8.0.11:5060',
    ].join('\n'),
  );
  await client.httpGet('http://10.8.0.100/', 5);
  await client.httpGet('http://[2001:db8:8::100]/', 3);
  await client.run(process.execPath, '--eval', SIP);

  // The kernel's estimator adds up its counters every two seconds.
  await expect
    .poll(async () => (await ipvs.getService('tcp://10.8.0.100:80'))?.stats?.connections, { timeout: 10_000 })
    .toBe(5n);
  const lines = FORMATS.map((format) => `-Ln${format}`);
  const script = lines.map((line) => `ipvsadm ${line}`).join('\n');
  const [listed, expected] = await still(
    () => listings(ipvs, lines),
    () => director.run('sh', '-ec', script),
  );
  expect(listed).toBe(expected);
  expect(listed).toMatch(/^TCP {2}10\.8\.0\.100:80 +5 +\d\d/m);

  for (const line of ['-Lnc', '-Lnc --persistent-conn']) {
    const [rows, text] = await still(
      () => connections(ipvs, parseList(line)),
      () => director.run('ipvsadm', ...line.split(' ')),
    );
    expect(rows).toBe(text);
    // One for each request, and the templates of both persistent services.
    expect(rows.split('\n').slice(2, -1).length).toBeGreaterThanOrEqual(5 + 3 + 1 + 2);
    expect(rows.includes('abc@10.8.0.2')).toBe(line.includes('persistent'));
  }
});

async function connections(ipvs: Ipvs, command: ListCommand, names = numericReverseNames): Promise<string> {
  let text = formatConnectionTitle(command);
  for await (const connection of ipvs.connections()) text += formatConnection(connection, command, names);
  return text;
}

/** `ip netns exec` shows a program the files of /etc/netns/NAME in the place of those in /etc. */
function etcOf(host: Host, files: Readonly<Record<string, string>>): Disposable {
  const directory = `/etc/netns/${host.namespace}`;
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(`${directory}/${name}`, text);
  return { [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
}

/** The first name of each address, or port and protocol: what gethostbyaddr and getservbyport answer from such files. */
function namesOf(hosts: string, services: string): ReverseNames {
  const words = (text: string) => text.split('\n').map((line) => line.replace(/#.*/, '').trim().split(/\s+/));
  const hostNames = new Map<string, string>();
  for (const [address = '', name = ''] of words(hosts)) if (!hostNames.has(address)) hostNames.set(address, name);
  const portNames = new Map<string, string>();
  for (const [name = '', port = ''] of words(services)) if (!portNames.has(port)) portNames.set(port, name);
  return {
    host: (address) => hostNames.get(address),
    port: (port, protocol) => portNames.get(`${port}/${protocol}`),
  };
}

it('names, long ones too', { timeout: 180_000 }, async () => {
  await using lan = await Lan.create();
  const { director, client } = await network(lan);
  const long = (length: number) => 'abcdefghij.'.repeat(9).slice(0, length);
  const hosts = [
    '10.8.0.100 www.example.com www',
    '2001:db8:8::100 www6.example.com',
    '10.8.0.2 client.example.com',
    ...[17, 18, 22, 23, 24, 27, 28, 29, 49, 54, 55, 58, 59, 60, 90].flatMap((length, index) => [
      `10.8.1.${index + 1} ${long(length)}`,
      `2001:db8:8::1:${index + 1} ${long(length)}`,
    ]),
  ];
  using _ = etcOf(director, { hosts: `${hosts.join('\n')}\n`, 'nsswitch.conf': 'hosts: files\nservices: files\n' });
  const names = namesOf(hosts.join('\n'), readFileSync('/etc/services', 'utf8'));

  await using ipvs = await Ipvs.open({ netns: director.namespacePath });
  const rules = hosts.flatMap((line) => {
    const address = line.split(' ')[0] ?? '';
    const endpoint = (port: number) => formatEndpoint(address, port);
    const family = address.includes(':') ? ' -6' : '';
    return [
      ...[80, 443, 9999].map((port) => `-A -t ${endpoint(port)} -s rr`),
      `-A -u ${endpoint(53)} -s rr -o`,
      `-A --sctp-service ${endpoint(80)} -s rr`,
      `-a -u ${endpoint(53)} -r ${endpoint(53)} -i`,
      `-a -u ${endpoint(53)} -r 10.8.0.3:53 -i`,
      ...(line === hosts[0] || line === hosts[1]
        ? [`-A -f 80${family}`, `-a -f 80${family} -r ${endpoint(80)} -m`]
        : []),
    ];
  });
  await ipvs.restore(rules.join('\n'));
  await ipvs.addDestination('tcp://10.8.0.100:80', { address: '10.8.0.11' });
  await client.httpGet('http://10.8.0.100/', 2);

  const lines = COLUMNS.map((columns) => `-L${columns}`);
  const [listed, expected] = await still(
    () => listings(ipvs, lines, names),
    () => director.run('sh', '-ec', lines.map((line) => `ipvsadm ${line}`).join('\n')),
  );
  expect(listed).toBe(expected);
  expect(listed).toContain('TCP  www.example.com:http rr\n');

  const [rows, text] = await still(
    () => connections(ipvs, parseList('-Lc'), names),
    () => director.run('ipvsadm', '-Lc'),
  );
  expect(rows).toBe(text);
  expect(rows).toMatch(/ client\.example\.com:\d+ www\.example\.com:http /);
});

it('without the right to look, ipvsadm says so', { timeout: 180_000 }, async () => {
  await using lan = await Lan.create();
  const host = await lan.host('host');
  const { stderr, code } = await host.exec('setpriv', '--bounding-set=-net_admin', 'ipvsadm', '-Ln');
  expect({ stderr, code }).toEqual({ stderr: `${initMessage('EPERM')}\n`, code: 2 });
});
