import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { boot } from '../lab/boot.js';
import { Lan } from '../lab/network.js';
import { ProcessError } from '../lab/process.js';

test('the kernel has IPVS', () => {
  expect(readFileSync('/proc/net/ip_vs', 'utf8')).toMatch(/^IP Virtual Server version/);
});

describe('a network', () => {
  test('joins hosts by IPv4, IPv6 and HTTP, and is gone afterwards', async () => {
    let namespace = '';
    {
      await using lan = await Lan.create();
      const client = await lan.host('client', '10.0.0.1/24', 'fd00::1/64');
      const server = await lan.host('rs1', '10.0.0.11/24', 'fd00::11/64');
      namespace = server.namespacePath;
      await server.serveHttp(8080);

      expect(await client.httpGet('http://10.0.0.11:8080/', 2)).toEqual(['rs1', 'rs1']);
      expect(await client.httpGet('http://[fd00::11]:8080/')).toEqual(['rs1']);
      expect(existsSync(namespace)).toBe(true);
    }
    expect(existsSync(namespace)).toBe(false);
    expect(readdirSync('/sys/class/net')).not.toContain('bridge');
  });

  test('has a table of its own in every host', async () => {
    await using lan = await Lan.create();
    const director = await lan.host('director', '10.0.0.2/24');
    const other = await lan.host('other', '10.0.0.3/24');
    await director.run('ipvsadm', '-A', '-t', '10.0.0.100:80', '-s', 'rr');
    expect(await director.run('ipvsadm', '-Sn')).toBe('-A -t 10.0.0.100:80 -s rr\n');
    expect(await other.run('ipvsadm', '-Sn')).toBe('');
  });

  test('balances by direct routing', async () => {
    await using lan = await Lan.create();
    const client = await lan.host('client', '10.0.0.1/24');
    const director = await lan.host('director', '10.0.0.2/24', '10.0.0.100/32');
    await director.run('ipvsadm', '-A', '-t', '10.0.0.100:80', '-s', 'rr');
    for (const [name, address] of [
      ['rs1', '10.0.0.11'],
      ['rs2', '10.0.0.12'],
    ] as const) {
      const server = await lan.host(name, `${address}/24`);
      await server.acceptVirtualAddress('10.0.0.100');
      await server.serveHttp();
      await director.run('ipvsadm', '-a', '-t', '10.0.0.100:80', '-r', `${address}:80`, '-g');
    }
    const answers = await client.httpGet('http://10.0.0.100/', 4);
    expect(answers.sort()).toEqual(['rs1', 'rs1', 'rs2', 'rs2']);
  });

  test('may exist twice with the same names and addresses', async () => {
    await using first = await Lan.create();
    await using second = await Lan.create();
    const [one, two] = [await first.host('a', '10.0.0.1/24'), await second.host('a', '10.0.0.1/24')];
    expect(one.namespacePath).not.toBe(two.namespacePath);
  });

  test('tells a program that fails from one that must not', async () => {
    await using lan = await Lan.create();
    const host = await lan.host('a');
    expect(await host.exec('sh', '-c', 'echo out; echo err >&2; exit 3')).toEqual({
      stdout: 'out\n',
      stderr: 'err\n',
      code: 3,
    });
    await expect(host.run('false')).rejects.toThrow(ProcessError);
  });
});

test("the machine's own kernel serves as well, in namespaces of its own", async () => {
  const script = 'ipvsadm -A -t 10.0.0.9:80; ipvsadm -Sn; ip netns add inner; ls /run/netns; ls /sys/class/net; exit 4';
  const result = await boot({ program: 'sh', args: ['-c', script], kernel: { kind: 'host' } });
  expect(result).toMatchObject({ ending: 'exited', exitCode: 4, stderr: '' });
  expect(result.stdout).toBe('-A -t 10.0.0.9:80 -s wlc\ninner\nlo\n');
  expect(readFileSync('/proc/net/ip_vs', 'utf8')).not.toContain(':0050');
  expect(existsSync('/run/netns/inner')).toBe(false);
});
