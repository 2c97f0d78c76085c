/**
 * The lab: runs one program on a real kernel with IPVS and brings back its output and exit code.
 *
 * The kernel is user-mode Linux, an ordinary process that needs neither root nor /dev/kvm, a stock one that QEMU emulates, which
 * needs neither as well, or the machine's own in namespaces of its own (see kernel.ts). The program sees the machine's files. What it writes stays in the guest and is
 * gone with it; only the directories in `shares` are written through.
 *
 * To debug it:
 *
 * - `node .build/test/lab/run.js sh -c 'dmesg; cat /proc/net/ip_vs'` runs anything in it, with live output.
 * - A guest that dies is reported with the last lines of its console.
 * - `IPVS_LAB_KEEP=1` keeps the directory shared with the guest and prints its path. In it: `console` (the kernel's log and
 *   init.sh's own messages), `job` (the program as a shell script), `stdout`, `stderr`, `exit-code`.
 * - `IPVS_LAB=host` (as root, on a machine with ip_vs) takes the machine's own kernel, where strace and gdb work.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkoutRoot } from './checkout.js';
import { chooseKernel, type LabKernel } from './kernel.js';
import { OutputFollower } from './output.js';
import { xstateShim } from './xstate.js';

/** What to run in the lab, and how. */
export interface BootOptions {
  program: string;
  args?: readonly string[];
  /** The program's environment, beside the few variables in {@link INHERITED} and a plain PATH. */
  env?: Readonly<Record<string, string>>;
  /** Where the program starts; the checkout's root when absent. */
  cwd?: string;
  /** Directories whose files outlive the guest: what the program writes there is written to the machine. */
  shares?: readonly string[];
  /** The guest's memory in MiB. Only what is touched is taken from the machine. */
  memory?: number;
  /** Milliseconds after which the guest is ended by force. */
  timeout?: number;
  /** `inherit` passes output on live to this process's stdout and stderr; `capture` only collects it. */
  output?: 'inherit' | 'capture';
  kernel?: LabKernel;
}

/** How a stay in the lab ended. */
export interface BootResult {
  /** `exited`: the program ended by itself. `died`: the guest ended without the program's exit code. */
  ending: 'exited' | 'died' | 'timed out' | 'interrupted';
  /** The program's exit code; 125 for a guest that died, 124 for one that took too long, 130 for an interrupted one. */
  exitCode: number;
  /** What went wrong with the guest, for people; absent when the program ended by itself. */
  problem?: string;
  stdout: string;
  stderr: string;
}

/** The variables that reach the program from this process's environment. A guest is a machine apart: no more than these. */
export const INHERITED = [
  'CI',
  'COLORTERM',
  'FORCE_COLOR',
  'IPVS_DEBUG',
  'IPVS_TEST_ALL',
  'IPVS_TEST_FILES',
  'IPVS_TEST_SEED',
  'LANG',
  'NO_COLOR',
  'TERM',
];

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const INIT = join(checkoutRoot, 'test/lab/init.sh');
const DEFAULT_MEMORY = 2048;
const DEFAULT_TIMEOUT = 5 * 60_000;
const POLL_INTERVAL = 30;
const FORCED_EXIT_CODES = { died: 125, 'timed out': 124, interrupted: 130 };

/**
 * Boots the kernel, runs a program in it and ends it. Resolves however that ends; a program that fails is a result, not an
 * error.
 *
 * @throws NoKernelError where no kernel can be had
 */
export async function boot(options: BootOptions): Promise<BootResult> {
  const kernel = options.kernel ?? chooseKernel();
  const directory = mkdtempSync(join(tmpdir(), 'ipvs-lab-'));
  try {
    return await run(kernel, directory, options);
  } finally {
    if (process.env['IPVS_LAB_KEEP']) console.error(`lab: kept ${directory}`);
    else rmSync(directory, { recursive: true, force: true });
  }
}

async function run(kernel: LabKernel, directory: string, options: BootOptions): Promise<BootResult> {
  writeFileSync(join(directory, 'job'), jobScript(options));
  const shares: Shares = [directory, ...(options.shares ?? []).map((path) => resolve(path))];
  writeFileSync(join(directory, 'shares'), shares.map((path) => `${path}\n`).join(''));
  const live = options.output === 'inherit';
  const stdout = new OutputFollower(join(directory, 'stdout'), live ? process.stdout : undefined);
  const stderr = new OutputFollower(join(directory, 'stderr'), live ? process.stderr : undefined);

  const timeout = options.timeout ?? DEFAULT_TIMEOUT;
  const guest = startGuest(kernel, shares, options.memory ?? DEFAULT_MEMORY);
  const forced = await endOf(guest, timeout, () => {
    stdout.poll();
    stderr.poll();
  });

  const output = { stdout: stdout.finish(), stderr: stderr.finish() };
  const exitCode = readExitCode(directory);
  if (forced === undefined && exitCode !== undefined) return { ending: 'exited', exitCode, ...output };
  const ending = forced ?? 'died';
  return { ending, exitCode: FORCED_EXIT_CODES[ending], problem: explain(ending, directory, timeout), ...output };
}

