/**
 * The sysctls of IPVS, `net.ipv4.vs.*` (ip_vs_ctl.c): which there are.
 * @module
 */

/** Names without `net.ipv4.vs.`, as Linux 7.3 has them; older kernels have fewer. docs/tuning.md says what each is for. */
export const IPVS_SYSCTL_NAMES = [
  'am_droprate',
  'amemthresh',
  'backup_only',
  'cache_bypass',
  'conn_lfactor',
  'conn_max',
  'conn_reuse_mode',
  'conntrack',
  'drop_entry',
  'drop_packet',
  'est_cpulist',
  'est_nice',
  'expire_nodest_conn',
  'expire_quiescent_template',
  'ignore_tunneled',
  'lblc_expiration',
  'lblcr_expiration',
  'nat_icmp_send',
  'pmtu_disc',
  'run_estimation',
  'schedule_icmp',
  'secure_tcp',
  'sloppy_sctp',
  'sloppy_tcp',
  'snat_reroute',
  'svc_lfactor',
  'sync_persist_mode',
  'sync_ports',
  'sync_qlen_max',
  'sync_refresh_period',
  'sync_retries',
  'sync_sock_size',
  'sync_threshold',
  'sync_version',
] as const;

/** The name of a sysctl of IPVS, without `net.ipv4.vs.`. */
export type IpvsSysctlName = (typeof IPVS_SYSCTL_NAMES)[number];

/** The kernel's texts, by the names without `net.ipv4.vs.`; absent are those that this kernel does not have. */
export type IpvsSysctls = Readonly<Partial<Record<IpvsSysctlName, string>>>;
