import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Host as SetUpHost } from '../../src/host.js';
import { hostScript } from '../../src/host-script/host-script.js';
import { type Director, parseDirector } from '../../src/model/director.js';
import { parseRealServer, type RealServer } from '../../src/model/real-server.js';
import { type Finished, type Host, Lan } from '../lab/network.js';
import { succeed } from '../lab/process.js';
import { sample } from '../lab/sample.js';
import { dumpOf } from './host-dump.js';

type Description = { role: 'director'; description: Director } | { role: 'real-server'; description: RealServer };
type Form = 'iproute2' | 'ifconfig';

/** A name that Linux allows, with all that a shell, awk and nft could take for their own. */
const ODD = `e$(id)*'"\\`;

let lan: Lan;
let host: Host;
let before: string;
const directory = mkdtempSync(join(tmpdir(), 'ipvs-ts-scripts-'));
const state = join(directory, 'state');

beforeAll(async () => {
  await succeed('modprobe', ['-a', 'fou', 'ipip', 'ip6_tunnel', 'ip_gre', 'ip6_gre']);
  lan = await Lan.create();
  host = await lan.host('host', '10.0.0.2/24', '2001:db8::2/64');
  await host.run('ip', 'link', 'add', ODD, 'type', 'dummy');
  await host.run('ip', 'link', 'set', ODD, 'up');
  await host.ip(
    'route add default via 10.0.0.254',
    'route add default via 10.0.0.252 metric 5',
    'route add default via 2001:db8::254',
  );
  // The first time that a tunnel is on it gets a queue and IPv6 sysctls, and the first look at a nat table makes it: these stay.
  for (const device of ['tunl0', 'gre0', 'ip6gre0', 'ip6tnl0']) {
    await host.ip(`link set ${device} up`, `link set ${device} down`);
  }
  for (const tool of ['iptables-legacy', 'ip6tables-legacy']) await host.run(tool, '-t', 'nat', '-S');
  // Of what undoing could overlook: values that the kernel sets with ip_forward.
  await host.run('sh', '-ec', 'echo 1 >"/proc/sys/net/ipv4/conf/$1/forwarding"', 'sh', ODD);
  await host.sysctl({
    'net.ipv6.conf.ip6tnl0.forwarding': 1,
    'net.ipv4.conf.all.rp_filter': 1,
    'net.ipv4.conf.eth0.arp_ignore': 3,
  });
  await vi.waitFor(
    async () => expect(await host.run('ip', '-6', '-o', 'address', 'show', 'tentative')).toBe(''),
    10_000,
  );
  before = await dump();
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await lan[Symbol.asyncDispose]();
  await succeed('modprobe', ['-r', 'fou', 'ip6_gre', 'ip_gre', 'ip6_tunnel', 'ipip']);
});

/** Others are asked first who else has an IPv6 address; only then it gets its local route. */
async function addressesAreSettled(): Promise<void> {
  const tentative = () => host.run('ip', '-6', '-o', 'address', 'show', 'tentative');
  await vi.waitFor(async () => expect(await tentative()).toBe(''), 10_000);
}

const dump = () => dumpOf(host);

/** Writes the script, with something of it replaced, and returns how it is called. */
function script(setup: Description, form: Form, change = (text: string) => text) {
  const request =
    setup.role === 'director'
      ? { role: setup.role, description: parseDirector(setup.description), form }
      : { role: setup.role, description: parseRealServer(setup.description), form };
  const { text, fileName } = hostScript(request);
  const path = join(directory, `${fileName}-${form}`);
  writeFileSync(path, change(text), { mode: 0o755 });
  return (action: string): Promise<Finished> => host.exec('env', `IPVS_TS_STATE=${state}`, path, action);
}

const DONE = { code: 0, stdout: '', stderr: '' };
const IN_PLACE = { code: 0, stdout: 'all in place\n', stderr: '' };

