/**
 * The doctor in the lab: nothing to say of what is well, and the right name for what is broken on purpose.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { runVerb } from '../../src/cli/run-verb.js';
import { examine } from '../../src/doctor/examine.js';
import type { Finding } from '../../src/doctor/finding.js';
import type { ExamineOptions } from '../../src/doctor/gather.js';
import { readMasquerade } from '../../src/host/masquerade.js';
import type { HostSetup } from '../../src/host/setup.js';
import { Host as SetUpHost } from '../../src/host.js';
import { Ipvs } from '../../src/index.js';
import { makeDestination } from '../../src/model/destination.js';
import type { Director } from '../../src/model/director.js';
import type { RealServer } from '../../src/model/real-server.js';
import { type Host, Lan } from '../lab/network.js';
import { succeed } from '../lab/process.js';

const directory = mkdtempSync(join(tmpdir(), 'doctor-'));
afterAll(() => rmSync(directory, { recursive: true }));

async function setUp({ namespacePath }: Host, setup: HostSetup): Promise<void> {
  const host = await SetUpHost.open({ netns: namespacePath });
  await host.apply(await host.plan(setup));
}

const setUpDirector = (host: Host, description: Director) => setUp(host, { role: 'director', description });
const setUpRealServer = (host: Host, description: RealServer) => setUp(host, { role: 'real-server', description });

/** Findings in short: `error arp-ignore step arp-ignore`. */
async function look(host: Host, options: ExamineOptions = {}): Promise<string[]> {
  return (await examine({ ...options, netns: host.namespacePath })).map(inShort);
}

function inShort({ id, severity, fix }: Finding): string {
  const step = fix.step === undefined ? '' : ` step ${fix.step}`;
  return `${severity} ${id}${step}${fix.on === undefined ? '' : ` on ${fix.on}`}`;
}

/** Runs shell commands on a host. */
const sh = (host: Host, commands: string) => host.run('sh', '-ec', commands);

