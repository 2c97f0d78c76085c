import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { commandLine } from '../../../src/doctor/command-line.js';
import { diagnose } from '../../../src/doctor/diagnose.js';
import { FINDING_IDS, type Finding, finding } from '../../../src/doctor/finding.js';
import { parseIptables } from '../../../src/doctor/firewall-rules.js';
import { guess } from '../../../src/doctor/guess.js';
import { leftToPeople, mendings } from '../../../src/doctor/mend.js';
import type { IpvsPicture, Passage, Picture } from '../../../src/doctor/picture.js';
import type { HostSetup } from '../../../src/host/setup.js';
import type { HostState } from '../../../src/host/state.js';
import { deviceSysctl } from '../../../src/linux/sysctl.js';
import { parseDesiredTable } from '../../../src/model/desired.js';
import { type Destination, makeDestination, parseDestination } from '../../../src/model/destination.js';
import type { ServiceHealth } from '../../../src/model/health.js';
import { parseService, type Service } from '../../../src/model/service.js';
import type { NormalSyncDaemon } from '../../../src/model/sync-daemon.js';
import type { TableService } from '../../../src/model/table.js';
import type { NeighbourEntry } from '../../../src/netlink/route/neighbour.js';
import type { RouteEntry } from '../../../src/netlink/route/route.js';
import { address, defaultRoute, host, link } from '../host/state.js';

const VIP = '10.0.0.100';
const WEB: Service = { protocol: 'tcp', address: VIP, port: 80, scheduler: 'rr' };

function network(destination: string, device: string, gateway?: string): RouteEntry {
  const family = destination.includes(':') ? 'ipv6' : 'ipv4';
  const route = { ...defaultRoute(family === 'ipv4' ? '10.0.0.254' : '2001:db8::fe'), destination, device };
  const { gateway: _, ...near } = route;
  return gateway === undefined ? near : { ...route, gateway };
}

/** A server with its counts; without any it is idle. */
type ServerInput = Destination & { active?: number; inactive?: number; persistent?: number | undefined };

function service(input: Service, ...servers: ServerInput[]): TableService {
  const checked = parseService(input);
  return {
    service: checked,
    destinations: servers.map(({ active = 0, inactive = 0, ...rest }) => {
      const { persistent = 'persistent' in rest ? undefined : 0, ...destination } = rest;
      return {
        destination: parseDestination(checked, destination),
        activeConnections: active,
        inactiveConnections: inactive,
        ...(persistent !== undefined && { persistentConnections: persistent }),
      };
    }),
  };
}

function ipvs(services: TableService[], differs: Partial<IpvsPicture> = {}): IpvsPicture {
  const info = { version: '1.2.1', connectionTableSize: 4096 };
  return { table: { source: 'netlink', services }, info, daemons: [], ...differs };
}

/** The kernel's own values. */
const SYSCTLS = {
  'net.ipv4.vs.conntrack': '0',
  'net.ipv4.vs.conn_reuse_mode': '1',
  'net.ipv4.vs.expire_nodest_conn': '0',
  'net.ipv4.vs.expire_quiescent_template': '0',
  'net.ipv4.vs.pmtu_disc': '1',
  'net.ipv4.vs.backup_only': '0',
  'net.ipv4.vs.drop_entry': '0',
  'net.ipv4.vs.drop_packet': '1',
  'net.ipv4.vs.secure_tcp': '0',
  'net.ipv4.vs.am_droprate': '10',
  'net.ipv4.vs.run_estimation': '1',
  'net.ipv4.vs.est_cpulist': '0-1',
  'net.netfilter.nf_conntrack_count': '10',
  'net.netfilter.nf_conntrack_max': '100',
};

type Differences = Partial<Omit<Picture, 'host' | 'sysctls'>> & {
  readonly services?: TableService[];
  readonly host?: Partial<HostState>;
  readonly sysctls?: Record<string, string | undefined>;
};

/** A director for DR that is well, seen without a description, but for some differences. */
function director({ services, sysctls, host: hostDiffers, ...differs }: Differences = {}): Picture {
  const state = host({
    addresses: [address('lo', '127.0.0.1/8'), address('eth0', '10.0.0.2/24'), address('eth0', `${VIP}/32`)],
    routes: [network('10.0.0.0/24', 'eth0')],
    ...hostDiffers,
  });
  const table = ipvs(services ?? [service(WEB, { address: '10.0.0.11' }, { address: '10.0.0.12' })]);
  return {
    role: 'director',
    guessed: true,
    host: state,
    neighbours: [],
    release: '6.1.0',
    ipvs: table,
    wantedSchedulers: [],
    connections: [],
    clients: [],
    passages: [],
    answers: {},
    owners: { [VIP]: [] },
    servers: {},
    setups: guess(state, (differs.ipvs ?? table).table).setups,
    ...differs,
    sysctls: { ...SYSCTLS, ...sysctls },
  };
}

/** A real server for DR that is well. */
function realServer({ sysctls, host: hostDiffers, ...differs }: Omit<Differences, 'services'> = {}): Picture {
  const state = host({
    addresses: [address('lo', `${VIP}/32`), address('eth0', '10.0.0.11/24')],
    routes: [network('10.0.0.0/24', 'eth0')],
    ...hostDiffers,
    sysctls: {
      'net.ipv4.conf.all.arp_ignore': '1',
      'net.ipv4.conf.all.arp_announce': '2',
      ...hostDiffers?.sysctls,
    },
  });
  return {
    role: 'real-server',
    guessed: true,
    host: state,
    neighbours: [],
    release: '6.1.0',
    wantedSchedulers: [],
    connections: [],
    clients: [],
    passages: [],
    answers: {},
    owners: { [VIP]: ['02:00:00:00:00:02'] },
    servers: {},
    setups: guess(state, undefined).setups,
    ...differs,
    sysctls: { ...SYSCTLS, ...sysctls },
  };
}

/** `error arp-ignore: net.ipv4.conf.all.arp_ignore (arp-ignore)`; the step in brackets. */
function told(picture: Picture): string[] {
  return diagnose(picture).map(({ id, severity, subject, fix }) => {
    const step = fix.step === undefined ? '' : ` (${fix.step})`;
    return `${severity} ${id}: ${subject}${step}`;
  });
}

function commandOf(picture: Picture): string | undefined {
  return diagnose(picture)[0]?.fix.command;
}

const daemon = (role: 'master' | 'backup', differs: Partial<NormalSyncDaemon> = {}): NormalSyncDaemon => ({
  role,
  interface: 'eth0',
  syncId: 1,
  ...differs,
});

test('what is well has no findings', () => {
  expect(told(director())).toEqual([]);
  expect(told(realServer())).toEqual([]);
});

