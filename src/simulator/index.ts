/**
 * IPVS without a kernel: `ipvs-ts/simulator`.
 * @module
 */
export type { Refusal } from './connections.js';
export type { Interface } from './host.js';
export type { SctpChunk } from './protocols/sctp.js';
export type { TcpFlag } from './protocols/tcp.js';
export type { Opening, Outcome, Segment, SimulatedConnection } from './simulated-connection.js';
export { SimulatedKernel, type SimulatedKernelOptions } from './simulated-kernel.js';
export type { Sysctls } from './sysctls.js';
export type { Padding } from './u64.js';
export type { Duration, Traffic } from './what-if/traffic.js';
export {
  type ServerChange,
  type ServerShare,
  type WhatIf,
  type WhatIfOptions,
  type WhatIfTable,
  whatIf,
} from './what-if/what-if.js';