const NAT: Director = {
  mode: 'nat',
  device: 'eth0',
  vips: ['10.0.0.100', '192.0.2.1-192.0.2.2/24'],
  gateway: '10.0.0.252',
  inside: { network: '10.1.0.0/24', device: ODD, address: '10.1.0.1/24', masquerade: true },
};
const DR: RealServer = { mode: 'dr', vips: ['10.0.0.100-10.0.0.101', '2001:db8::100'], gateway: '10.0.0.253' };

const director = (description: Director): Description => ({ role: 'director', description });
const realServer = (description: RealServer): Description => ({ role: 'real-server', description });

const BOTH: [string, Description][] = [
  ['a director for DR', director({ mode: 'dr', device: ODD, vips: ['10.0.0.100/24', '10.0.0.101'] })],
  ['a director for NAT with everything', director(NAT)],
  [
    'a director for NAT in one network',
    director({ mode: 'nat', device: 'eth0', vips: ['10.0.0.100'], inside: { network: '10.0.0.0/24' } }),
  ],
  ['a real server for DR', realServer(DR)],
  ['a real server for TUN', realServer({ mode: 'tun', vips: ['10.0.0.100-10.0.0.101', '2001:db8::100'] })],
  ['a real server for TUN by GRE', realServer({ mode: 'tun', tunnel: 'gre', vips: ['10.0.0.100', '2001:db8::100'] })],
  ['a real server for NAT', realServer({ mode: 'nat', gateway: '10.0.0.253' })],
];
const IPROUTE2: [string, Description][] = [
  [
    'a real server for TUN by GUE',
    realServer({ mode: 'tun', tunnel: 'gue', port: 6080, vips: ['10.0.0.100', '2001:db8::100'] }),
  ],
  [
    'a real server for TUN by GRE with checksums',
    realServer({ mode: 'tun', tunnel: 'gre', checksum: true, vips: ['10.0.0.100', '2001:db8::100'] }),
  ],
  [
    'a director for DR, both families',
    director({ mode: 'dr', device: ODD, vips: ['10.0.0.100', '2001:db8::100', '2001:db8:9::1/64'] }),
  ],
  [
    'a director for NAT, IPv6',
    director({
      mode: 'nat',
      device: 'eth0',
      vips: ['2001:db8::100'],
      inside: { network: '2001:db8:1::/64', device: ODD, address: '2001:db8:1::1/64', masquerade: true },
    }),
  ],
  ['a real server for NAT, IPv6', realServer({ mode: 'nat', gateway: '2001:db8::253' })],
  ['a real server for DR, IPv6', realServer({ mode: 'dr', vips: ['2001:db8::100'], gateway: '2001:db8::253' })],
];
const CASES: [string, Form, Description][] = [
  ...[...BOTH, ...IPROUTE2].map(([name, setup]): [string, Form, Description] => [name, 'iproute2', setup]),
  ...BOTH.map(([name, setup]): [string, Form, Description] => [name, 'ifconfig', setup]),
];

async function upByPlan(setup: Description): Promise<string> {
  const planned = await SetUpHost.open({ netns: host.namespacePath });
  await planned.apply(await planned.plan(setup));
  const up = await dump();
  await planned.revert(setup);
  return up;
}

