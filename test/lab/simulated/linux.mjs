// What dist/kernel/linux.js exports, for preload.mjs.

import { SimulatedKernel } from 'ipvs-ts/simulator';

const kernel = new SimulatedKernel();

/** @returns {import('ipvs-ts').Kernel} */
export function linuxKernel() {
  return kernel;
}
