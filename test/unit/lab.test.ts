import { mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { boot } from '../lab/boot.js';
import { chooseKernel, type Machine, NoKernelError } from '../lab/kernel.js';

/** A machine that has nothing but what a test gives it. */
function machine(has: {
  programs?: string[];
  paths?: string[];
  isRoot?: boolean;
  modules?: string[];
  namespaces?: boolean;
  wanted?: string;
  layer?: string;
}): Machine {
  const { programs = [], paths = [], isRoot = false, modules = [], namespaces = false, wanted, layer } = has;
  return {
    env: { IPVS_LAB: wanted },
    kernels: '/kernels',
    layer,
    isRoot,
    exists: (path) => paths.includes(path),
    find: (program) => (programs.includes(program) ? `/usr/bin/${program}` : undefined),
    succeeds: (program, ...args) => (program === 'modprobe' ? modules.includes(args.at(-1) ?? '') : namespaces),
  };
}

const TOOLS = ['modprobe', 'ip'];
const UML = { programs: ['linux.uml', ...TOOLS], paths: ['/usr/lib/uml/modules'] };
const HOST = { isRoot: true, programs: TOOLS, modules: ['ip_vs'], namespaces: true };

describe('chooseKernel', () => {
  test('takes user-mode Linux where it is installed, even with an ip_vs at hand', () => {
    const kernel = { kind: 'uml', program: '/usr/bin/linux.uml', modules: '/usr/lib/uml/modules' };
    expect(chooseKernel(machine(UML))).toEqual(kernel);
    expect(chooseKernel(machine({ ...HOST, ...UML }))).toEqual(kernel);
  });

  test('takes modules from unpacked packages where the machine has none, and lays these over the machine', () => {
    const layer = '/layer';
    const modules = '/layer/usr/lib/uml/modules';
    const kernel = { kind: 'uml', program: '/usr/bin/linux.uml', layer };
    expect(chooseKernel(machine({ ...UML, layer, paths: [modules] }))).toEqual({ ...kernel, modules });
    expect(chooseKernel(machine({ ...UML, layer }))).toEqual({ ...kernel, modules: '/usr/lib/uml/modules' });
  });

  test("takes the machine's own kernel otherwise, or when asked to", () => {
    expect(chooseKernel(machine(HOST))).toEqual({ kind: 'host' });
    expect(chooseKernel(machine({ ...HOST, modules: [], paths: ['/proc/net/ip_vs'] }))).toEqual({ kind: 'host' });
    expect(chooseKernel(machine({ ...HOST, ...UML, wanted: 'host' }))).toEqual({ kind: 'host' });
  });

  test.each([
    [{}, 'linux.uml is not installed'],
    [{}, 'using it takes root'],
    [
      { isRoot: true },
      'modprobe is not installed (Debian package kmod), ip is not installed (Debian package iproute2)',
    ],
    [{ programs: UML.programs }, 'there is no /usr/lib/uml/modules'],
    [{ ...UML, programs: ['linux.uml', 'ip'] }, 'modprobe is not installed (Debian package kmod)'],
    [{ ...HOST, modules: [] }, 'it has no module ip_vs'],
    [{ ...HOST, namespaces: false }, 'CAP_SYS_ADMIN is missing'],
    [{ ...HOST, wanted: 'uml' }, 'linux.uml is not installed'],
    [{ ...UML, wanted: 'host' }, 'using it takes root'],
    [{ wanted: 'qemu' }, "IPVS_LAB is 'qemu'; it may be 'uml', 'host', '6.12' or '7'"],
    [{}, 'apt-get install --no-install-recommends user-mode-linux kmod iproute2'],
  ])('says what is missing and what would help: %j', (has, message) => {
    const choose = () => chooseKernel(machine(has));
    expect(choose).toThrow(NoKernelError);
    expect(choose).toThrow(message);
  });
});

describe.skipIf(!hasKernel())('boot', () => {
  let directory = '';

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'lab-test-'));
    vi.stubEnv('TMPDIR', directory);
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    rmdirSync(directory); // Fails when the lab left anything behind.
    // A process that was killed may take a moment to be gone.
    await vi.waitFor(() => expect(commandLines().filter((line) => line.includes(directory))).toEqual([]));
  });

  test('brings back output, exit code and shared files, and nothing else', { timeout: 120_000 }, async () => {
    const shared = mkdtempSync(join(directory, 'shared-'));
    const script = `echo "$GREETING"; echo err >&2; touch '${shared}/kept' '${directory}/lost' /lost; exit 3`;
    const env = { GREETING: "it's a lab" };
    const result = await boot({ program: 'sh', args: ['-c', script], env, shares: [shared] });
    expect(result).toEqual({ ending: 'exited', exitCode: 3, stdout: "it's a lab\n", stderr: 'err\n' });
    expect(readdirSync(shared)).toEqual(['kept']);
    expect(readdirSync('/')).not.toContain('lost');
    rmSync(shared, { recursive: true });
  });

  test('ends a program that takes too long, and keeps what it wrote', { timeout: 120_000 }, async () => {
    const result = await boot({ program: 'sh', args: ['-c', 'echo started; sleep 1000'], timeout: 20_000 });
    expect(result).toMatchObject({ ending: 'timed out', exitCode: 124, stdout: 'started\n' });
    expect(result.problem).toBe('lab: the program did not end within 20 s');
  });

  test('tells a guest that died from a program that failed', { timeout: 120_000 }, async () => {
    const kernel = chooseKernel();
    // A panic; where that would be the machine's own, the first process fails to write the exit code.
    const script = kernel.kind === 'uml' ? 'echo c > /proc/sysrq-trigger' : 'mkdir "$IPVS_LAB_DIR/exit-code.new"';
    const result = await boot({ program: 'sh', args: ['-c', script], kernel });
    expect(result).toMatchObject({ ending: 'died', exitCode: 125 });
    expect(result.problem).toContain('the guest died');
    if (kernel.kind === 'uml') expect(result.problem).toContain('Kernel panic - not syncing: sysrq triggered crash');
  });
});

function hasKernel(): boolean {
  try {
    chooseKernel();
    return true;
  } catch (error) {
    if (error instanceof NoKernelError && !process.env['CI']) return false;
    throw error;
  }
}

/** The command lines of all processes; one that has ended and waits to be reaped has none. */
function commandLines(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    } catch {
      return ''; // It has ended meanwhile.
    }
  });
}