const nat = service(WEB, { address: '10.1.0.11', port: 8080, forward: 'nat' });
const inside: Partial<HostState> = {
  links: [link('lo'), link('eth0'), link('eth1')],
  routes: [network('10.0.0.0/24', 'eth0'), network('10.1.0.0/24', 'eth1')],
};
const tun = service(WEB, { address: '10.0.0.11', forward: 'tun' });
const quiesced = service(WEB, { address: '10.0.0.11' }, { address: '10.0.0.12', weight: 0, active: 1 });
/** A device for the directors alone. */
const aside = { host: { links: [link('lo'), link('eth0'), link('eth1')] } };
/** A table that is kept, with checks. */
const checkedBy = (health: Partial<ServiceHealth>) =>
  parseDesiredTable({
    services: [{ service: WEB, destinations: [{ address: '10.0.0.11' }, { address: '10.0.0.12' }] }],
    health: [{ service: 'tcp://10.0.0.100:80', checks: [{ type: 'tcp' }], ...health }],
  });
const connection = (client: string, server: string): Picture['connections'][number] => ({
  protocol: 'tcp',
  client: { address: client, port: 40000 },
  virtual: { address: VIP, port: 80 },
  destination: { address: server, port: 80 },
  state: 'ESTABLISHED',
  expires: 800,
});
const withDaemons = (...daemons: NormalSyncDaemon[]) => ipvs([service(WEB, { address: '10.0.0.11' })], { daemons });

const neighbour = (address: string, state: NeighbourEntry['state']): NeighbourEntry => ({
  device: 'eth0',
  family: 'ipv4',
  address,
  state,
});
/** A request of clients that nobody named, for the virtual IP. */
const request = (differs: Partial<Passage>): Passage => ({
  purpose: 'request',
  client: '192.0.2.1',
  named: false,
  source: '192.0.2.1',
  destination: VIP,
  from: 'eth0',
  vip: VIP,
  ...differs,
});
/** The answer of a real server for DR. */
const answer = (differs: Partial<Passage>): Passage => ({
  purpose: 'answer',
  client: '192.0.2.1',
  named: false,
  source: VIP,
  destination: '192.0.2.1',
  vip: VIP,
  ...differs,
});

/** Everything that was found in the two tables below. */
const all: Finding[] = [];