describe('DR', () => {
  const VIP = '10.0.0.100';
  const dr: ExamineOptions = { role: 'director', description: { mode: 'dr', device: 'eth0', vips: [VIP] } };
  const rs: ExamineOptions = { role: 'real-server', description: { mode: 'dr', vips: [VIP] } };
  const service = { protocol: 'tcp', address: VIP, port: 80, scheduler: 'rr' } as const;
  let lan: Lan;
  let client: Host;
  let director: Host;
  let rs1: Host;
  let ipvs: Ipvs;

  beforeAll(async () => {
    lan = await Lan.create();
    client = await lan.host('client', '10.0.0.1/24');
    director = await lan.host('director', '10.0.0.2/24');
    rs1 = await lan.host('rs1', '10.0.0.11/24');
    const rs2 = await lan.host('rs2', '10.0.0.12/24');
    await setUpDirector(director, { mode: 'dr', device: 'eth0', vips: [VIP] });
    for (const server of [rs1, rs2]) await setUpRealServer(server, { mode: 'dr', vips: [VIP] });
    ipvs = await Ipvs.open({ netns: director.namespacePath });
    await fill();
  });
  afterAll(async () => {
    await ipvs.close();
    await lan[Symbol.asyncDispose]();
  });

  /** The table of a healthy cluster. */
  async function fill(): Promise<void> {
    await ipvs.flush();
    await ipvs.addService(service);
    for (const address of ['10.0.0.11', '10.0.0.12']) await ipvs.addDestination(service, { address });
  }

  test('a healthy cluster has nothing, described or guessed', async () => {
    expect(await look(director)).toEqual([]);
    expect(await look(director, dr)).toEqual([]);
    expect(await look(rs1)).toEqual([]);
    expect(await look(rs1, rs)).toEqual([]);
  });

  test('a host that is nothing', async () => {
    expect(await look(client)).toEqual(['note role-unknown']);
  });

  const moved = 'ip address del 10.0.0.100/32 dev lo; ip address add 10.0.0.100/32 dev eth0';
  const movedBack = 'ip address del 10.0.0.100/32 dev eth0; ip address add 10.0.0.100/32 dev lo';
  test.each<[string, 'rs1' | 'director', string, string, ExamineOptions, string[], string[]]>([
    [
      'a real server that answers',
      'rs1',
      'sysctl -qw net.ipv4.conf.all.arp_ignore=0',
      'sysctl -qw net.ipv4.conf.all.arp_ignore=1',
      {},
      ['error arp-ignore step arp-ignore'],
      ['error arp-flux step arp-ignore on 10.0.0.11'],
    ],
    [
      'a device that answers in spite of all',
      'rs1',
      'sysctl -qw net.ipv4.conf.eth0.arp_ignore=3',
      'sysctl -qw net.ipv4.conf.eth0.arp_ignore=0',
      {},
      ['error arp-ignore step arp-ignore'],
      ['error arp-flux step arp-ignore on 10.0.0.11'],
    ],
    [
      'a real server that asks in the name of the VIP',
      'rs1',
      'sysctl -qw net.ipv4.conf.all.arp_announce=0',
      'sysctl -qw net.ipv4.conf.all.arp_announce=2',
      {},
      ['error arp-announce step arp-announce'],
      [],
    ],
    [
      'a real server without the VIP',
      'rs1',
      'ip address del 10.0.0.100/32 dev lo',
      'ip address add 10.0.0.100/32 dev lo',
      rs,
      ['error vip-missing step vip'],
      [],
    ],
    [
      'a VIP with the mask of the network',
      'rs1',
      'ip address del 10.0.0.100/32 dev lo; ip address add 10.0.0.100/24 dev lo',
      'ip address del 10.0.0.100/24 dev lo; ip address add 10.0.0.100/32 dev lo',
      {},
      ['error vip-wrong-mask step vip'],
      [],
    ],
    [
      'a VIP with both masks',
      'rs1',
      'ip address add 10.0.0.100/24 dev lo',
      'ip address del 10.0.0.100/24 dev lo',
      {},
      ['error vip-wrong-mask step vip'],
      [],
    ],
    [
      'a VIP on the Ethernet device',
      'rs1',
      moved,
      movedBack,
      rs,
      ['error vip-wrong-device step vip'],
      ['error arp-flux step arp-ignore on 10.0.0.11'],
    ],
    ['lo down', 'rs1', 'ip link set lo down', 'ip link set lo up', {}, ['warning lo-down step lo-up'], []],
    ['lo down', 'director', 'ip link set lo down', 'ip link set lo up', dr, [], ['warning lo-down']],
    [
      'a director without the VIP',
      'director',
      'ip address del 10.0.0.100/32 dev eth0',
      'ip address add 10.0.0.100/32 dev eth0',
      dr,
      ['warning vip-unanswered on the director'],
      ['error vip-missing step vip'],
    ],
    [
      'a director without the VIP, guessed',
      'director',
      'ip address del 10.0.0.100/32 dev eth0',
      'ip address add 10.0.0.100/32 dev eth0',
      {},
      ['warning vip-unanswered on the director'],
      ['error vip-missing step vip'],
    ],
    [
      'a director without the VIP, guessed and not asked for',
      'director',
      'ip address del 10.0.0.100/32 dev eth0',
      'ip address add 10.0.0.100/32 dev eth0',
      { probe: false },
      [],
      ['warning vip-missing'],
    ],
    [
      'a director with the VIP on another device than described',
      'director',
      'ip link add d0 type dummy; ip link set d0 up; ip address del 10.0.0.100/32 dev eth0; ip address add 10.0.0.100/32 dev d0',
      'ip link del d0; ip address add 10.0.0.100/32 dev eth0',
      dr,
      [],
      ['error vip-wrong-device step vip'],
    ],
    [
      'a director with a silent VIP',
      'director',
      'ip address del 10.0.0.100/32 dev eth0; ip address add 10.0.0.100/32 dev lo; sysctl -qw net.ipv4.conf.all.arp_ignore=1',
      'ip address del 10.0.0.100/32 dev lo; ip address add 10.0.0.100/32 dev eth0; sysctl -qw net.ipv4.conf.all.arp_ignore=0',
      {},
      ['warning vip-unanswered on the director'],
      ['warning vip-silent'],
    ],
    [
      'a director whose clients come in where they are filtered',
      'director',
      'ip link add d0 type dummy; ip link set d0 up; ip route add default dev d0; sysctl -qw net.ipv4.conf.eth0.rp_filter=1',
      'ip link del d0; sysctl -qw net.ipv4.conf.eth0.rp_filter=0',
      {},
      [],
      ['warning rp-filter-director'],
    ],
  ])('%s (%s)', async (_, where, wreck, repair, options, atServer, atDirector) => {
    const host = where === 'rs1' ? rs1 : director;
    await sh(host, wreck);
    onTestFinished(async () => void (await sh(host, repair)));
    const server = options.role === 'director' ? { probe: true } : options;
    expect(await look(rs1, server)).toEqual(atServer);
    expect(await look(director, options.role === 'real-server' ? {} : options)).toEqual(atDirector);
  });

  test('another host with the VIP, and a standby', async () => {
    await client.addAddress(`${VIP}/32`);
    expect(await look(director)).toEqual(['error arp-flux']);
    expect(await look(rs1)).toEqual(['error arp-flux']);
    await director.ip(`address del ${VIP}/32 dev eth0`);
    expect(await look(director)).toEqual(['note vip-elsewhere']);
    expect(await look(director, dr)).toEqual(['note vip-elsewhere']);
    await director.addAddress(`${VIP}/32`);
    await client.ip(`address del ${VIP}/32 dev eth0`);
    expect(await look(director)).toEqual([]);
  });

  test.each<[string, () => Promise<void>, string[]]>([
    ['no real servers', () => ipvs.addService({ ...service, port: 81 }), ['error no-servers']],
    [
      'a service without a scheduler',
      async () => {
        await ipvs.flush();
        await ipvs.addService({ ...service, scheduler: 'none' });
        await ipvs.addDestination(service, { address: '10.0.0.11' });
      },
      ['error no-scheduler'],
    ],
    [
      'all quiesced and idle',
      async () => {
        for (const address of ['10.0.0.11', '10.0.0.12']) {
          await ipvs.updateDestination(service, { address, weight: 0, forward: 'dr' });
        }
      },
      ['error all-quiesced', 'note quiesced-idle', 'note quiesced-idle'],
    ],
    [
      'a port that DR does not change',
      () =>
        ipvs.apply({
          verb: 'add-destination',
          key: service,
          // As another program makes it: the library refuses it where it is new.
          destination: makeDestination({
            ...{ address: '10.0.0.11', port: 8080, weight: 1, forward: 'dr' },
            ...{ upperThreshold: 0, lowerThreshold: 0 },
          }),
        }),
      ['error port-mismatch'],
    ],
    [
      'a threshold that nothing reaches',
      async () => {
        const udp = { protocol: 'udp', address: VIP, port: 53 } as const;
        await ipvs.addService({ ...udp, onePacket: true });
        await ipvs.addDestination(udp, { address: '10.0.0.11', upperThreshold: 10 });
      },
      ['warning threshold-unreachable'],
    ],
    [
      'a real server without a route',
      () => ipvs.addDestination(service, { address: '203.0.113.5' }),
      ['error server-unreachable'],
    ],
  ])('the table: %s', async (_, wreck, found) => {
    onTestFinished(fill);
    await wreck();
    expect(await look(director)).toEqual(found);
  });

  test('after all that, the cluster is healthy again', async () => {
    expect(await look(director)).toEqual([]);
    expect(await look(rs1)).toEqual([]);
  });

  test('a real server behind a router, and one that is gone', async () => {
    await ipvs.addDestination(service, { address: '203.0.113.5' });
    await ipvs.addDestination(service, { address: '10.0.0.99' });
    await director.ip('route add 203.0.113.0/24 via 10.0.0.1');
    expect(await look(director)).toEqual(['error dr-behind-router', 'error server-silent']);
    await director.ip('neighbour replace 10.0.0.99 dev eth0 nud failed');
    expect(await look(director, { probe: false })).toEqual(['error dr-behind-router', 'note server-silent']);
    await director.ip('route del 203.0.113.0/24', 'neighbour del 10.0.0.99 dev eth0');
    await fill();
  });

  test('a real server that is back, and that the kernel still takes for dead', async () => {
    await director.ip('neighbour replace 10.0.0.11 dev eth0 nud failed');
    expect(await look(director)).toEqual([]);
  });

  test('sysctls of IPVS', async () => {
    await ipvs.updateDestination(service, { address: '10.0.0.11', weight: 0, forward: 'dr' });
    await director.sysctl({
      'net.ipv4.vs.conn_reuse_mode': 0,
      'net.ipv4.vs.drop_packet': 3,
      'net.ipv4.vs.am_droprate': 1,
      'net.ipv4.vs.secure_tcp': 3,
      'net.ipv4.vs.run_estimation': 0,
    });
    expect(await look(director)).toEqual([
      'error defence',
      'warning conn-reuse-mode',
      'warning defence',
      'note quiesced-idle',
      'note no-estimation',
    ]);
    await director.sysctl({
      'net.ipv4.vs.conn_reuse_mode': 1,
      'net.ipv4.vs.drop_packet': 0,
      'net.ipv4.vs.am_droprate': 10,
      'net.ipv4.vs.secure_tcp': 0,
      'net.ipv4.vs.run_estimation': 1,
    });
    await fill();
    expect(await look(director)).toEqual([]);
  });

  test('sync daemons', async () => {
    onTestFinished(async () => {
      for (const { role } of await ipvs.daemons()) await ipvs.stopDaemon(role);
      await director.ip('link del d0');
    });
    await director.ip('link add d0 type dummy', 'link set d0 up');
    await ipvs.startDaemon({ role: 'master', interface: 'd0', syncId: 1 });
    await ipvs.startDaemon({ role: 'backup', interface: 'd0', syncId: 2 });
    expect(await look(director)).toEqual(['note sync-ids on the other director']);
    await director.sysctl({ 'net.ipv4.vs.backup_only': 1 });
    expect(await look(director)).toEqual(['error backup-only', 'note sync-ids on the other director']);
    await director.sysctl({ 'net.ipv4.vs.backup_only': 0 });
    const [master] = await ipvs.daemons();
    if (master === undefined) throw new Error('the master does not run');
    const other = { ...master, interface: 'eth0' };
    expect(
      await look(director, {
        peer: [
          { ...other, role: 'backup' },
          { ...other, syncId: 2 },
        ],
      }),
    ).toEqual(['note sync-ids on the other director']);
    expect(await look(director, { peer: [{ ...other, role: 'backup', syncId: 9 }, other] })).toEqual([
      'error sync-peer on the other director',
      'error sync-peer',
      'note sync-ids on the other director',
    ]);
    await director.ip('link set d0 down');
    expect(await look(director)).toEqual([
      'error sync-interface',
      'error sync-interface',
      'note sync-ids on the other director',
    ]);
  });

  test('connections: overload, a client of its own, a quiesced favourite, and one without a server', async () => {
    await ipvs.flush();
    await ipvs.addService({ ...service, persistence: {} });
    await ipvs.addDestination(service, { address: '10.0.0.11', upperThreshold: 1 });
    // Nobody listens there: the connection is in the table all the same.
    expect(await client.reaches(`http://${VIP}/`)).toBe(false);
    expect(await look(director)).toEqual(['warning overloaded']);
    await ipvs.updateDestination(service, { address: '10.0.0.11', weight: 0, forward: 'dr' });
    expect(await look(director)).toEqual(['error all-quiesced', 'warning expire-quiescent']);
    await ipvs.updateDestination(service, { address: '10.0.0.11', forward: 'dr' });
    expect(await director.exec('curl', '--silent', '--max-time', '0.5', `http://${VIP}/`)).not.toMatchObject({
      code: 0,
    });
    expect(await look(director)).toEqual(['note own-client']);
    await ipvs.deleteDestination(service, { address: '10.0.0.11' });
    await ipvs.addDestination(service, { address: '10.0.0.12' });
    expect(await look(director)).toEqual(['warning expire-nodest']);
    await director.sysctl({ 'net.ipv4.vs.expire_nodest_conn': 1 });
    expect(await look(director)).toEqual([]);
    await director.sysctl({ 'net.ipv4.vs.expire_nodest_conn': 0 });
    await ipvs.flush();
  });

  test('schedulers that are wanted', async () => {
    await fill();
    const options: ExamineOptions = { schedulers: ['rr', 'mh', 'nonsense'], probe: false };
    const findings = await examine({ ...options, netns: director.namespacePath });
    const missing = findings.filter(({ id }) => id === 'scheduler-missing');
    expect(missing.map(({ subject }) => subject)).toEqual(['nonsense']);
    expect(missing[0]?.what).toMatch(/It has dh, fo, .*wlc, wrr\./);
  });

  test('--fix does the steps that are missing, and no more', async () => {
    await sh(
      rs1,
      'sysctl -qw net.ipv4.conf.all.arp_ignore=0; ip address del 10.0.0.100/32 dev lo; ip link set lo down',
    );
    const words = ['realserver', '--mode', 'dr', '--vip', VIP, '--netns', rs1.namespacePath];
    const json = await run(...words, '--json');
    expect(json.code).toBe(4);
    expect((JSON.parse(json.output) as Finding[]).map(inShort)).toEqual([
      'error arp-ignore step arp-ignore',
      'error vip-missing step vip',
      'warning lo-down step lo-up',
    ]);
    const { code, output } = await run(...words, '--fix');
    expect(code).toBe(0);
    expect(output.split('\n').filter((line) => line.startsWith('done: '))).toEqual([
      'done: switch lo on',
      'done: set net.ipv4.conf.all.arp_ignore to 1',
      'done: add 10.0.0.100/32 to lo',
    ]);
    expect(await run('--netns', rs1.namespacePath)).toEqual({
      code: 0,
      output: 'Nothing is wrong with this real server.\n',
    });
  });

  test('--fix puts a VIP right that is in the wrong place or has the wrong mask', async () => {
    const words = ['realserver', '--mode', 'dr', '--vip', VIP, '--netns', rs1.namespacePath, '--fix'];
    const addresses = () => rs1.run('ip', '-o', '-4', 'address', 'show', 'to', VIP);
    await sh(rs1, 'ip address del 10.0.0.100/32 dev lo; ip address add 10.0.0.100/24 dev lo');
    expect(await run(...words)).toMatchObject({ code: 0 });
    expect(await addresses()).toMatch(/^\d+: lo {4}inet 10\.0\.0\.100\/32 [^\n]*\n$/);
    await sh(rs1, moved);
    expect(await run(...words)).toMatchObject({ code: 0 });
    expect(await addresses()).toMatch(/^\d+: lo {4}inet 10\.0\.0\.100\/32 [^\n]*\n$/);
    // Of what the device's network hangs on, it says why not.
    await sh(rs1, 'ip address add 10.0.0.100/16 dev eth0');
    const { code, output } = await run(...words);
    expect(code).toBe(4);
    expect(output).toContain(
      'Left to you: vip-wrong-device (10.0.0.100): The network of eth0 hangs on 10.0.0.100/16: give eth0 another address there first.',
    );
    await sh(rs1, 'ip address del 10.0.0.100/16 dev eth0');
  });

  test('--fix never adds a VIP that another host has', async () => {
    await client.addAddress(`${VIP}/32`);
    await director.ip(`address del ${VIP}/32 dev eth0`);
    const { code, output } = await run('--netns', director.namespacePath, '--fix');
    expect({ code, output: output.split('\n')[0] }).toEqual({ code: 0, output: `note vip-elsewhere: ${VIP}` });
    expect(await director.ip('address show dev eth0')).not.toContain(VIP);
    await client.ip(`address del ${VIP}/32 dev eth0`);
    await director.addAddress(`${VIP}/32`);
  });

  test('--peer reads what the other director says', async () => {
    const file = join(directory, 'peer.json');
    writeFileSync(file, '{"daemons":[{"role":"master","interface":"eth0","syncId":1}]}');
    const { code, output } = await run('--netns', director.namespacePath, '--peer', file);
    expect(code).toBe(4);
    expect(output).toContain('Nobody listens to the master of the other director: this director runs no backup.');
  });
});

