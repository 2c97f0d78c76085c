import { defineConfig } from 'vitest/config';

// These change tables, interfaces and sysctls. On a machine whose kernel has ip_vs they would take its own apart.
const LAB_ONLY = ['test/lab/require-lab.ts'];

/** A project that is run by the lab (test/lab), on a real kernel: one file at a time, since all share that kernel. */
function kernelProject(name: string, setupFiles: string[]) {
  return {
    extends: true as const,
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      setupFiles,
      fileParallelism: false,
      // User-mode Linux is slow at starting processes. A worker per file would cost two seconds each.
      isolate: false,
      // The other checks keep the machine busy beside these: how long a test takes is not what it tests.
      testTimeout: 180_000,
      hookTimeout: 300_000,
    },
  };
}

/** Milliseconds: the lab keeps the machine busy beside these, and how long a test takes is not what it tests. */
const BUSY = 60_000;

/** The files of the conformance suite that a simulated kernel must pass as the real one does. */
const BOTH_KERNELS = [
  'services',
  'destinations',
  'settings',
  'restore',
  'save',
  'concurrency',
  'proc',
  'reconcile',
  'ensure',
];

export default defineConfig({
  test: {
    pool: 'forks',
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: BUSY } },
      {
        extends: true,
        test: {
          name: 'simulator',
          include: BOTH_KERNELS.map((file) => `test/conformance/${file}.test.ts`),
          env: { IPVS_TEST_KERNEL: 'simulator' },
          testTimeout: BUSY,
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/*.test.ts'],
          globalSetup: ['test/package/setup.ts'],
          testTimeout: BUSY,
        },
      },
      kernelProject('conformance', LAB_ONLY),
      kernelProject('interop', LAB_ONLY),
      // Takes several processors.
      kernelProject('smp', LAB_ONLY),
      // What we write, read by Debian's programs: unpacked where the machine has them not.
      kernelProject('programs', []),
      {
        extends: true,
        test: {
          name: 'services',
          include: ['test/services/*.test.ts'],
          setupFiles: ['test/services/require-services.ts'],
          testTimeout: BUSY,
          hookTimeout: BUSY,
        },
      },
      // Takes the module out of the kernel, which other files use for as long as their namespaces last.
      kernelProject('reload', LAB_ONLY),
      // The sanitizers run these on the machine itself.
      kernelProject('process', []),
    ],
  },
});