describe('a director:', () => {
  const { ipvs: _, ...noIpvs } = director({ setups: [] });
  const { role: _role, ...unknown } = noIpvs;
  test.each<[string, Picture, string[]]>([
    ['no module', noIpvs, ['error no-module: ip_vs']],
    ['no module, and nothing else of LVS', unknown, ['error no-module: ip_vs', 'note role-unknown: this host']],
    [
      'no right',
      director({ ipvs: ipvs([service(WEB, { address: '10.0.0.11' })], { problem: 'EPERM' }) }),
      ['warning no-capability: CAP_NET_ADMIN'],
    ],
    [
      'a scheduler that the kernel does not have',
      director({ schedulers: ['rr', 'wlc'], wantedSchedulers: ['rr', 'mh'] }),
      ['error scheduler-missing: mh'],
    ],
    ['schedulers of which nothing is known', director({ wantedSchedulers: ['mh'] }), []],
    [
      'no scheduler',
      director({ services: [service({ ...WEB, scheduler: 'none' }, { address: '10.0.0.11' })] }),
      ['error no-scheduler: tcp://10.0.0.100:80'],
    ],
    ['lo down', director({ host: { links: [link('lo', { up: false }), link('eth0')] } }), ['warning lo-down: lo']],
    [
      'no VIP, and nobody has it',
      director({ host: { addresses: [address('eth0', '10.0.0.2/24')] } }),
      [`error vip-missing: ${VIP} (vip)`],
    ],
    [
      'no VIP, and nobody was asked',
      director({ host: { addresses: [address('eth0', '10.0.0.2/24')] }, owners: {} }),
      [`warning vip-missing: ${VIP}`],
    ],
    [
      'no VIP, and another host has it',
      director({ host: { addresses: [address('eth0', '10.0.0.2/24')] }, owners: { [VIP]: ['02::'] } }),
      [`note vip-elsewhere: ${VIP}`],
    ],
    [
      'no VIP, and a real server answers for it',
      director({
        host: { addresses: [address('eth0', '10.0.0.2/24')] },
        owners: { [VIP]: ['02:0b'] },
        servers: { '02:0b': ['10.0.0.11'] },
      }),
      [`error vip-missing: ${VIP} (vip)`, `error arp-flux: ${VIP} (arp-ignore)`],
    ],
    [
      'a local route in place of the VIP',
      director({
        host: {
          addresses: [address('eth0', '10.0.0.2/24')],
          routes: [network('10.0.0.0/24', 'eth0'), { ...network('10.0.0.96/28', 'lo'), type: 'local', table: 'local' }],
        },
      }),
      [],
    ],
    [
      'a VIP on lo that ARP hides',
      director({
        host: {
          addresses: [address('eth0', '10.0.0.2/24'), address('lo', `${VIP}/32`)],
          sysctls: { 'net.ipv4.conf.eth0.arp_ignore': '1' },
        },
      }),
      [`warning vip-silent: ${VIP}`],
    ],
    [
      'a VIP on lo that ARP does not hide',
      director({ host: { addresses: [address('eth0', '10.0.0.2/24'), address('lo', `${VIP}/32`)] } }),
      [],
    ],
    ['two owners', director({ owners: { [VIP]: ['02:01'] } }), [`error arp-flux: ${VIP}`]],
    [
      'NAT without forwarding',
      director({ services: [nat], host: inside }),
      ['error ip-forward: net.ipv4.ip_forward (ip-forward)', 'note nat-gateway-unseen: 10.1.0.11'],
    ],
    [
      'NAT in one network, with redirects',
      director({
        services: [service(WEB, { address: '10.0.0.11', forward: 'nat' })],
        host: { sysctls: { 'net.ipv4.ip_forward': '1' } },
      }),
      [
        'warning send-redirects: net.ipv4.conf.all.send_redirects (send-redirects)',
        'warning send-redirects: net.ipv4.conf.eth0.send_redirects (send-redirects)',
        'note nat-gateway-unseen: 10.0.0.11',
      ],
    ],
    [
      'IPv6 NAT without forwarding',
      director({
        services: [service({ ...WEB, address: '2001:db8::100' }, { address: '2001:db8:1::11', forward: 'nat' })],
        host: {
          ...inside,
          addresses: [address('eth0', '2001:db8::100/128')],
          routes: [network('2001:db8:1::/64', 'eth1')],
        },
      }),
      ['error ip-forward: net.ipv6.conf.all.forwarding (ip-forward)', 'note nat-gateway-unseen: 2001:db8:1::11'],
    ],
    [
      'strict filtering where clients come in',
      director({
        host: {
          routes: [network('10.0.0.0/24', 'eth0'), { ...defaultRoute('10.9.0.1'), device: 'eth1' }],
          sysctls: { 'net.ipv4.conf.eth0.rp_filter': '1' },
        },
        passages: [request({ refusal: 'EXDEV' })],
      }),
      ['warning rp-filter-director: eth0'],
    ],
    [
      'a real server that no route leads to',
      director({ services: [service(WEB, { address: '192.0.2.1' })] }),
      ['error server-unreachable: 192.0.2.1'],
    ],
    [
      'DR through a router',
      director({
        services: [service(WEB, { address: '192.0.2.1' })],
        host: { routes: [network('10.0.0.0/24', 'eth0'), defaultRoute('10.0.0.254')] },
      }),
      ['error dr-behind-router: 192.0.2.1'],
    ],
    [
      'a real server that did not answer the kernel, and was not asked again',
      director({ neighbours: [neighbour('10.0.0.12', 'failed')] }),
      ['note server-silent: 10.0.0.12'],
    ],
    [
      'one that did not answer, and does now',
      director({ neighbours: [neighbour('10.0.0.12', 'failed')], answers: { '10.0.0.12': ['02:0c'] } }),
      [],
    ],
    [
      'one that the kernel knows, and that does not answer',
      director({ neighbours: [neighbour('10.0.0.12', 'stale')], answers: { '10.0.0.12': [] } }),
      ['error server-silent: 10.0.0.12'],
    ],
    [
      'one that needs no answer',
      director({ neighbours: [neighbour('10.0.0.12', 'permanent')], answers: { '10.0.0.12': [] } }),
      [],
    ],
    ['one that is quiesced and does not answer', director({ services: [quiesced], answers: { '10.0.0.12': [] } }), []],
    [
      'a router to real servers that does not answer',
      director({
        services: [service(WEB, { address: '10.1.0.11', forward: 'tun' })],
        host: { routes: [network('10.0.0.0/24', 'eth0'), network('10.1.0.0/24', 'eth0', '10.0.0.254')] },
        answers: { '10.0.0.254': [] },
      }),
      ['error gateway-silent: 10.0.0.254', 'note tunnel-mtu: 10.1.0.11'],
    ],
    ['no right to ask', director({ owners: {}, probeProblem: 'EPERM' }), ['warning not-probed: CAP_NET_RAW']],
    [
      'a device that is down',
      director({ host: { links: [link('lo'), link('eth0', { up: false, lowerUp: false })], routes: [] } }),
      ['error device-down: eth0'],
    ],
    [
      'the same with a source filter',
      director({
        host: {
          links: [link('lo'), link('eth0', { up: false, lowerUp: false })],
          routes: [],
          sysctls: { 'net.ipv4.conf.all.rp_filter': '2' },
        },
        passages: [request({ refusal: 'EXDEV' })],
      }),
      ['error device-down: eth0'],
    ],
    [
      'a device without a carrier',
      director({ host: { links: [link('lo'), link('eth0', { lowerUp: false })] } }),
      ['error device-down: eth0'],
    ],
    [
      'NAT with the inside device down',
      director({
        services: [nat],
        host: {
          links: [link('lo'), link('eth0'), link('eth1', { up: false, lowerUp: false })],
          addresses: [address('eth0', '10.0.0.2/24'), address('eth0', `${VIP}/32`), address('eth1', '10.1.0.1/24')],
          routes: [network('10.0.0.0/24', 'eth0'), defaultRoute('10.0.0.254')],
          sysctls: { 'net.ipv4.ip_forward': '1' },
        },
      }),
      ['error device-down: eth1', 'note nat-gateway-unseen: 10.1.0.11'],
    ],
    [
      'a device that answers no ARP request',
      director({ host: { sysctls: { 'net.ipv4.conf.eth0.arp_ignore': '8' } } }),
      ['error arp-mute: eth0'],
    ],
    [
      'a device that answers askers of its own networks alone',
      director({ host: { sysctls: { 'net.ipv4.conf.all.arp_ignore': '2' } } }),
      [],
    ],
    [
      'the same with a VIP of another network',
      director({
        services: [service({ ...WEB, address: '192.0.2.100' }, { address: '10.0.0.11' })],
        host: {
          addresses: [address('eth0', '10.0.0.2/24'), address('eth0', '192.0.2.100/32')],
          sysctls: { 'net.ipv4.conf.all.arp_ignore': '2' },
        },
      }),
      ['warning vip-silent: 192.0.2.100'],
    ],
    [
      'filtering without a way back, with a VIP of another network',
      director({
        services: [service({ ...WEB, address: '192.0.2.100' }, { address: '10.0.0.11' })],
        host: {
          addresses: [address('eth0', '10.0.0.2/24'), address('eth0', '192.0.2.100/32')],
          sysctls: { 'net.ipv4.conf.all.rp_filter': '2' },
        },
        passages: [request({ destination: '192.0.2.100', vip: '192.0.2.100', refusal: 'EXDEV' })],
      }),
      ['error rp-filter-director: eth0'],
    ],
    [
      'the same with a VIP of the own network, whose clients may all be near',
      director({
        host: { sysctls: { 'net.ipv4.conf.all.rp_filter': '2' } },
        passages: [request({ refusal: 'EXDEV' })],
      }),
      ['note rp-filter-director: eth0'],
    ],
    [
      'a named client that is filtered',
      director({
        host: { sysctls: { 'net.ipv4.conf.all.rp_filter': '2' } },
        clients: ['198.51.100.7'],
        passages: [request({ client: '198.51.100.7', named: true, source: '198.51.100.7', refusal: 'EXDEV' })],
      }),
      ['error rp-filter-director: eth0'],
    ],
    [
      'NAT without a way to a named client',
      director({
        services: [nat],
        host: { ...inside, sysctls: { 'net.ipv4.ip_forward': '1' } },
        clients: ['198.51.100.7'],
        passages: [
          {
            purpose: 'answer',
            client: '198.51.100.7',
            named: true,
            source: '10.1.0.11',
            destination: '198.51.100.7',
            from: 'eth1',
            vip: VIP,
            refusal: 'ENETUNREACH',
          },
        ],
      }),
      ['error no-way-back: 198.51.100.7', 'note nat-gateway-unseen: 10.1.0.11'],
    ],
    [
      "a firewall that drops NAT's answers",
      director({
        services: [nat],
        host: { ...inside, sysctls: { 'net.ipv4.ip_forward': '1' } },
        firewall: [parseIptables(':INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n', 'ipv4')],
      }),
      ['error firewall: answers of tcp://10.0.0.100:80', 'note nat-gateway-unseen: 10.1.0.11'],
    ],
    [
      'a firewall that drops requests',
      director({
        firewall: [parseIptables(':INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n', 'ipv4')],
      }),
      ['error firewall: tcp://10.0.0.100:80'],
    ],
    [
      'a firewall that forwards nothing, with DR',
      director({ firewall: [parseIptables(':INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n', 'ipv4')] }),
      [],
    ],
    [
      'GRE with checksums',
      director({
        services: [service(WEB, { address: '10.0.0.11', forward: 'tun', tunnel: { type: 'gre', checksum: 'csum' } })],
      }),
      ['note tunnel-checksum: 10.0.0.11', 'note tunnel-mtu: 10.0.0.11'],
    ],
    ['a tunnel without room', director({ services: [tun] }), ['note tunnel-mtu: 10.0.0.11']],
    [
      'a tunnel with room',
      director({ services: [tun], host: { links: [link('lo'), link('eth0', { mtu: 1520 })] } }),
      [],
    ],
    ['no servers', director({ services: [service(WEB)] }), ['error no-servers: tcp://10.0.0.100:80']],
    [
      'nothing but quiesced servers',
      director({ services: [service(WEB, { address: '10.0.0.11', weight: 0, active: 3 })] }),
      ['error all-quiesced: tcp://10.0.0.100:80'],
    ],
    ['a quiesced server that works on', director({ services: [quiesced] }), []],
    [
      'a quiesced server that is empty',
      director({ services: [service(WEB, { address: '10.0.0.11' }, { address: '10.0.0.12', weight: 0 })] }),
      ['note quiesced-idle: 10.0.0.12:80 of tcp://10.0.0.100:80'],
    ],
    [
      'a quiesced server of whose templates nothing is known',
      director({
        services: [service(WEB, { address: '10.0.0.11' }, { address: '10.0.0.12', weight: 0, persistent: undefined })],
      }),
      [],
    ],
    [
      'an overloaded server',
      director({ services: [service(WEB, { address: '10.0.0.11', upperThreshold: 5, active: 3, inactive: 2 })] }),
      ['warning overloaded: 10.0.0.11:80 of tcp://10.0.0.100:80'],
    ],
    [
      'a server below its threshold',
      director({ services: [service(WEB, { address: '10.0.0.11', upperThreshold: 5, active: 4 })] }),
      [],
    ],
    [
      'a threshold beyond all counts',
      director({
        services: [
          {
            service: parseService(WEB),
            destinations: [
              {
                destination: makeDestination({
                  address: '10.0.0.11',
                  port: 80,
                  weight: 1,
                  forward: 'dr',
                  upperThreshold: 2 ** 31,
                }),
                activeConnections: 0,
                inactiveConnections: 0,
              },
            ],
          },
        ],
      }),
      ['warning threshold-unreachable: 10.0.0.11:80 of tcp://10.0.0.100:80'],
    ],
    [
      'a port that DR does not change',
      director({
        services: [
          {
            service: parseService(WEB),
            destinations: [
              {
                destination: makeDestination({ address: '10.0.0.11', port: 8080, weight: 1, forward: 'dr' }),
                activeConnections: 0,
                inactiveConnections: 0,
              },
            ],
          },
        ],
      }),
      ['error port-mismatch: 10.0.0.11:8080 of tcp://10.0.0.100:80'],
    ],
    [
      'ports that are left alone with a quiesced server',
      director({ services: [quiesced], sysctls: { 'net.ipv4.vs.conn_reuse_mode': '0' } }),
      ['warning conn-reuse-mode: net.ipv4.vs.conn_reuse_mode'],
    ],
    ['the same without one', director({ sysctls: { 'net.ipv4.vs.conn_reuse_mode': '0' } }), []],
    [
      'the delay of old kernels',
      director({ release: '5.4.0-42-generic', sysctls: { 'net.ipv4.vs.conntrack': '1' } }),
      ['warning reuse-delay: net.ipv4.vs.conn_reuse_mode'],
    ],
    [
      'the same on one that has it no more',
      director({ release: '5.10.0', sysctls: { 'net.ipv4.vs.conntrack': '1' } }),
      [],
    ],
    [
      'connections without a server',
      director({ connections: [connection('10.0.0.1', '10.0.0.13')] }),
      ['warning expire-nodest: 10.0.0.13'],
    ],
    [
      'the same where they are ended',
      director({
        connections: [connection('10.0.0.1', '10.0.0.13')],
        sysctls: { 'net.ipv4.vs.expire_nodest_conn': '1' },
      }),
      [],
    ],
    [
      'persistent clients of a quiesced server',
      director({
        services: [
          service(
            { ...WEB, persistence: {} },
            { address: '10.0.0.11' },
            { address: '10.0.0.12', weight: 0, persistent: 1 },
          ),
        ],
      }),
      ['warning expire-quiescent: 10.0.0.12:80 of tcp://10.0.0.100:80'],
    ],
    ['a client of its own', director({ connections: [connection(VIP, '10.0.0.11')] }), [`note own-client: ${VIP}`]],
    [
      'a crowded table',
      director({ services: [service(WEB, { address: '10.0.0.11', active: 30_000, inactive: 2768 })] }),
      ['warning table-small: conn_tab_bits'],
    ],
    [
      'a crowded table that grows no more',
      director({
        services: [service(WEB, { address: '10.0.0.11', active: 30_000, inactive: 2768 })],
        release: '7.1.0',
        sysctls: { 'net.ipv4.vs.conn_lfactor': '-4' },
      }),
      ['warning table-small: conn_tab_bits'],
    ],
    [
      'a table that is to be crowded',
      director({
        services: [service(WEB, { address: '10.0.0.11', active: 30_000, inactive: 2768 })],
        release: '7.1.0',
        sysctls: { 'net.ipv4.vs.conn_lfactor': '3' },
      }),
      ['warning table-small: net.ipv4.vs.conn_lfactor'],
    ],
    [
      'nearly all the connections that are allowed',
      director({
        services: [service(WEB, { address: '10.0.0.11', active: 800, inactive: 100 })],
        sysctls: { 'net.ipv4.vs.conn_max': '1000' },
      }),
      ['warning connections-full: net.ipv4.vs.conn_max'],
    ],
    [
      'all the connections that are allowed, as the kernel counts them',
      director({
        ipvs: ipvs([service(WEB, { address: '10.0.0.11' })], { status: { connections: 1000, services: 1 } }),
        sysctls: { 'net.ipv4.vs.conn_max': '1000' },
      }),
      ['error connections-full: net.ipv4.vs.conn_max'],
    ],
    [
      'fewer connections than are allowed',
      director({
        services: [service(WEB, { address: '10.0.0.11', active: 899 })],
        sysctls: { 'net.ipv4.vs.conn_max': '1000' },
      }),
      [],
    ],
    [
      'the same where it grows by itself',
      director({ services: [service(WEB, { address: '10.0.0.11', active: 40_000 })], release: '7.10.0' }),
      [],
    ],
    [
      'connection tracking nearly full',
      director({ sysctls: { 'net.netfilter.nf_conntrack_count': '90' } }),
      ['warning conntrack-full: net.netfilter.nf_conntrack_max'],
    ],
    [
      'connection tracking full',
      director({ sysctls: { 'net.netfilter.nf_conntrack_count': '100' } }),
      ['error conntrack-full: net.netfilter.nf_conntrack_max'],
    ],
    [
      'defences that the kernel switched on',
      director({ sysctls: { 'net.ipv4.vs.drop_entry': '2', 'net.ipv4.vs.drop_packet': '2' } }),
      ['warning defence: net.ipv4.vs.drop_entry', 'warning defence: net.ipv4.vs.drop_packet'],
    ],
    [
      'a defence that drops everything',
      director({ sysctls: { 'net.ipv4.vs.drop_packet': '3', 'net.ipv4.vs.am_droprate': '1' } }),
      ['error defence: net.ipv4.vs.drop_packet'],
    ],
    [
      'no rates',
      director({ sysctls: { 'net.ipv4.vs.run_estimation': '0' } }),
      ['note no-estimation: net.ipv4.vs.run_estimation'],
    ],
    [
      'no processor for rates',
      director({ sysctls: { 'net.ipv4.vs.est_cpulist': '' } }),
      ['note no-estimation: net.ipv4.vs.est_cpulist'],
    ],
    [
      'a backup alone, with the VIP',
      director({ ipvs: withDaemons(daemon('backup')), sysctls: { 'net.ipv4.vs.backup_only': '1' } }),
      ['error backup-only: net.ipv4.vs.backup_only', 'warning sync-exposed: backup on eth0'],
    ],
    [
      'a daemon without its device',
      director({ ipvs: withDaemons(daemon('master', { interface: 'eth9' })) }),
      ['error sync-interface: master on eth9'],
    ],
    [
      'two ids',
      director({ ipvs: withDaemons(daemon('master'), daemon('backup', { syncId: 2, interface: 'eth1' })), ...aside }),
      ['note sync-ids: syncid 1 and 2'],
    ],
    [
      'a backup that takes all',
      director({ ipvs: withDaemons(daemon('master'), daemon('backup', { syncId: 0, interface: 'eth1' })), ...aside }),
      [],
    ],
    ['a peer that agrees', director({ ipvs: withDaemons(daemon('master')), peer: [daemon('backup')] }), []],
    [
      'a peer in another group',
      director({
        ipvs: withDaemons(daemon('master', { group: '224.0.0.81' })),
        peer: [daemon('backup', { group: '224.0.0.82' })],
      }),
      ['error sync-peer: master of this director'],
    ],
    [
      'two masters',
      director({ ipvs: withDaemons(daemon('master')), peer: [daemon('master')] }),
      ['error sync-peer: master of this director', 'error sync-peer: master of the other director'],
    ],
    [
      'a backup that nobody sends to',
      director({ ipvs: withDaemons(daemon('backup', { interface: 'eth1' })), ...aside, peer: [daemon('backup')] }),
      ['error sync-unsent: backup of this director'],
    ],
    [
      'a backup where clients are',
      director({ ipvs: withDaemons(daemon('backup')) }),
      ['warning sync-exposed: backup on eth0'],
    ],
    [
      'a backup on a device of its own',
      director({ ipvs: withDaemons(daemon('backup', { interface: 'eth1' })), ...aside }),
      [],
    ],
    [
      'messages of version 0',
      director({ ipvs: withDaemons(daemon('master')), sysctls: { 'net.ipv4.vs.sync_version': '0' } }),
      ['warning sync-version: net.ipv4.vs.sync_version'],
    ],
    ['version 0 without daemons', director({ sysctls: { 'net.ipv4.vs.sync_version': '0' } }), []],
    [
      'small buffers',
      director({
        ipvs: withDaemons(daemon('master')),
        connections: Array(1000).fill(connection('198.51.100.7', '10.0.0.11')),
        sysctls: {
          'net.core.rmem_default': '35999',
          'net.ipv4.vs.sync_sock_size': '0',
          'net.ipv4.vs.sync_qlen_max': '24',
        },
      }),
      ['note sync-buffers: net.ipv4.vs.sync_sock_size', 'note sync-buffers: net.ipv4.vs.sync_qlen_max'],
    ],
    [
      'buffers that are large enough',
      director({
        ipvs: withDaemons(daemon('master')),
        connections: Array(1000).fill(connection('198.51.100.7', '10.0.0.11')),
        sysctls: {
          'net.core.rmem_default': '100',
          'net.ipv4.vs.sync_sock_size': '36000',
          'net.ipv4.vs.sync_qlen_max': '25',
        },
      }),
      [],
    ],
    [
      'checks that never passed',
      director({
        checked: {
          servers: [
            {
              checks: [
                { check: 'tcp', target: '10.0.0.11:80', status: 'down', reason: 'connection refused' },
                { check: 'http', target: '10.0.0.11:80', status: 'down', passed: 1 },
                { check: 'ping', target: '10.0.0.11:80', status: 'unknown' },
              ],
            },
          ],
        },
      }),
      ['warning check-never-passed: tcp 10.0.0.11:80'],
    ],
    [
      'checks from the VIP, and from nowhere',
      director({
        wanted: checkedBy({
          checks: [
            { type: 'tcp', source: VIP },
            { type: 'ping', source: '10.0.0.99' },
            { type: 'dns', source: '10.0.0.2' },
          ],
        }),
      }),
      ['error check-source: tcp of tcp://10.0.0.100:80', 'error check-source: ping of tcp://10.0.0.100:80'],
    ],
    [
      'a quorum above all weights',
      director({ wanted: checkedBy({ quorum: { up: 3 } }) }),
      ['warning quorum-unreachable: tcp://10.0.0.100:80'],
    ],
    [
      'one with its hysteresis',
      director({ wanted: checkedBy({ quorum: { up: 2, hysteresis: 1 } }) }),
      ['warning quorum-unreachable: tcp://10.0.0.100:80'],
    ],
    ['a quorum of all weights', director({ wanted: checkedBy({ quorum: { up: 2 } }) }), []],
  ])('%s', (_, picture, expected) => {
    expect(told(picture)).toEqual(expected);
    all.push(...diagnose(picture));
  });
});

