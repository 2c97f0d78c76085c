/** The examples: every file in examples/ is run as its reader would run it, and must leave the table as it was. */
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkoutRoot } from '../lab/checkout.js';
import { type Host, Lan } from '../lab/network.js';
import { execute } from '../lab/process.js';
import { sample } from '../lab/sample.js';

const EXAMPLES = readdirSync(join(checkoutRoot, 'examples'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => basename(file, '.ts'));

/** What is in the table before each example, and must be there after it, as `ipvsadm -Sn` tells it. */
const TABLE = `-A -t 192.0.2.80:80 -s rr
-a -t 192.0.2.80:80 -r 198.51.100.1:80 -g -w 1
-a -t 192.0.2.80:80 -r 198.51.100.2:80 -g -w 5
-A -f 7 -6 -s wlc
`;

let lan: Lan;
/** Has {@link TABLE}. */
let host: Host;
/** Has an empty table. */
let scratch: Host;

beforeAll(async () => {
  lan = await Lan.create();
  [host, scratch] = await Promise.all([lan.host('host'), lan.host('scratch')]);
  await host.run('sh', '-ec', `ipvsadm -R <<'RULES'\n${TABLE}RULES`);
});

afterAll(() => lan[Symbol.asyncDispose]());

/** Runs a compiled example in the namespace of {@link host}. */
async function run(example: string, ...args: string[]) {
  return readable(await host.exec(process.execPath, compiled(example), ...args));
}

function compiled(example: string): string {
  return join(checkoutRoot, `.build/examples/${example}.js`);
}

/** Colour depends on who looks. */
function readable({ stdout, stderr, code }: { stdout: string; stderr: string; code: number }) {
  return { stdout: stripVTControlCharacters(stdout), stderr: stripVTControlCharacters(stderr), code };
}

/** What the set-up examples change, as text. */
function addressesAndSysctls(of: Host): Promise<string> {
  const sysctls = 'grep -r . /proc/sys/net/ipv4/conf/*/arp_ignore /proc/sys/net/ipv4/conf/*/arp_announce';
  return of.run('sh', '-ec', `ip -oneline address; ip route show table all; ip link; ${sysctls}`);
}

/** What each example must do. */
const checks: Record<string, () => Promise<void>> = {
  async cluster() {
    // It makes namespaces of its own, and is run from outside of ours.
    const { stdout, stderr, code } = readable(await execute(process.execPath, [compiled('cluster')]));
    expect({ stderr, code }, stdout).toEqual({ stderr: '', code: 0 });

    const turns = /Twelve requests\n\s+(.*)\n/.exec(stdout)?.[1];
    expect(['rs1 rs2 ', 'rs2 rs1 '].map((pair) => pair.repeat(6).trim())).toContain(turns);
    expect(stdout.match(/^ +10\.0\.0\.1:\d+ -> 10\.0\.0\.100:80 -> 10\.0\.0\.1[12]:80 rs[12] /gm)).toHaveLength(12);
    expect(stdout).toContain('rs1 removed');
    expect(stdout).toMatch(/without rs1 +\d+ requests: rs2 \d+, 0 failed/);
    expect(stdout).toMatch(/with rs3 +\d+ requests: rs2 \d+, rs3 \d+, 0 failed/);
    expect(stdout).toMatch(/ [1-9]\d+ requests since chapter 5, 0 failed/);
    expect(stdout).toContain(
      [
        '   -A -t 10.0.0.100:80 -s rr',
        '   -a -t 10.0.0.100:80 -r 10.0.0.12:80 -g -w 1',
        '   -a -t 10.0.0.100:80 -r 10.0.0.13:80 -g -w 1',
      ].join('\n'),
    );
  },

  async list() {
    const privileged = await run('list');
    expect(privileged).toMatchObject({ stderr: '', code: 0 });
    expect(privileged.stdout).toMatch(/^IPVS \d+\.\d+\.\d+, connection table of \d+ buckets\n/);
    const counted = '  [0 connections, 0 bytes in; now 0/s, 0 bytes/s]\n';
    const server = '  -> 198.51.100.2 port 80  dr, weight 5, 0 active, 0 inactive';
    expect(privileged.stdout).toContain(`tcp://192.0.2.80:80  rr${counted}${server}${counted}`);
    expect(privileged.stdout).toContain(`fwmark://7?family=ipv6  wlc${counted}`);

    const unprivileged = readable(
      await host.exec('setpriv', '--bounding-set=-net_admin', process.execPath, compiled('list')),
    );
    expect(unprivileged).toMatchObject({ stderr: '', code: 0 });
    expect(unprivileged.stdout).toMatch(/^Read from \/proc, without statistics: .*EPERM/);
    expect(unprivileged.stdout).toContain(`tcp://192.0.2.80:80  rr\n${server}\n`);
    expect(unprivileged.stdout).toContain('fwmark://7  wlc\n');

    const empty = readable(await scratch.exec(process.execPath, compiled('list')));
    expect(empty.stdout).toMatch(/\nno services\n$/);
  },

  async 'real-servers'() {
    expect(await run('real-servers')).toEqual({
      stdout: [
        'added: 198.51.100.1:8080 weight 1, 198.51.100.2:8080 weight 1',
        'reweighted: 198.51.100.1:8080 weight 3 at most 1000 connections, 198.51.100.2:8080 weight 1',
        'quiesced: 198.51.100.1:8080 weight 3 at most 1000 connections, 198.51.100.2:8080 weight 0',
        'removed: 198.51.100.1:8080 weight 3 at most 1000 connections',
        '',
      ].join('\n'),
      stderr: '',
      code: 0,
    });
  },

  async 'fwmark-ipv6'() {
    const { stdout, ...end } = await run('fwmark-ipv6');
    expect(end).toEqual({ stderr: '', code: 0 });
    expect(stdout).toMatch(/^fwmark:\/\/80443 \{.*"timeout":600,"netmask":24/m);
    expect(stdout).toMatch(/^fwmark:\/\/80443\?family=ipv6 \{.*"netmask":64/m);
    expect(stdout).toMatch(/^udp:\/\/\[2001:db8::53\]:53 \{.*"schedulerFlags":\["mh-port"\],"onePacket":true/m);
    expect(stdout).toMatch(/^ {2}-> \{"address":"2001:db8::1","port":53,.*"tunnel":\{"type":"ipip"\}/m);
    expect(stdout).toMatch(/^ {2}-> .*"tunnel":\{"type":"gre","checksum":"csum"\}/m);
    expect(stdout).toMatch(/^ {2}-> \{"address":"198.51.100.1",.*"tunnel":\{"type":"gue","port":6080,/m);
  },

  async 'save-restore'() {
    const refused = await run('save-restore');
    expect(refused).toMatchObject({ stdout: '', code: 1 });
    expect(refused.stderr).toContain('There are services here');

    expect(await run('save-restore', scratch.namespace)).toEqual({
      stdout: `good rules: 4 commands carried out
-A -t 192.0.2.10:80 -s wrr
-a -t 192.0.2.10:80 -r 198.51.100.1:80 -g -w 2
-a -t 192.0.2.10:80 -r 198.51.100.2:80 -g -w 1
-A -u 192.0.2.10:53 -s rr -o

a misspelt rule: nothing done, line 2 is wrong: Illegal 'weight' option with the 'add-service' command
a service that is there: 1 commands carried out
  line 1: add service udp://192.0.2.10:53: EEXIST; the service exists already
the good rules instead: 4 commands carried out
2 services are there now
`,
      stderr: '',
      code: 0,
    });
  },

  async netns() {
    for (const netns of [scratch.namespace, scratch.namespacePath]) {
      expect(await run('netns', netns)).toEqual({
        stdout: `${netns} has the service: yes\nthis process's own namespace has it: no\n`,
        stderr: '',
        code: 0,
      });
    }
    expect(await run('netns')).toMatchObject({ stdout: '', stderr: expect.stringContaining('usage:'), code: 2 });
  },

  async 'sync-daemons'() {
    expect(await run('sync-daemons')).toEqual({
      stdout: [
        'master on lo: id 7, group 224.0.0.81, port 8848, ttl 2',
        'backup on lo: id 7, group 224.0.0.81, port 8848, ttl 2',
        'stopped 2',
        '',
      ].join('\n'),
      stderr: '',
      code: 0,
    });
    const nowhere = await run('sync-daemons', 'nowhere0');
    expect(nowhere).toMatchObject({ stdout: 'stopped 0\n', code: 1 });
    expect(nowhere.stderr).toContain('ENODEV');
    expect(await host.run('ipvsadm', '-L', '--daemon')).toBe('');
  },

  async director() {
    const [director, server, client] = await Promise.all([
      lan.host('director', '10.0.0.2/24'),
      lan.host('rs1', '10.0.0.11/24'),
      lan.host('client', '10.0.0.1/24'),
    ]);
    const before = await addressesAndSysctls(director);
    await server.acceptVirtualAddress('10.0.0.100');
    await server.serveHttp();
    const example = director.spawn(process.execPath, compiled('director'), 'eth0', '10.0.0.100', '10.0.0.11');
    const lines: string[] = [];
    for await (const line of createInterface({ input: example.stdout ?? Readable.from([]) })) {
      lines.push(line);
      if (line.startsWith('ready:')) break;
    }
    expect(lines).toContain('to do: add 10.0.0.100/32 to eth0');
    expect(lines).toContain('done: add 10.0.0.100/32 to eth0');
    expect(await client.httpGet('http://10.0.0.100/', 2)).toEqual(['rs1', 'rs1']);

    const end = once(example, 'exit');
    example.kill('SIGINT');
    expect(await end).toEqual([0, null]);
    expect(await addressesAndSysctls(director)).toBe(before);
    expect(await director.run('ipvsadm', '-Sn')).toBe('');
    expect(await run('director')).toMatchObject({ stderr: expect.stringContaining('usage:'), code: 2 });
  },

  async 'real-server'() {
    const server = await lan.host('real-server', '10.0.0.21/24');
    const example = async (...args: string[]) =>
      readable(await server.exec(process.execPath, compiled('real-server'), ...args));
    const before = await addressesAndSysctls(server);

    const up = await example('up', '10.0.0.200');
    expect(up).toMatchObject({ stderr: '', code: 0 });
    expect(up.stdout).toContain('done: set net.ipv4.conf.all.arp_ignore to 1\n');
    expect(up.stdout).toContain('done: add 10.0.0.200/32 to lo\n');
    const again = await example('up', '10.0.0.200');
    expect(again.stdout).toContain('was so: add 10.0.0.200/32 to lo\n');
    expect(again.stdout).not.toContain('done:');

    const down = await example('down');
    expect(down).toMatchObject({ stderr: '', code: 0 });
    expect(down.stdout).toContain('done: delete 10.0.0.200/32 from lo\n');
    expect(await addressesAndSysctls(server)).toBe(before);
    expect(await example()).toMatchObject({ stderr: expect.stringContaining('usage:'), code: 2 });
  },

  async health() {
    const { stdout, ...end } = await run('health');
    expect(end).toEqual({ stderr: '', code: 0 });
    const lines = stdout.trimEnd().split('\n');
    expect(lines.slice(0, 2).sort()).toEqual(['up: 127.0.0.11', 'up: 127.0.0.12']);
    expect(lines.slice(2)).toEqual([
      'weights: 127.0.0.11 1, 127.0.0.12 1',
      'down: 127.0.0.12',
      'weights: 127.0.0.11 1, 127.0.0.12 0',
      'up: 127.0.0.12',
      'weights: 127.0.0.11 1, 127.0.0.12 1',
    ]);
  },

  async simulator() {
    const { stdout, ...end } = await run('simulator');
    expect(end).toEqual({ stderr: '', code: 0 });
    expect(stdout).toContain('client 1 -> 198.51.100.2 ESTABLISHED\nclient 2 -> 198.51.100.1 ESTABLISHED\n');
    expect(stdout).toContain('drained in 3 minutes\nstill connected: 203.0.113.1, 203.0.113.3\n');
    const moved = /rr: (\d+) %.*\nsh: \d+ %.*\nmh: (\d+) %/.exec(stdout)?.slice(1).map(Number) ?? [];
    expect(moved[0]).toBeGreaterThan(60);
    expect(moved[1]).toBeLessThan(40);
  },
};

test('every example has a test, and every test an example', () => {
  expect(Object.keys(checks).sort()).toEqual(EXAMPLES.sort());
});

test.each(Object.entries(checks))('examples/%s does what it says', { timeout: 180_000 }, async (_name, check) => {
  await check();
  expect(await host.run('ipvsadm', '-Sn')).toBe(TABLE);
  expect(await scratch.run('ipvsadm', '-Sn')).toBe('');
});

/** In a namespace with an empty table, which lists services in an order of its own. */
test.each(sample(['list', 'real-servers', 'save-restore', 'sync-daemons', 'fwmark-ipv6'], 2))(
  'examples/%s says the same on the simulated kernel',
  async (example) => {
    const real = readable(await scratch.exec(process.execPath, compiled(example)));
    await scratch.run('ipvsadm', '-C');
    const simulated = readable(await execute('env', ['SIMULATED=1', process.execPath, compiled(example)]));
    expect(simulated).toEqual({ ...real, stderr: 'Kernel: a simulated one, in memory\n' });
    expect(real).toMatchObject({ stderr: '', code: 0 });
  },
);

test("the README's first program adds a service and lists its real servers", async () => {
  const readme = readFileSync(join(checkoutRoot, 'README.md'), 'utf8');
  const program = /^## Start: the library$[\s\S]*?^```ts\n([\s\S]*?)^```$/m.exec(readme)?.[1] ?? '';
  const { target, module } = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  writeFileSync(compiled('readme'), ts.transpileModule(program, { compilerOptions: { target, module } }).outputText);
  const result = readable(await scratch.exec(process.execPath, compiled('readme')));
  const rules = await scratch.run('ipvsadm', '-Sn');
  await scratch.run('ipvsadm', '-C');
  expect(result).toEqual({ stdout: '10.0.0.12 1 0\n10.0.0.11 2 0\n', stderr: '', code: 0 });
  expect(rules).toBe(
    `-A -t 192.0.2.10:80 -s wrr
-a -t 192.0.2.10:80 -r 10.0.0.11:80 -g -w 2
-a -t 192.0.2.10:80 -r 10.0.0.12:80 -g -w 1
`,
  );
});
