/**
 * IPVS without a kernel: `ipvs-ts/simulator`.
 * @module
 */

export type { Padding } from './netlink/u64.js';
export type { SimulatedKernelOptions } from './options.js';
export type { SctpChunk } from './protocols/sctp.js';
export type { TcpFlag } from './protocols/tcp.js';
export type { KernelRelease } from './release.js';
export { SimulatedKernel } from './simulated-kernel.js';
export type { Interface } from './table/host.js';
export type { Sysctls } from './table/sysctls.js';
export type { ConnectionRefusal } from './traffic/connections.js';
export type { Opening, Outcome, Segment, SimulatedConnection } from './traffic/simulated-connection.js';
export type { Duration, Traffic } from './what-if/traffic.js';
export {
  type ServerChange,
  type ServerShare,
  type WhatIf,
  type WhatIfOptions,
  whatIf,
} from './what-if/what-if.js';