/** Starts the kernel at the head of a process group of its own, so that all its processes can be ended together. */
function startGuest(kernel: LabKernel, shares: Shares, memory: number): ChildProcess {
  const console = openSync(join(shares[0], 'console'), 'w');
  try {
    const { program, args, env } = kernelCommand(kernel, shares, memory);
    return spawn(program, args, {
      detached: true,
      stdio: ['ignore', console, console],
      env: { PATH: SYSTEM_PATH, ...env },
    });
  } finally {
    closeSync(console);
  }
}

/** The directories that are written through; the first is the one that the guest shares with this file. */
type Shares = [directory: string, ...others: string[]];

type KernelOf<Kind extends LabKernel['kind']> = Extract<LabKernel, { kind: Kind }>;

interface Command {
  program: string;
  args: string[];
  env: Record<string, string>;
}

function kernelCommand(kernel: LabKernel, shares: Shares, memory: number): Command {
  switch (kernel.kind) {
    case 'host':
      return hostCommand(shares);
    case 'uml':
      return userModeCommand(kernel, shares, memory);
    case 'qemu':
      return qemuCommand(kernel, shares, memory);
  }
}

function hostCommand([directory]: Shares): Command {
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const env = { IPVS_LAB_DIR: directory, IPVS_LAB_KERNEL: 'host' };
  return { program: 'unshare', args: [...namespaces, 'sh', INIT], env };
}

