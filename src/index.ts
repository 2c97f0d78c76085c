/**
 * `import { Ipvs } from 'ipvs-ts'`: IPVS, the Linux kernel's layer-4 load balancer, from TypeScript.
 * @module
 */
export type { Endpoint } from './address/endpoint.js';
export type { Family } from './address/ip.js';
export {
  ClosedError,
  ConnectionsFileError,
  type ExtendedAck,
  InterruptedError,
  InvalidArgumentError,
  IpvsError,
  type Issue,
  KernelError,
  OverrunError,
  ProtocolError,
  type Refusal,
  RestoreError,
  type RestoreFailure,
  RulesError,
  TimeoutError,
  UnavailableError,
} from './errors.js';
export { Ipvs, type OpenOptions, type RestoreOptions, type SaveOptions } from './ipvs.js';
export type { Names } from './ipvsadm/names.js';
export type { ReverseNames } from './ipvsadm/reverse-names.js';
export { formatRules, type RulesOptions } from './ipvsadm/rules.js';
export type { DatagramSender, Kernel, KernelNetwork, OptionSocket, TemporaryDevice } from './kernel/kernel.js';
export { type LinuxKernelOptions, linuxKernel } from './kernel/linux-kernel.js';
export type { NamespaceOptions } from './linux/namespace.js';
export type { CallOptions } from './model/call-options.js';
export {
  type Change,
  type ChangeFailure,
  type DestinationPatch,
  type DestinationUpdate,
  type NormalChange,
  parseChange,
  type ServicePatch,
  type ServiceUpdate,
} from './model/change.js';
export type { Connection } from './model/connection.js';
export type {
  ChangeConnectionsOptions,
  ChangedConnections,
  ConnectionsProgress,
  LeftConnection,
} from './model/connection-changes.js';
export type { ConnectionFilter } from './model/connection-filter.js';
export {
  type Destination,
  type DestinationEntry,
  type DestinationFields,
  type DestinationKey,
  formatDestinationKey,
  type KernelMethod,
  type KernelTunnel,
  type NormalDestination,
  type NormalTunnel,
  parseDestination,
  parseDestinationKey,
  type Tunnel,
  type WrittenDestinationSettings,
} from './model/destination.js';
export type { EstimationThreads, HashTable, IpvsStatus } from './model/ipvs-status.js';
export type { IpvsSysctlName, IpvsSysctls } from './model/ipvs-sysctls.js';
export {
  type NewEndpoint,
  type NormalService,
  type Persistence,
  parseService,
  type Scheduler,
  type SchedulerFlag,
  type Service,
  type ServiceEntry,
  type ServiceFields,
  type ServiceSetting,
  type ServiceSettings,
  type WrittenServiceSettings,
} from './model/service.js';
export {
  type EndpointKey,
  type FwmarkKey,
  formatServiceKey,
  type NormalServiceKey,
  type OtherProtocol,
  type Protocol,
  parseServiceKey,
  type ServiceKey,
  type ServiceKeyText,
} from './model/service-key.js';
export { type Counters, type Rates, Stats } from './model/stats.js';
export { type DaemonRole, type NormalSyncDaemon, parseSyncDaemon, type SyncDaemon } from './model/sync-daemon.js';
export type {
  Info,
  NormalTableService,
  Source,
  Table,
  TableService,
  WrittenTable,
  WrittenTableService,
} from './model/table.js';
export type { TableAccess } from './model/table-access.js';
export { parseTimeouts, type Timeouts, type TimeoutsChange } from './model/timeouts.js';
export type { NetlinkDatagram } from './netlink/diagnostics.js';
export type { Transport } from './netlink/transport.js';
export type { RestoredConnections } from './sync/restore-connections.js';