async function run(...words: string[]): Promise<{ code: number; output: string }> {
  const stdout = new PassThrough();
  const output = text(stdout);
  const code = await runVerb('doctor', words, { stdin: new PassThrough(), stdout, stderr: new PassThrough() });
  stdout.end();
  return { code, output: await output };
}

test('DR with IPv6', async () => {
  await using lan = await Lan.create();
  const director = await lan.host('director', '2001:db8::2/64');
  const rs1 = await lan.host('rs1', '2001:db8::11/64');
  const vip = '2001:db8::100';
  await setUpDirector(director, { mode: 'dr', device: 'eth0', vips: [vip] });
  await setUpRealServer(rs1, { mode: 'dr', vips: [vip] });
  await using ipvs = await Ipvs.open({ netns: director.namespacePath });
  const service = { protocol: 'tcp', address: vip, port: 80, scheduler: 'rr' } as const;
  await ipvs.addService(service);
  await ipvs.addDestination(service, { address: '2001:db8::11' });
  expect(await look(director)).toEqual([]);
  expect(await look(rs1)).toEqual([]);
  await rs1.ip(`address del ${vip}/128 dev lo`, `address add ${vip}/128 dev eth0 nodad`);
  const rs: ExamineOptions = { role: 'real-server', description: { mode: 'dr', vips: [vip] } };
  expect(await look(rs1, rs)).toEqual(['error vip-wrong-device step vip']);
  expect(await look(director)).toEqual(['error arp-flux step arp-ignore on 2001:db8::11']);
});

