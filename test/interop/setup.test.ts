import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/cli/run.js';
import { type Host, Lan } from '../lab/network.js';

let lan: Lan;
let host: Host;
beforeAll(async () => {
  lan = await Lan.create();
  host = await lan.host('host', '10.0.0.2/24');
});
afterAll(() => lan[Symbol.asyncDispose]());

/** Runs the command in the host's namespace. */
async function ipvsTs(line: string): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const into = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk, _encoding, done) {
        written[name] += String(chunk);
        done();
      },
    });
  const words = line.split(' ').map((word) => (word === 'HOST' ? host.namespacePath : word));
  const code = await run(words, { stdin: process.stdin, stdout: into('stdout'), stderr: into('stderr') });
  return { code, ...written };
}

const dump = () => host.run('sh', '-c', 'ip -d address; cat /proc/sys/net/ipv4/conf/all/arp_*');

describe('realserver', () => {
  test('is shown, set up, checked and taken back', { timeout: 180_000 }, async () => {
    const before = await dump();
    const options = '--mode dr --vip 10.0.0.100 --netns HOST';
    const steps = [
      'set net.ipv4.conf.all.arp_ignore to 1',
      'set net.ipv4.conf.all.arp_announce to 2',
      'add 10.0.0.100/32 to lo',
    ];
    const { code, stdout } = await ipvsTs(`realserver plan ${options}`);
    expect(code).toBe(0);
    expect(stdout).toContain('ok    switch lo on\n');
    for (const step of steps) expect(stdout).toContain(`todo  ${step}\n`);
    expect((await ipvsTs(`realserver check ${options}`)).code).toBe(1);
    expect(await dump()).toBe(before);

    const back = `to take back: ipvs-ts realserver down --netns ${host.namespacePath}\n`;
    expect(await ipvsTs(`realserver up ${options}`)).toEqual({
      code: 0,
      stdout: `${steps.map((step) => `done  ${step}\n`).join('')}3 steps done, 1 step there before; ${back}`,
      stderr: '',
    });
    expect(await ipvsTs(`realserver check ${options}`)).toMatchObject({ code: 0 });
    expect(await ipvsTs(`realserver up ${options}`)).toMatchObject({ stdout: '0 steps done, 4 steps there before\n' });

    expect(await ipvsTs('realserver down --netns HOST')).toEqual({
      code: 0,
      stdout:
        'done  delete 10.0.0.100/32 from lo\ndone  set net.ipv4.conf.all.arp_announce back\n' +
        'done  set net.ipv4.conf.all.arp_ignore back\n3 steps taken back\n',
      stderr: '',
    });
    expect(await dump()).toBe(before);
    expect(await ipvsTs('realserver down --netns HOST')).toMatchObject({ code: 0, stdout: 'nothing to take back\n' });
  });
});