function userModeCommand(kernel: KernelOf<'uml'>, [directory]: Shares, memory: number): Command {
  // The kernel and the processes in it run by turns, never together. On one processor a turn costs a tenth of what it
  // costs across two (11,000 calls of ipvsadm: 1.3 s instead of 12 s).
  const pinned = ['--cpu-list', String(lastProcessor()), kernel.program];
  return {
    program: 'taskset',
    args: [
      ...pinned,
      ...[`mem=${memory}M`, 'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'rw', `init=${INIT}`, 'quiet'],
      ...['con=null', 'con0=null,fd:1', 'ssl=null', `uml_dir=${directory}/`],
      ...parameters({ directory, kind: kernel.kind, modules: kernel.modules, layer: kernel.layer }),
    ],
    env: { ...xstateShim(), TMPDIR: memoryDirectory(memory, directory) },
  };
}

/**
 * Two processors take turns on one thread (thread=multi crashes). tb-size: V8's code overflows the default translation cache,
 * which is thrown away whole then.
 */
function qemuCommand(kernel: KernelOf<'qemu'>, shares: Shares, memory: number): Command {
  const modules = join(realpathSync(kernel.directory), 'lib/modules');
  const packages = join(kernel.directory, 'packages/usr');
  const shared = [
    { tag: 'machine', path: '/', readonly: true },
    ...(kernel.layer === undefined ? [] : [{ tag: 'layer', path: kernel.layer, readonly: true }]),
    ...shares.map((path, index) => ({ tag: `share${index}`, path, readonly: false })),
  ];
  return {
    program: kernel.program,
    args: [
      ...['share/qemu', 'share/seabios'].flatMap((path) => ['-L', join(packages, path)]),
      ...['-accel', 'tcg,thread=single,tb-size=1024', '-cpu', 'Nehalem', '-smp', '2', '-m', String(memory)],
      ...['-nodefaults', '-nographic', '-no-reboot', '-serial', 'stdio'],
      ...['-object', 'rng-random,filename=/dev/urandom,id=rng', '-device', 'virtio-rng-pci,rng=rng'],
      ...shared.flatMap(({ tag, path, readonly }) => [
        '-fsdev',
        `local,id=${tag},path=${path},security_model=none,multidevs=remap${readonly ? ',readonly=on' : ''}`,
        '-device',
        `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`,
      ]),
      ...['-kernel', join(kernel.directory, 'vmlinuz'), '-initrd', join(kernel.directory, 'initramfs'), '-append'],
      [
        ...['console=ttyS0', 'panic=-1', 'quiet', 'mitigations=off', 'nokaslr', `IPVS_LAB_INIT=${INIT}`],
        ...parameters({ directory: shares[0], kind: kernel.kind, modules, layer: kernel.layer }),
      ].join(' '),
    ],
    env: { LD_LIBRARY_PATH: join(packages, 'lib/x86_64-linux-gnu') },
  };
}

/** The kernel hands parameters that it doesn't know to the first process, as environment variables. */
function parameters(of: { directory: string; kind: string; modules: string; layer: string | undefined }): string[] {
  const { directory, kind, modules, layer } = of;
  return [
    `IPVS_LAB_DIR=${directory}`,
    `IPVS_LAB_KERNEL=${kind}`,
    `IPVS_LAB_MODULES=${modules}`,
    ...(layer === undefined ? [] : [`IPVS_LAB_LAYER=${layer}`]),
  ];
}

/** Of those that this process may use; the first ones tend to be busier. */
function lastProcessor(): number {
  const allowed = /^Cpus_allowed_list:.*?(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(allowed ?? 0);
}

/**
 * The guest's memory is a file: best in memory, but containers often have a tiny /dev/shm, and overrunning it kills; in some
 * only root may write there.
 */
function memoryDirectory(memory: number, fallback: string): string {
  const shm = '/dev/shm';
  if (!isWritable(shm)) return fallback;
  const { bavail, bsize } = statfsSync(shm);
  return bavail * bsize > memory * 2 ** 20 ? shm : fallback;
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Waits for the guest, or ends it by force; says which force it took. */
async function endOf(
  guest: ChildProcess,
  timeout: number,
  poll: () => void,
): Promise<'timed out' | 'interrupted' | undefined> {
  let forced: 'timed out' | 'interrupted' | undefined;
  const deadline = Date.now() + timeout;
  const interrupt = () => {
    forced = 'interrupted';
    killGroup(guest);
  };
  const killAtExit = () => killGroup(guest);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, interrupt);
  process.on('exit', killAtExit);

  let ended = false;
  const end = new Promise<void>((resolve, reject) => {
    guest.once('error', reject);
    guest.once('exit', () => resolve());
  }).finally(() => {
    ended = true;
  });
  try {
    while (!ended) {
      await Promise.race([end, sleep(POLL_INTERVAL)]);
      poll();
      if (Date.now() > deadline && forced === undefined) {
        forced = 'timed out';
        killGroup(guest);
      }
    }
    await end;
    return forced;
  } finally {
    killGroup(guest);
    for (const signal of signals) process.off(signal, interrupt);
    process.off('exit', killAtExit);
  }
}

/** A guest is several processes, and one of them may outlive a kernel that panics. */
function killGroup(guest: ChildProcess): void {
  if (guest.pid === undefined) return;
  try {
    process.kill(-guest.pid, 'SIGKILL');
  } catch {
    // No process is left: what was wanted.
  }
}

function jobScript({ program, args = [], env = {}, cwd = checkoutRoot }: BootOptions): string {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  // The same node as outside, wherever that is installed.
  const path = `${dirname(process.execPath)}:${SYSTEM_PATH}`;
  const variables = new Map([['HOME', '/root'], ['PATH', path], ...inherited, ...Object.entries(env)]);
  return [
    'set -e',
    ...[...variables].map(([name, value]) => `export ${name}=${quote(value)}`),
    `cd ${quote(cwd)}`,
    `exec ${[program, ...args].map(quote).join(' ')}`,
    '',
  ].join('\n');
}

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function readExitCode(directory: string): number | undefined {
  const path = join(directory, 'exit-code');
  return existsSync(path) ? Number(readFileSync(path, 'utf8')) : undefined;
}

function explain(ending: 'died' | 'timed out' | 'interrupted', directory: string, timeout: number): string {
  switch (ending) {
    case 'timed out':
      return `lab: the program did not end within ${timeout / 1000} s`;
    case 'interrupted':
      return 'lab: interrupted';
    case 'died':
      return `lab: the guest died before the program ended; the last lines of its console:\n${consoleTail(directory)}`;
  }
}

/** The end of the console without the raw stack and call trace of a panic, which would push out the line that says why. */
function consoleTail(directory: string): string {
  const lines = readFileSync(join(directory, 'console'), 'utf8').trimEnd().split('\n');
  const readable = lines.filter((line) => !/^\s+(\[<|[0-9a-f]{8} )/.test(line));
  return readable
    .slice(-20)
    .map((line) => `  ${line}`)
    .join('\n');
}
