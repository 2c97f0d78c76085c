/**
 * IPVS without a kernel: `ipvs-ts/simulator`.
 * @module
 */
export type { Interface } from './host.js';
export { SimulatedKernel, type SimulatedKernelOptions } from './simulated-kernel.js';
export type { Padding } from './u64.js';