describe('a real server:', () => {
  const tunnel: Partial<HostState> = {
    links: [link('lo'), link('eth0'), link('tunl0', { noarp: true, kind: 'ipip' })],
    addresses: [address('tunl0', `${VIP}/32`), address('eth0', '10.0.0.11/24')],
    sysctls: { 'net.ipv4.conf.tunl0.rp_filter': '0' },
  };
  const described = (setup: HostSetup['description']): Pick<Picture, 'setups' | 'guessed'> => ({
    guessed: false,
    setups: [{ role: 'real-server', description: setup } as HostSetup],
  });
  test.each<[string, Picture, string[]]>([
    [
      'lo down',
      realServer({ host: { links: [link('lo', { up: false }), link('eth0')] } }),
      ['warning lo-down: lo (lo-up)'],
    ],
    [
      'it answers',
      realServer({ host: { sysctls: { 'net.ipv4.conf.all.arp_ignore': '0' } } }),
      ['error arp-ignore: net.ipv4.conf.all.arp_ignore (arp-ignore)'],
    ],
    [
      'it asks in the name of the VIP',
      realServer({ host: { sysctls: { 'net.ipv4.conf.all.arp_announce': '1' } } }),
      ['error arp-announce: net.ipv4.conf.all.arp_announce (arp-announce)'],
    ],
    [
      'no VIP',
      realServer({
        host: { addresses: [address('eth0', '10.0.0.11/24')] },
        ...described({ mode: 'dr', vips: [VIP] }),
      }),
      [`error vip-missing: ${VIP} (vip)`],
    ],
    [
      'the VIP on eth0',
      realServer({
        host: { addresses: [address('eth0', '10.0.0.11/24'), address('eth0', `${VIP}/32`)] },
        ...described({ mode: 'dr', vips: [VIP] }),
      }),
      [`error vip-wrong-device: ${VIP} (vip)`],
    ],
    [
      'the VIP on eth0 too',
      realServer({ host: { addresses: [address('lo', `${VIP}/32`), address('eth0', `${VIP}/32`)] } }),
      [`error vip-wrong-device: ${VIP} (vip)`],
    ],
    [
      'the network on lo',
      realServer({ host: { addresses: [address('lo', `${VIP}/24`)] } }),
      [`error vip-wrong-mask: ${VIP} (vip)`],
    ],
    ['nobody answers for the VIP', realServer({ owners: { [VIP]: [] } }), [`warning vip-unanswered: ${VIP}`]],
    ['the network was not asked', realServer({ owners: {} }), []],
    ['two answer', realServer({ owners: { [VIP]: ['02:01', '02:02'] } }), [`error arp-flux: ${VIP}`]],
    ['a tunnel', realServer({ host: tunnel, owners: {} }), []],
    [
      'a tunnel that is down',
      realServer({ host: { ...tunnel, links: [link('lo'), link('eth0'), link('tunl0', { up: false })] }, owners: {} }),
      ['error tunnel-down: tunl0 (tunnel-up)'],
    ],
    [
      'a tunnel that is not there',
      realServer({ owners: {}, ...described({ mode: 'tun', vips: ['192.0.2.9'] }) }),
      ['error no-device: there is no device tunl0'],
    ],
    [
      'GUE without its port',
      realServer({
        host: { ...tunnel, fou: { ports: [] } },
        owners: {},
        ...described({ mode: 'tun', vips: [VIP], tunnel: 'gue', port: 6080 }),
      }),
      ['error tunnel-down: UDP port 6080 (IPv4) (tunnel-up)'],
    ],
    [
      'GUE whose port takes other packets',
      realServer({
        host: { ...tunnel, fou: { ports: [{ port: 6080, family: 'ipv4', type: 'direct', bound: false }] } },
        owners: {},
        ...described({ mode: 'tun', vips: [VIP], tunnel: 'gue', port: 6080 }),
      }),
      ['error port-taken: the UDP port 6080 (IPv4) is a FOU port of another kind (direct)'],
    ],
    [
      'a tunnel with strict filtering',
      realServer({ host: { ...tunnel, sysctls: { 'net.ipv4.conf.all.rp_filter': '1' } }, owners: {} }),
      ['error rp-filter: net.ipv4.conf.tunl0.rp_filter (rp-filter)'],
    ],
    [
      'another gateway than the director',
      realServer({
        host: { routes: [defaultRoute('10.0.0.254')] },
        owners: {},
        ...described({ mode: 'nat', gateway: '10.0.0.2' }),
      }),
      ['error gateway: 0.0.0.0/0 (gateway)'],
    ],
    [
      'the director as the router of its own answers',
      realServer({
        answers: { '10.0.0.2': ['02:00:00:00:00:02'] },
        passages: [answer({ route: { local: false, device: 'eth0', gateway: '10.0.0.2' } })],
      }),
      ['error gateway-is-director: 10.0.0.2'],
    ],
    [
      'a router that does not answer',
      realServer({
        answers: { '10.0.0.254': [] },
        passages: [answer({ route: { local: false, device: 'eth0', gateway: '10.0.0.254' } })],
      }),
      ['error gateway-silent: 10.0.0.254'],
    ],
    [
      'a device that is down, and no way to a named client for that',
      realServer({
        host: { links: [link('lo'), link('eth0', { up: false, lowerUp: false })], routes: [] },
        owners: {},
        clients: ['198.51.100.7'],
        passages: [answer({ client: '198.51.100.7', named: true, refusal: 'ENETUNREACH' })],
      }),
      ['error device-down: eth0'],
    ],
    ['no way to clients elsewhere', realServer({ passages: [answer({ refusal: 'ENETUNREACH' })] }), []],
    [
      'the same with a VIP of another network',
      realServer({
        host: { addresses: [address('lo', '192.0.2.100/32'), address('eth0', '10.0.0.11/24')] },
        owners: {},
        passages: [answer({ source: '192.0.2.100', vip: '192.0.2.100', refusal: 'ENETUNREACH' })],
      }),
      ['error no-way-back: 0.0.0.0/0'],
    ],
    [
      'no way to a named client',
      realServer({
        clients: ['198.51.100.7'],
        passages: [answer({ client: '198.51.100.7', named: true, refusal: 'ENETUNREACH' })],
      }),
      ['error no-way-back: 198.51.100.7'],
    ],
    [
      'requests that the source filter drops',
      realServer({
        host: {
          routes: [network('10.0.0.0/24', 'eth0'), { ...defaultRoute('10.9.0.1'), device: 'eth1' }],
          sysctls: { 'net.ipv4.conf.all.rp_filter': '1' },
        },
        passages: [request({ refusal: 'EXDEV' })],
      }),
      ['warning rp-filter: eth0'],
    ],
    [
      'a device that answers no ARP request',
      realServer({ host: { sysctls: { 'net.ipv4.conf.all.arp_ignore': '8' } } }),
      ['error arp-mute: eth0'],
    ],
    [
      'NAT with a route past the director',
      realServer({
        host: {
          routes: [
            network('10.0.0.0/24', 'eth0'),
            defaultRoute('10.0.0.2'),
            network('198.51.100.0/24', 'eth0', '10.0.0.254'),
          ],
        },
        owners: {},
        ...described({ mode: 'nat', gateway: '10.0.0.2' }),
      }),
      ['warning route-past-director: 198.51.100.0/24'],
    ],
    [
      'the same for a named client that it leads to',
      realServer({
        host: {
          routes: [
            network('10.0.0.0/24', 'eth0'),
            defaultRoute('10.0.0.2'),
            network('198.51.100.0/24', 'eth0', '10.0.0.254'),
          ],
        },
        owners: {},
        clients: ['198.51.100.7'],
        passages: [
          answer({
            client: '198.51.100.7',
            named: true,
            route: { local: false, device: 'eth0', gateway: '10.0.0.254' },
          }),
        ],
        ...described({ mode: 'nat', gateway: '10.0.0.2' }),
      }),
      ['error route-past-director: 198.51.100.7'],
    ],
    [
      'a tunnel that drops checksums',
      realServer({
        host: {
          ...tunnel,
          links: [
            link('lo'),
            link('eth0'),
            link('gre0', { noarp: true, kind: 'gre', greChecksum: false, checksumErrors: 7 }),
          ],
          addresses: [address('gre0', `${VIP}/32`), address('eth0', '10.0.0.11/24')],
          sysctls: { 'net.ipv4.conf.gre0.rp_filter': '0' },
        },
        owners: {},
      }),
      ['error tunnel-checksum: gre0'],
    ],
    [
      'our device for checksums, which takes them',
      realServer({
        host: {
          ...tunnel,
          links: [
            link('lo'),
            link('eth0'),
            link('ipvs-gre', { noarp: true, kind: 'gre', greChecksum: true, greLocal: '10.0.0.11' }),
          ],
          addresses: [address('ipvs-gre', `${VIP}/32`), address('eth0', '10.0.0.11/24')],
          sysctls: { 'net.ipv4.conf.ipvs-gre.rp_filter': '0' },
        },
        owners: {},
      }),
      [],
    ],
  ])('%s', (_, picture, expected) => {
    expect(told(picture)).toEqual(expected);
    all.push(...diagnose(picture));
  });
});