test('NAT between two networks', async () => {
  await using lan = await Lan.create();
  const director = await lan.host('director', '10.0.0.2/24');
  await lan.host('router', '10.0.0.254/24');
  await lan.wire('inside').connect(director);
  const rs1 = await lan.wire('inside').host('rs1', '10.1.0.11/24');
  const description: Director = {
    mode: 'nat',
    device: 'eth0',
    vips: ['10.0.0.100'],
    gateway: '10.0.0.254',
    inside: { network: '10.1.0.0/24', device: 'eth1', address: '10.1.0.1/24' },
  };
  await setUpDirector(director, description);
  await setUpRealServer(rs1, { mode: 'nat', gateway: '10.1.0.1' });
  await using ipvs = await Ipvs.open({ netns: director.namespacePath });
  const service = { protocol: 'tcp', address: '10.0.0.100', port: 80, scheduler: 'rr' } as const;
  await ipvs.addService(service);
  await ipvs.addDestination(service, { address: '10.1.0.11', port: 8080, forward: 'nat' });
  const unseen = 'note nat-gateway-unseen on each real server';
  const described: ExamineOptions = { role: 'director', description };
  const server: ExamineOptions = { role: 'real-server', description: { mode: 'nat', gateway: '10.1.0.1' } };
  expect(await look(director)).toEqual([unseen]);
  expect(await look(director, described)).toEqual([unseen]);
  expect(await look(rs1, server)).toEqual([]);

  await rs1.ip('route replace default via 10.1.0.254');
  expect(await look(rs1, server)).toEqual(['error gateway step gateway', 'error gateway-silent']);
  await director.sysctl({ 'net.ipv4.ip_forward': 0 });
  expect(await look(director)).toEqual(['error ip-forward step ip-forward', unseen]);
  await director.sysctl({ 'net.ipv4.ip_forward': 1 });
  await director.ip('route del default', 'address del 10.1.0.1/24 dev eth1');
  expect((await look(director, described)).toSorted()).toEqual([
    'error gateway step gateway',
    'error inside-address step inside-address',
    'error server-unreachable',
    unseen,
  ]);
});

