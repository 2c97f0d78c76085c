import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { checkoutRoot } from './checkout.js';

/**
 * The kernel a program of the lab runs on: user-mode Linux as a process, one of Debian's stock kernels under QEMU's software
 * emulation, or the machine's own in fresh namespaces.
 */
export type LabKernel =
  | {
      kind: 'uml';
      program: string;
      modules: string;
      /** The root of a system whose programs lie over the machine's own in the guest. */
      layer?: string;
    }
  | {
      kind: 'qemu';
      program: string;
      /** What scripts/debian-kernel.mjs made ready. */
      directory: string;
      layer?: string;
    }
  | { kind: 'host' };

/** What {@link chooseKernel} has to know about a machine; tests pass machines of their own. */
export interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  /** Where packages are unpacked that are not installed (scripts/setup.mjs). */
  readonly layer?: string | undefined;
  /** Where stock kernels are made ready, a directory each (scripts/debian-kernel.mjs). */
  readonly kernels: string;
  exists(path: string): boolean;
  /** The path of a program, or undefined when there is none of that name. */
  find(program: string): string | undefined;
  succeeds(program: string, ...args: string[]): boolean;
}

/** No kernel with IPVS can be had on this machine; the message says why and what would help. */
export class NoKernelError extends Error {
  override readonly name = 'NoKernelError';
}

type Candidate = { kernel: LabKernel } | { missing: string };

const MODULES = '/usr/lib/uml/modules';
const QEMU = 'qemu-system-x86_64';

const HELP = `What would help, either of:
  - on Debian or Ubuntu (x86-64): apt-get install --no-install-recommends user-mode-linux kmod iproute2
  - root on a machine whose kernel has ip_vs (modprobe ip_vs), with the right to make namespaces (CAP_SYS_ADMIN)`;

/**
 * Finds a kernel with IPVS: user-mode Linux where it is installed, for that touches nothing of the machine; else the
 * machine's own kernel. `IPVS_LAB=uml` or `IPVS_LAB=host` insists on one of them; `6.12` and `7` take a stock kernel.
 *
 * @throws NoKernelError
 */
export function chooseKernel(machine: Machine = thisMachine): LabKernel {
  const reasons: string[] = [];
  for (const [name, examine] of wantedCandidates(machine.env['IPVS_LAB'])) {
    const candidate = examine(machine);
    if ('kernel' in candidate) return candidate.kernel;
    reasons.push(`  - ${name}: ${candidate.missing}`);
  }
  throw new NoKernelError(['No kernel with IPVS can be had here:', ...reasons, HELP].join('\n'));
}

function wantedCandidates(wanted: string | undefined): [name: string, examine: (machine: Machine) => Candidate][] {
  switch (wanted) {
    case 'uml':
      return [['user-mode Linux', userModeLinux]];
    case 'host':
      return [["this machine's own kernel", hostKernel]];
    case undefined:
    case '':
      return [...wantedCandidates('uml'), ...wantedCandidates('host')];
    case '6.12':
    case '7':
      return [[`Debian's kernel ${wanted}`, (machine) => stockKernel(machine, wanted)]];
    default:
      throw new NoKernelError(`IPVS_LAB is '${wanted}'; it may be 'uml', 'host', '6.12' or '7'`);
  }
}

function userModeLinux(machine: Machine): Candidate {
  const program = machine.find('linux.uml');
  if (program === undefined)
    return { missing: 'linux.uml is not installed (Debian package user-mode-linux, x86-64 only)' };
  const { layer } = machine;
  const modules = [MODULES, ...(layer === undefined ? [] : [join(layer, MODULES)])].find((path) =>
    machine.exists(path),
  );
  if (modules === undefined) return { missing: `its modules are missing: there is no ${MODULES}` };
  return missingTools(machine) ?? { kernel: { kind: 'uml', program, modules, ...(layer !== undefined && { layer }) } };
}

function stockKernel(machine: Machine, release: string): Candidate {
  const directory = join(machine.kernels, release);
  if (!machine.exists(directory)) return { missing: `it is not unpacked (npm test -- kernel-${release} does that)` };
  const unpacked = join(directory, 'packages/usr/bin', QEMU);
  const program = machine.exists(unpacked) ? unpacked : machine.find(QEMU);
  if (program === undefined) return { missing: `${QEMU} is not installed (Debian package qemu-system-x86)` };
  const { layer } = machine;
  return (
    missingTools(machine) ?? { kernel: { kind: 'qemu', program, directory, ...(layer !== undefined && { layer }) } }
  );
}

function hostKernel(machine: Machine): Candidate {
  if (!machine.isRoot) return { missing: 'using it takes root' };
  const tools = missingTools(machine);
  if (tools !== undefined) return tools;
  if (!machine.exists('/proc/net/ip_vs') && !machine.succeeds('modprobe', '--dry-run', 'ip_vs')) {
    return { missing: 'it has no module ip_vs' };
  }
  if (!machine.succeeds('unshare', '--net', '--mount', '--pid', '--fork', 'true')) {
    return { missing: 'this process may not make namespaces (CAP_SYS_ADMIN is missing)' };
  }
  return { kernel: { kind: 'host' } };
}

function missingTools(machine: Machine): Candidate | undefined {
  const packages = [
    ['modprobe', 'kmod'],
    ['ip', 'iproute2'],
  ] as const;
  const missing = packages.filter(([program]) => machine.find(program) === undefined);
  if (missing.length === 0) return undefined;
  return {
    missing: missing.map(([program, name]) => `${program} is not installed (Debian package ${name})`).join(', '),
  };
}

const LAYER = join(checkoutRoot, '.build/lab-layer');

const thisMachine: Machine = {
  env: process.env,
  kernels: join(checkoutRoot, '.build/kernels'),
  layer: existsSync(LAYER) ? realpathSync(LAYER) : undefined,
  isRoot: process.getuid?.() === 0,
  exists: existsSync,
  find: findProgram,
  succeeds: (program, ...args) => spawnSync(program, args, { stdio: 'ignore' }).status === 0,
};

/** Looks in PATH, in the sbin directories, for a user's PATH may lack them, and in the layer. */
function findProgram(program: string): string | undefined {
  const sbin = ['/usr/local/sbin', '/usr/sbin', '/sbin'];
  const unpacked = ['usr/bin', 'usr/sbin'].map((directory) => join(LAYER, directory));
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), ...sbin, ...unpacked];
  return directories.map((directory) => join(directory, program)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