describe('a described director for NAT:', () => {
  const described: HostSetup = {
    role: 'director',
    description: {
      mode: 'nat',
      device: 'eth0',
      vips: [VIP],
      inside: { network: '10.1.0.0/24', device: 'eth1', address: '10.1.0.1/24', masquerade: true },
    },
  };
  const picture = (masquerade: HostState['masquerade'], sysctls: HostState['sysctls'] = {}) =>
    director({
      services: [nat],
      setups: [described],
      guessed: false,
      host: { ...inside, masquerade, sysctls: { 'net.ipv4.ip_forward': '1', ...sysctls } },
    });

  test('all that it needs', () => {
    expect(told(picture({ ipv4: { tool: 'iptables', marks: [] } }))).toEqual([
      'error inside-address: 10.1.0.1 on eth1 (inside-address)',
      'error conntrack: net.ipv4.vs.conntrack (conntrack)',
      'error masquerade: 10.1.0.0/24 (masquerade)',
    ]);
  });

  test('no program that can masquerade, and no module', () => {
    const found = told(
      picture({ ipv4: { marks: [], problem: 'nft: there is none' } }, { 'net.ipv4.vs.conntrack': undefined }),
    );
    expect(found.map((line) => line.split(':')[0])).toEqual([
      'error no-module',
      'error no-masquerade',
      'error inside-address',
      'error conntrack',
    ]);
  });
});