test('NAT in one network: redirects, and masquerading', async () => {
  await using lan = await Lan.create();
  const director = await lan.host('director', '10.0.0.2/24');
  await lan.host('rs1', '10.0.0.11/24');
  const description: Director = {
    mode: 'nat',
    device: 'eth0',
    vips: ['10.0.0.100'],
    inside: { network: '10.0.0.0/24' },
  };
  const masquerading: Director = { ...description, inside: { network: '10.0.0.0/24', masquerade: true } };
  await setUpDirector(director, masquerading);
  await using ipvs = await Ipvs.open({ netns: director.namespacePath });
  const service = { protocol: 'tcp', address: '10.0.0.100', port: 80, scheduler: 'rr' } as const;
  await ipvs.addService(service);
  await ipvs.addDestination(service, { address: '10.0.0.11', forward: 'nat' });
  const options: ExamineOptions = { role: 'director', description: masquerading };
  expect(await look(director, options)).toEqual([]);

  await director.sysctl({ 'net.ipv4.conf.all.send_redirects': 1 });
  expect(await look(director, options)).toEqual(['warning send-redirects step send-redirects']);
  expect(await look(director)).toEqual([
    'warning send-redirects step send-redirects',
    'note nat-gateway-unseen on each real server',
  ]);
  await director.sysctl({ 'net.ipv4.conf.all.send_redirects': 0, 'net.ipv4.vs.conntrack': 0 });
  expect(await look(director, options)).toEqual(['error conntrack step conntrack']);
  await director.sysctl({ 'net.ipv4.vs.conntrack': 1 });
  // The doctor looks where the host's set-up put the rule.
  const { tool } = await readMasquerade('ipv4');
  await sh(director, tool === 'nft' ? 'nft flush ruleset' : `${tool} -t nat -F POSTROUTING`);
  expect(await look(director, options)).toEqual(['error masquerade step masquerade']);
});