describe.each(sample(CASES, 6))('%s, %s', (_, form, setup) => {
  test('does what the plan does, once, and leaves no trace', { timeout: 120_000 }, async () => {
    const call = script(setup, form);
    onTestFinished(async () => void (await call('stop')));
    const planned = await upByPlan(setup);
    expect(await dump()).toBe(before);

    const down = await call('status');
    expect(down).toMatchObject({ code: 3, stderr: '' });
    expect(down.stdout).toMatch(/^(not in place: .+\n)+$/);
    expect(await call('start')).toEqual(DONE);
    await addressesAreSettled();
    const up = await dump();
    if (form === 'iproute2') expect(withoutChance(up)).toBe(withoutChance(planned));
    else expect(comparable(up)).toBe(comparable(planned));
    expect(await call('status')).toEqual(IN_PLACE);
    const written = readFileSync(state, 'utf8');
    expect(await call('start')).toEqual(DONE);
    expect(await dump()).toBe(up);
    expect(readFileSync(state, 'utf8')).toBe(written);

    expect(await call('stop')).toEqual(DONE);
    expect(await dump()).toBe(before);
    expect(existsSync(state)).toBe(false);
    expect(await call('stop')).toEqual(DONE);
    expect((await call('status')).stdout).toBe(down.stdout);
  });
});

/**
 * Without what the old tools can't help: the names of the IPv4 addresses they add (eth0:0 for eth0), IPv6 addresses that
 * others are asked for, and who made a route.
 */
function comparable(text: string): string {
  return text
    .replaceAll(/^( +inet .*):\d+$/gm, '$1')
    .replaceAll(/^( +inet6 .*) nodad $/gm, '$1 ')
    .replaceAll(/ proto (static|boot) /g, ' ');
}

/**
 * Without what the kernel chooses anew for each device that is made: its number, and addresses. The limits of packets that go out by
 * it are ip(8)'s or the kernel's; none do.
 */
function withoutChance(text: string): string {
  return text
    .replaceAll(/^\d+: (?=ipvs-gre)/gm, '')
    .replaceAll(/ permaddr \S+| hoplimit \S+ encaplimit \d+/g, '')
    .replaceAll(/^.* fe80::.* dev ipvs-gre6 .*\n/gm, '')
    .replaceAll(/ fe80::\S+\/64 scope link/g, '');
}

describe.each(['iproute2', 'ifconfig'] as const)('killed, %s', (form) => {
  test.each([
    ['a real server for DR', realServer(DR)],
    ['a director for NAT with everything', director(NAT)],
  ])('%s is taken back whenever start was killed', { timeout: 600_000 }, async (_, setup) => {
    onTestFinished(async () => void (await script(setup, form)('stop')));
    const { length } = await linesOf(setup, form);
    const lines = Array.from({ length }, (_, index) => index + 1);
    for (const line of sample(lines, 3)) {
      // Dies with a change written down and not made yet, all before it made.
      const killed = script(setup, form, (text) =>
        text.replace(
          `>>"$STATE"\n`,
          (end) => `${end}  if [ "$(wc -l <"$STATE")" -ge ${line} ]; then kill -9 $$; exit 1; fi\n`,
        ),
      );
      expect((await killed('start')).code).not.toBe(0);
      expect(readFileSync(state, 'utf8').split('\n')).toHaveLength(line + 1);
      expect(await script(setup, form)('stop')).toEqual(DONE);
      expect(await dump(), `killed at line ${line}`).toBe(before);
    }
  });
});

async function linesOf(setup: Description, form: Form): Promise<string[]> {
  const call = script(setup, form);
  await call('start');
  const lines = readFileSync(state, 'utf8').trimEnd().split('\n');
  await call('stop');
  return lines;
}

test('a start that fails says so, and stop takes back what it did', async () => {
  const setup = realServer({ mode: 'dr', vips: ['10.0.0.100'], gateway: '203.0.113.1' });
  const call = script(setup, 'iproute2');
  const failed = await call('start');
  expect(failed.code).not.toBe(0);
  expect(failed.stderr).toContain('start failed half way; stop takes back what was done\n');
  expect(await dump()).not.toBe(before);
  expect(await call('stop')).toEqual(DONE);
  expect(await dump()).toBe(before);
});

test('other words are refused with the usage', async () => {
  const call = script(realServer(DR), 'iproute2');
  expect(await call('up')).toMatchObject({ code: 2, stderr: expect.stringContaining('start|stop|restart|status') });
  expect(await dump()).toBe(before);
});