test('room for each kind of tunnel, with the segment size that fits', () => {
  const mss = (destination: Destination & { forward: 'tun' }, vip = VIP) => {
    const host: Partial<HostState> = {
      addresses: [address('eth0', '10.0.0.2/24'), address('eth0', '2001:db8::2/64'), address('eth0', `${vip}/128`)],
      routes: [network('10.0.0.0/24', 'eth0'), network('2001:db8::/64', 'eth0')],
    };
    const picture = director({
      services: [service({ ...WEB, address: vip }, destination)],
      host,
      owners: {},
      setups: [],
    });
    const command = diagnose(picture).find(({ id }) => id === 'tunnel-mtu')?.fix.command;
    return /--set-mss (\d+)/.exec(command ?? '')?.[1];
  };
  expect(mss({ address: '10.0.0.11', forward: 'tun' })).toBe('1440');
  expect(mss({ address: '2001:db8::11', forward: 'tun' })).toBe('1420');
  expect(mss({ address: '10.0.0.11', forward: 'tun', tunnel: { type: 'gre' } })).toBe('1436');
  expect(mss({ address: '10.0.0.11', forward: 'tun', tunnel: { type: 'gre', checksum: 'csum' } })).toBe('1432');
  expect(mss({ address: '10.0.0.11', forward: 'tun', tunnel: { type: 'gue', port: 6080 } })).toBe('1428');
  expect(mss({ address: '10.0.0.11', forward: 'tun', tunnel: { type: 'gue', port: 6080, checksum: 'remcsum' } })).toBe(
    '1420',
  );
  expect(mss({ address: '2001:db8::11', forward: 'tun' }, '2001:db8::100')).toBe('1400');
});