describe('two set-ups of real servers', { timeout: 180_000 }, () => {
  const [A, B] = ['--mode dr --vip 10.0.0.100 --netns HOST', '--mode dr --vip 10.0.0.101 --netns HOST'];

  test('are taken back one by one, and keep what the other one needs', async () => {
    const before = await dump();
    await ipvsTs(`realserver up ${A}`);
    await ipvsTs(`realserver up ${B}`);
    const down = await ipvsTs(`realserver down ${A}`);
    expect(down).toMatchObject({ code: 0, stderr: '' });
    expect(down.stdout).toMatch(/^left {2}net.ipv4.conf.all.arp_ignore = 1 stays: real server dr 10.0.0.101 /m);
    expect(down.stdout).toMatch(/^1 step taken back\n$/m);
    expect(await ipvsTs(`realserver check ${B}`)).toMatchObject({ code: 0 });
    expect(await ipvsTs(`realserver check ${A}`)).toMatchObject({ code: 1 });
    expect(await ipvsTs(`realserver down ${B}`)).toMatchObject({ code: 0 });
    expect(await dump()).toBe(before);
  });

  test('at once wait for each other', async () => {
    const before = await dump();
    const both = await Promise.all([ipvsTs(`realserver up ${A}`), ipvsTs(`realserver up ${A}`)]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(await ipvsTs(`realserver check ${A}`)).toMatchObject({ code: 0 });
    await ipvsTs('realserver down --netns HOST');
    expect(await dump()).toBe(before);
  });

  test('with a file is known by it, whatever is in it', async () => {
    const before = await dump();
    const file = join(mkdtempSync(join(tmpdir(), 'setup-')), 'table.yaml');
    const write = (vip: string) => writeFileSync(file, `services: []\nrealServer: { mode: dr, vips: [${vip}] }\n`);
    write('10.0.0.100');
    await ipvsTs(`realserver up --file ${file} --netns HOST`);
    write('10.0.0.101');
    expect(await ipvsTs(`realserver up --file ${file} --netns HOST`)).toMatchObject({ code: 0 });
    expect(await host.ip('address show dev lo')).not.toContain('10.0.0.100/');
    write('10.0.0.102');
    expect(await ipvsTs(`realserver down --file ${file} --netns HOST`)).toMatchObject({ code: 0 });
    expect(await dump()).toBe(before);
  });
});

describe('check and doctor agree', { timeout: 180_000 }, () => {
  const VIP = '--mode dr --vip 10.0.0.100 --netns HOST';
  const doctorCode = async () => (await ipvsTs(`doctor realserver ${VIP} --no-probe`)).code;

  test('of a virtual IP that is on eth0 too', async () => {
    await ipvsTs(`realserver up ${VIP}`);
    await host.ip('address add 10.0.0.100/32 dev eth0');
    const { code, stdout } = await ipvsTs(`realserver check ${VIP}`);
    expect(stdout).toContain('wrong vip-wrong-device: The virtual IP 10.0.0.100 is on eth0');
    expect([code, await doctorCode()]).toEqual([1, 4]);
    await host.ip('address del 10.0.0.100/32 dev eth0');
    expect([(await ipvsTs(`realserver check ${VIP}`)).code, await doctorCode()]).toEqual([0, 0]);
    await ipvsTs('realserver down --netns HOST');
  });

  test('of a virtual IP on a dummy', async () => {
    await ipvsTs(`realserver up ${VIP}`);
    await host.ip(
      'link add dummy0 type dummy',
      'link set dummy0 up',
      'address del 10.0.0.100/32 dev lo',
      'address add 10.0.0.100/32 dev dummy0',
    );
    expect([(await ipvsTs(`realserver check ${VIP}`)).code, await doctorCode()]).toEqual([0, 0]);
    await host.ip('link del dummy0');
    await ipvsTs('realserver down --netns HOST');
  });
});

describe('director', () => {
  test('takes no virtual IP that another host has, but by force', async () => {
    const other = await lan.host('other', '10.0.0.3/24', '10.0.0.200/32');
    const options = '--mode dr --device eth0 --vip 10.0.0.200 --netns HOST';
    expect(await ipvsTs(`director up ${options}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('another host on the network has 10.0.0.200'),
    });
    expect(await ipvsTs(`director up ${options} --force`)).toMatchObject({ code: 0 });
    expect(await ipvsTs(`director down ${options}`)).toMatchObject({ code: 0 });
    expect(other.name).toBe('other');
  });

  test('says that IPv6 is disabled', async () => {
    await host.sysctl({ 'net.ipv6.conf.eth0.disable_ipv6': 1 });
    expect(await ipvsTs('director up --mode dr --device eth0 --vip 2001:db8::100 --netns HOST')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('IPv6 is disabled on eth0 (sysctl -w net.ipv6.conf.eth0.disable_ipv6=0)'),
    });
    await host.sysctl({ 'net.ipv6.conf.eth0.disable_ipv6': 0 });
  });

  test('tells programs what it did', async () => {
    const options = '--mode dr --device eth0 --vip 10.0.0.100 --json --netns HOST';
    const up: { record: { steps: { step: { what: string } }[] } } = JSON.parse(
      (await ipvsTs(`director up ${options}`)).stdout,
    );
    expect(up.record.steps.map(({ step }) => step.what)).toEqual(['add 10.0.0.100/32 to eth0']);
    const down: { undone: { id: string }[] } = JSON.parse((await ipvsTs('director down --json --netns HOST')).stdout);
    expect(down.undone.map(({ id }) => id)).toEqual(['vip']);
  });

  test('says what is in the way', async () => {
    const options = '--mode dr --device eth7 --vip 10.0.0.100 --netns HOST';
    expect((await ipvsTs(`director plan ${options}`)).stdout).toContain('in the way: there is no device eth7');
    expect(await ipvsTs(`director up ${options}`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no device eth7'),
    });
  });

  test.each([
    ['director up', '--mode is missing'],
    ['director up --mode dr --vip 10.0.0.1', '--device is missing'],
    ['director plan --mode dr --device eth0 --vip nonsense', 'vips[0]: "nonsense" is none of the forms'],
    ['director plan --mode dr --device eth0 --vip 127.0.0.1', 'vips[0]: "127.0.0.1" is a loopback address'],
    ['realserver down --record x --vip 10.0.0.1', '--record names a set-up by itself'],
    ['director plan --mode dr --device eth0 --vip 10.0.0.1 --network 10.1.0.0/24', '--network does not go with dr'],
    ['realserver up --mode nat', '--gateway is missing'],
    ['realserver plan --file x --mode dr', '--mode does not go with --file'],
    ['script director --os freebsd --mode dr --device eth0 --vip 10.0.0.1', 'os: must be linux for a director'],
    ['script realserver --os linux --form rc.d --mode dr --vip 10.0.0.1', 'form: must be iproute2, ifconfig, systemd'],
  ])('%s: %s', async (line, message) => {
    const { code, stdout, stderr } = await ipvsTs(line);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});

test('script writes what the generator makes', async () => {
  const { code, stdout } = await ipvsTs('script realserver --mode dr --vip 10.0.0.100 --os freebsd --form command');
  expect(code).toBe(0);
  expect(stdout).toContain('ifconfig lo0 10.0.0.100 netmask 255.255.255.255 alias -arp up\n');
});
