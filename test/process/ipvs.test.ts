import '../lab/require-lab.js';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Ipvs, type Kernel, KernelError, linuxKernel, OverrunError } from '../../src/index.js';
import { Ipvs as Client } from '../../src/ipvs.js';
import { AF_NETLINK, loadNative, NETLINK_GENERIC, SO_RCVBUF, SOCK_RAW, SOL_SOCKET } from '../../src/linux/native.js';
import { checkoutRoot } from '../lab/checkout.js';

/** Runs a program of its own; it fails when it is still running after 50 s. */
function node(...words: string[]) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, words, {
    cwd: checkoutRoot,
    encoding: 'utf8',
    timeout: 50_000,
  });
  return { status, signal, stdout, stderr };
}

const module = (program: string) =>
  node('--input-type=module', '--eval', `import { Ipvs } from 'ipvs-ts';\n${program}`);

describe('a process', () => {
  it('is not held by an idle client', () => {
    const program = 'const ipvs = await Ipvs.open(); await ipvs.info(); console.log("idle");';
    expect(module(program)).toMatchObject({ status: 0, stdout: 'idle\n' });
  });

  it('is held by calls under way', () => {
    const program = `
      const ipvs = await Ipvs.open();
      const rules = Array.from({ length: 5000 }, (_, n) => '-A -f ' + (n + 1)).join('\\n');
      ipvs.restore(rules, { replace: true }).then((count) => ipvs.flush().then(() => console.log(count)));`;
    expect(module(program)).toMatchObject({ status: 0, stdout: '5000\n' });
  });

  it('may exit in the middle of calls', () => {
    const program = `
      const ipvs = await Ipvs.open();
      ipvs.restore('-A -f 1\\n'.repeat(5000)).catch(() => {});
      for await (const row of ipvs.services()) break;
      setImmediate(() => process.exit(7));`;
    expect(module(program)).toMatchObject({ status: 7, signal: null, stderr: '' });
  });

  it('may leave its clients to the garbage collector', () => {
    const program = `
      import { readdirSync } from 'node:fs';
      import { setImmediate as turn } from 'node:timers/promises';
      const descriptors = () => readdirSync('/proc/self/fd').length;
      await (await Ipvs.open()).close();
      const before = descriptors();
      for (let n = 0; n < 200; n++) await (await Ipvs.open()).info();
      for (let n = 0; n < 10; n++) { globalThis.gc(); await turn(); }
      console.log(descriptors() - before);`;
    const { status, stdout } = node(
      '--expose-gc',
      '--input-type=module',
      '--eval',
      `import { Ipvs } from 'ipvs-ts';${program}`,
    );
    expect(status).toBe(0);
    expect(Number(stdout)).toBeLessThanOrEqual(1);
  });

  it('outlives workers that are terminated in the middle of their work', () => {
    const program = fileURLToPath(new URL('./ipvs-fixtures/workers.mjs', import.meta.url));
    expect(node(program)).toMatchObject({ status: 0, signal: null, stdout: '1\n', stderr: '' });
  }, 60_000);

  it('shows every message with IPVS_DEBUG=1, and none without', () => {
    const program = 'const ipvs = await Ipvs.open(); await ipvs.timeouts();';
    expect(module(program).stderr).toBe('');
    const { stderr } = module(`process.env.IPVS_DEBUG = '1';${program}`);
    expect(stderr).toMatch(/^ipvs > #\d+ flags 0x1 GET_CONFIG$/m);
    expect(stderr).toMatch(/^ipvs < #\d+ flags 0x0 SET_CONFIG TIMEOUT_TCP=84030000 /m);
    expect(stderr).not.toContain('unreadable');
  });
});

/** The running kernel behind a socket whose receive buffer holds a few answers only. */
function crampedKernel(): Kernel {
  return {
    ...linuxKernel(),
    socket() {
      const socket = new (loadNative().Socket)(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
      // The kernel makes 2304 of it, its least.
      socket.setOption(SOL_SOCKET, SO_RCVBUF, new Uint8Array(Int32Array.of(1).buffer));
      return socket;
    },
  };
}

async function withCramped(work: (ipvs: Ipvs) => Promise<void>): Promise<void> {
  await using ipvs = await Client.open({ kernel: crampedKernel(), source: 'netlink' });
  await ipvs.flush();
  await work(ipvs);
  await ipvs.flush();
}

describe('a kernel that drops answers', () => {
  it('never makes a command that failed look done', () =>
    withCramped(async (ipvs) => {
      await ipvs.addService({ protocol: 'fwmark', mark: 1 });
      const calls = Array.from({ length: 1000 }, () => ipvs.addService({ protocol: 'fwmark', mark: 1 }));
      const results = await Promise.allSettled(calls);
      const errors = results.map((result) => (result.status === 'rejected' ? result.reason : undefined));
      const lost = errors.filter((error) => error instanceof OverrunError).length;
      const refused = errors.filter((error) => error instanceof KernelError && error.code === 'EEXIST').length;
      expect(lost + refused).toBe(1000);
      expect(lost).toBeGreaterThan(0);
      expect(refused).toBeGreaterThan(0);
      expect(await ipvs.listServices()).toHaveLength(1);
    }));

  it('does not disturb what it can answer, nor dumps', () =>
    withCramped(async (ipvs) => {
      const marks = Array.from({ length: 500 }, (_, n) => n + 1);
      await Promise.all(marks.map((mark) => ipvs.addService({ protocol: 'fwmark', mark })));
      expect(await ipvs.listServices()).toHaveLength(500);
      const calls = marks.map((mark) => ipvs.addService({ protocol: 'fwmark', mark }).catch(() => 'failed'));
      const [listed, ...results] = await Promise.all([ipvs.listServices(), ...calls]);
      expect(listed).toHaveLength(500);
      expect(results.every((result) => result === 'failed')).toBe(true);
    }));
});