describe('what a host seems to be', () => {
  test('nothing', () => {
    const state = host({ addresses: [address('lo', '127.0.0.1/8'), address('tunl0', '10.9.0.1/30')] });
    expect(guess(state, ipvs([]).table)).toEqual({ setups: [] });
    expect(told({ ...director({ services: [], host: state }), role: undefined } as unknown as Picture)).toEqual([
      'note role-unknown: this host',
    ]);
  });

  test('a director goes before a real server, unless it is told apart', () => {
    const state = host({ addresses: [address('lo', `${VIP}/32`)] });
    const { table } = ipvs([service(WEB, { address: '10.0.0.11' })]);
    expect(guess(state, table).role).toBe('director');
    expect(guess(state, table, 'real-server')).toEqual({
      role: 'real-server',
      setups: [{ role: 'real-server', description: { mode: 'dr', vips: [VIP] } }],
    });
  });

  test('services by mark have no virtual IP, and a local server needs nothing', () => {
    const mark = service({ protocol: 'fwmark', mark: 5 }, { address: '10.0.0.11' });
    expect(guess(host(), ipvs([mark]).table)).toEqual({ role: 'director', setups: [] });
  });

  test('more virtual IPs than a description may have become several', () => {
    const many = Array.from({ length: 1500 }, (_, index) =>
      service({ ...WEB, address: `10.2.${index >> 8}.${index & 255}` }, { address: '10.0.0.11' }),
    );
    const { setups } = guess(host({ routes: [network('10.0.0.0/8', 'eth0')] }), ipvs(many).table);
    expect(setups.map(({ description }) => 'vips' in description && description.vips.length)).toEqual([1024, 476]);
  });
});