test('TUN', async () => {
  await succeed('modprobe', ['-r', 'ipip']);
  await tunnels();
  await succeed('modprobe', ['-r', 'ipip']);
});

async function tunnels(): Promise<void> {
  await using lan = await Lan.create();
  const director = await lan.host('director', '10.0.0.2/24');
  const rs1 = await lan.host('rs1', '10.0.0.11/24');
  const options: ExamineOptions = { role: 'real-server', description: { mode: 'tun', vips: ['10.0.0.100'] } };
  expect(await look(rs1, options)).toEqual([
    'error no-device',
    'error arp-ignore step arp-ignore',
    'error arp-announce step arp-announce',
  ]);
  await succeed('modprobe', ['ipip']);
  await rs1.sysctl({ 'net.ipv4.conf.all.rp_filter': 1 });
  await setUpDirector(director, { mode: 'tun', device: 'eth0', vips: ['10.0.0.100'] });
  await setUpRealServer(rs1, { mode: 'tun', vips: ['10.0.0.100'] });
  await using ipvs = await Ipvs.open({ netns: director.namespacePath });
  const service = { protocol: 'tcp', address: '10.0.0.100', port: 80, scheduler: 'rr' } as const;
  await ipvs.addService(service);
  await ipvs.addDestination(service, { address: '10.0.0.11', forward: 'tun' });
  expect(await look(rs1)).toEqual([]);
  expect(await look(rs1, options)).toEqual([]);
  expect(await look(director)).toEqual(['note tunnel-mtu on 10.0.0.11']);
  await director.ip('link set eth0 mtu 1520');
  expect(await look(director)).toEqual([]);

  await rs1.sysctl({ 'net.ipv4.conf.tunl0.rp_filter': 1 });
  expect(await look(rs1)).toEqual(['error rp-filter step rp-filter']);
  await rs1.sysctl({ 'net.ipv4.conf.tunl0.rp_filter': 2 });
  await rs1.ip('link set tunl0 down');
  expect(await look(rs1)).toEqual(['error tunnel-down step tunnel-up']);
  await rs1.ip('link set tunl0 up', 'address del 10.0.0.100/32 dev tunl0');
  expect(await look(rs1, options)).toEqual(['error vip-missing step vip']);
  await rs1.ip('address add 10.0.0.100/24 dev tunl0');
  expect(await look(rs1, options)).toEqual(['error vip-wrong-mask step vip']);
}

test('without rights it says so, and does what can be done', async () => {
  const module = new URL('../../dist/doctor/examine.js', import.meta.url);
  const program = `const { examine } = await import('${module}'); console.log(JSON.stringify(await examine()));`;
  const nobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups', '--bounding-set', '-all'];
  const words = [...nobody, process.execPath, '--input-type=module', '-e', program];
  const findings = JSON.parse(await succeed('setpriv', words)) as Finding[];
  expect(findings.map(inShort)).toEqual(['warning no-capability', 'note role-unknown']);
});