describe('mending', () => {
  test('takes the steps that are missing, in the order of the plan', () => {
    const picture = realServer({
      host: {
        links: [link('lo', { up: false }), link('eth0')],
        sysctls: { 'net.ipv4.conf.all.arp_ignore': '0' },
      },
    });
    const plans = mendings(picture);
    expect(plans.map(({ steps }) => steps.map(({ id }) => id))).toEqual([['lo-up', 'arp-ignore']]);
    expect(leftToPeople(diagnose(picture))).toEqual([]);
    expect(mendings(realServer())).toEqual([]);
  });

  test('adds the right address first, then deletes the wrong one', () => {
    const steps = (addresses: string[]) =>
      mendings(
        realServer({
          host: {
            addresses: addresses.map((one) => address(...(one.split(' ') as [string, string]))),
          },
          setups: [{ role: 'real-server', description: { mode: 'dr', vips: [VIP] } }],
          guessed: false,
        }),
      ).flatMap(({ steps }) => steps.map(({ what }) => what));
    expect(steps([`lo ${VIP}/24`, 'eth0 10.0.0.11/24'])).toEqual([
      'add 10.0.0.100/32 to lo',
      'delete 10.0.0.100/24 from lo',
    ]);
    expect(steps([`lo ${VIP}/32`, `eth0 ${VIP}/32`])).toEqual(['delete 10.0.0.100/32 from eth0']);
    // It is one of two in its network, or the only one.
    expect(steps([`lo ${VIP}/32`, `eth0 ${VIP}/24`, 'eth0 10.0.0.11/24'])).toEqual(['delete 10.0.0.100/24 from eth0']);
    expect(steps([`lo ${VIP}/32`, `eth0 ${VIP}/24`])).toEqual([]);
  });

  test('says why it leaves an address that a network hangs on', () => {
    const picture = realServer({ host: { addresses: [address('lo', `${VIP}/32`), address('eth0', `${VIP}/24`)] } });
    expect(leftToPeople(diagnose(picture)).map(({ fix }) => fix.manual)).toEqual([
      'The network of eth0 hangs on 10.0.0.100/24: give eth0 another address there first.',
    ]);
  });

  test("leaves a director's virtual IP on a second device", () => {
    const host = {
      addresses: [address('eth0', '10.0.0.2/24'), address('eth0', `${VIP}/32`), address('lo', `${VIP}/32`)],
    };
    const setups: HostSetup[] = [{ role: 'director', description: { mode: 'dr', device: 'eth0', vips: [VIP] } }];
    expect(mendings(director({ host, setups, guessed: false }))).toEqual([]);
  });

  test('never adds a virtual IP that another host has, or that nobody asked for', () => {
    const without = { addresses: [address('eth0', '10.0.0.2/24')] };
    expect(mendings(director({ host: without }))).toHaveLength(1);
    expect(mendings(director({ host: without, owners: { [VIP]: ['02:01'] } }))).toEqual([]);
    expect(mendings(director({ host: without, owners: {} }))).toEqual([]);
  });

  test('leaves to people what belongs on other hosts', () => {
    const picture = director({ owners: { [VIP]: ['02:0b'] }, servers: { '02:0b': ['10.0.0.11'] } });
    expect(leftToPeople(diagnose(picture)).map(({ id, fix }) => [id, fix.on])).toEqual([['arp-flux', '10.0.0.11']]);
    expect(mendings(picture)).toEqual([]);
  });
});

describe('commands', () => {
  test('are quoted where a shell would read them otherwise', () => {
    expect(
      commandLine([
        ['ip', 'link'],
        ['echo', "it's; $(rm)", '10.0.0.1/24', '[::1]:80', ''],
      ]),
    ).toBe("ip link && echo 'it'\\''s; $(rm)' 10.0.0.1/24 '[::1]:80' ''");
  });

  test('enter the namespace that was looked at', () => {
    const netns = 'blue';
    const host = { addresses: [address('lo', `${VIP}/24`)] };
    expect(commandOf(realServer({ host, netns }))).toBe(
      'nsenter --net=/run/netns/blue ip address add 10.0.0.100/32 dev lo && ' +
        'nsenter --net=/run/netns/blue ip address del 10.0.0.100/24 dev lo',
    );
  });

  test('are what ipvsadm takes', () => {
    const six = service({ ...WEB, address: '2001:db8::100' }, { address: '2001:db8::11', weight: 0, active: 1 });
    const picture = director({
      services: [six],
      host: { addresses: [address('eth0', '2001:db8::100/128')] },
      setups: [],
    });
    const all = diagnose(picture).find(({ id }) => id === 'all-quiesced');
    expect(all?.fix.command).toBe("ipvs-ts -e -t '[2001:db8::100]:80' -r '[2001:db8::11]:80' -g -w 1");
  });

  test('of a device with a dot in its name', () => {
    const host: Partial<HostState> = {
      links: [link('lo'), link('eth0'), link('eth0.5')],
      sysctls: { [deviceSysctl('ipv4', 'eth0.5', 'arp_ignore')]: '3' },
    };
    expect(commandOf(realServer({ host }))).toBe('sysctl -w net.ipv4.conf.eth0/5.arp_ignore=1');
  });
});

test('a shell reads every command', () => {
  expect(all.length).toBeGreaterThan(60);
  const script = all.map(({ fix }) => fix.command).join('\n');
  expect(spawnSync('sh', ['-n'], { input: script, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  for (const { what, why } of all) for (const text of [what, why]) expect(text).toMatch(/^[\w/].*[.)]$/);
});

describe('pages', () => {
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const pages = readdirSync(`${root}docs/doctor`).filter((name) => name !== 'README.md');
  const index = readFileSync(`${root}docs/doctor/README.md`, 'utf8');

  test('there is one for every finding, and no other', () => {
    expect(pages.toSorted()).toEqual(FINDING_IDS.map((id) => `${id}.md`).toSorted());
    expect(new Set(FINDING_IDS).size).toBe(FINDING_IDS.length);
  });

  test.each(FINDING_IDS)('%s', (id) => {
    const { page } = finding(id, 'note', {} as Finding);
    expect(existsSync(root + page)).toBe(true);
    const text = readFileSync(root + page, 'utf8');
    expect(text.startsWith(`# ${id}\n`)).toBe(true);
    for (const heading of ['## Why it matters', '## See it', '## Mend it', '## Where this comes from']) {
      expect(text).toContain(`\n${heading}\n`);
    }
    expect(index).toContain(`[${id}](${id}.md)`);
  });
});
