/**
 * The IPVS generic netlink family and the socket options, with the kernel's names (include/uapi/linux/ip_vs.h; the same up to
 * Linux 7.2).
 * @module
 */

export const IPVS_GENL_NAME = 'IPVS';
export const IPVS_GENL_VERSION = 1;

export const IPVS_CMD_NEW_SERVICE = 1;
export const IPVS_CMD_SET_SERVICE = 2;
export const IPVS_CMD_DEL_SERVICE = 3;
export const IPVS_CMD_GET_SERVICE = 4;
export const IPVS_CMD_NEW_DEST = 5;
export const IPVS_CMD_SET_DEST = 6;
export const IPVS_CMD_DEL_DEST = 7;
export const IPVS_CMD_GET_DEST = 8;
export const IPVS_CMD_NEW_DAEMON = 9;
export const IPVS_CMD_DEL_DAEMON = 10;
export const IPVS_CMD_GET_DAEMON = 11;
export const IPVS_CMD_SET_CONFIG = 12;
export const IPVS_CMD_GET_CONFIG = 13;
/** The kernel's answer to GET_INFO; as a request it is refused (EOPNOTSUPP). */
export const IPVS_CMD_SET_INFO = 14;
export const IPVS_CMD_GET_INFO = 15;
export const IPVS_CMD_ZERO = 16;
export const IPVS_CMD_FLUSH = 17;

export const IPVS_CMD_ATTR_SERVICE = 1;
export const IPVS_CMD_ATTR_DEST = 2;
export const IPVS_CMD_ATTR_DAEMON = 3;
export const IPVS_CMD_ATTR_TIMEOUT_TCP = 4;
export const IPVS_CMD_ATTR_TIMEOUT_TCP_FIN = 5;
export const IPVS_CMD_ATTR_TIMEOUT_UDP = 6;

export const IPVS_SVC_ATTR_AF = 1;
export const IPVS_SVC_ATTR_PROTOCOL = 2;
export const IPVS_SVC_ATTR_ADDR = 3;
/** Network order. */
export const IPVS_SVC_ATTR_PORT = 4;
export const IPVS_SVC_ATTR_FWMARK = 5;
export const IPVS_SVC_ATTR_SCHED_NAME = 6;
/** struct ip_vs_flags: u32 flags, u32 mask. */
export const IPVS_SVC_ATTR_FLAGS = 7;
/** Seconds. */
export const IPVS_SVC_ATTR_TIMEOUT = 8;
/** IPv4: a mask in network order; IPv6: a prefix length in host order. */
export const IPVS_SVC_ATTR_NETMASK = 9;
export const IPVS_SVC_ATTR_STATS = 10;
/** Since 2.6.37. */
export const IPVS_SVC_ATTR_PE_NAME = 11;
/** Since 4.1. */
export const IPVS_SVC_ATTR_STATS64 = 12;

export const IPVS_DEST_ATTR_ADDR = 1;
/** Network order. */
export const IPVS_DEST_ATTR_PORT = 2;
export const IPVS_DEST_ATTR_FWD_METHOD = 3;
export const IPVS_DEST_ATTR_WEIGHT = 4;
export const IPVS_DEST_ATTR_U_THRESH = 5;
export const IPVS_DEST_ATTR_L_THRESH = 6;
export const IPVS_DEST_ATTR_ACTIVE_CONNS = 7;
export const IPVS_DEST_ATTR_INACT_CONNS = 8;
export const IPVS_DEST_ATTR_PERSIST_CONNS = 9;
export const IPVS_DEST_ATTR_STATS = 10;
/** Since 3.18; where it is missing a destination is of its service's family. */
export const IPVS_DEST_ATTR_ADDR_FAMILY = 11;
/** Since 4.1. */
export const IPVS_DEST_ATTR_STATS64 = 12;
/** Since 5.2. */
export const IPVS_DEST_ATTR_TUN_TYPE = 13;
/** Network order. Since 5.2. */
export const IPVS_DEST_ATTR_TUN_PORT = 14;
/** Since 5.3. */
export const IPVS_DEST_ATTR_TUN_FLAGS = 15;

export const IPVS_DAEMON_ATTR_STATE = 1;
export const IPVS_DAEMON_ATTR_MCAST_IFN = 2;
export const IPVS_DAEMON_ATTR_SYNC_ID = 3;
/** This and the following since 4.3. */
export const IPVS_DAEMON_ATTR_SYNC_MAXLEN = 4;
export const IPVS_DAEMON_ATTR_MCAST_GROUP = 5;
export const IPVS_DAEMON_ATTR_MCAST_GROUP6 = 6;
/** Host order, unlike every other port. */
export const IPVS_DAEMON_ATTR_MCAST_PORT = 7;
export const IPVS_DAEMON_ATTR_MCAST_TTL = 8;

export const IPVS_STATS_ATTR_CONNS = 1;
export const IPVS_STATS_ATTR_INPKTS = 2;
export const IPVS_STATS_ATTR_OUTPKTS = 3;
export const IPVS_STATS_ATTR_INBYTES = 4;
export const IPVS_STATS_ATTR_OUTBYTES = 5;
export const IPVS_STATS_ATTR_CPS = 6;
export const IPVS_STATS_ATTR_INPPS = 7;
export const IPVS_STATS_ATTR_OUTPPS = 8;
export const IPVS_STATS_ATTR_INBPS = 9;
export const IPVS_STATS_ATTR_OUTBPS = 10;

export const IPVS_INFO_ATTR_VERSION = 1;
export const IPVS_INFO_ATTR_CONN_TAB_SIZE = 2;

const IP_VS_BASE_CTL = 64 + 1024 + 64;
export const IP_VS_SO_SET_ADD = IP_VS_BASE_CTL + 2;
export const IP_VS_SO_SET_EDIT = IP_VS_BASE_CTL + 3;
export const IP_VS_SO_SET_DEL = IP_VS_BASE_CTL + 4;
export const IP_VS_SO_SET_FLUSH = IP_VS_BASE_CTL + 5;
export const IP_VS_SO_SET_ADDDEST = IP_VS_BASE_CTL + 7;
export const IP_VS_SO_SET_DELDEST = IP_VS_BASE_CTL + 8;
export const IP_VS_SO_SET_EDITDEST = IP_VS_BASE_CTL + 9;
export const IP_VS_SO_SET_TIMEOUT = IP_VS_BASE_CTL + 10;
export const IP_VS_SO_SET_STARTDAEMON = IP_VS_BASE_CTL + 11;
export const IP_VS_SO_SET_STOPDAEMON = IP_VS_BASE_CTL + 12;
export const IP_VS_SO_SET_ZERO = IP_VS_BASE_CTL + 15;

/** The numbers of reading are the same again: SO_GET_INFO is 1153, as SO_SET_INSERT is. */
export const IP_VS_SO_GET_INFO = IP_VS_BASE_CTL + 1;
export const IP_VS_SO_GET_SERVICES = IP_VS_BASE_CTL + 2;
export const IP_VS_SO_GET_SERVICE = IP_VS_BASE_CTL + 3;
export const IP_VS_SO_GET_DESTS = IP_VS_BASE_CTL + 4;
export const IP_VS_SO_GET_TIMEOUT = IP_VS_BASE_CTL + 6;
export const IP_VS_SO_GET_DAEMON = IP_VS_BASE_CTL + 7;

export const IP_VS_SVC_F_PERSISTENT = 0x1;
/** The kernel's own; always set in what it tells. */
export const IP_VS_SVC_F_HASHED = 0x2;
/** Since 2.6.36. */
export const IP_VS_SVC_F_ONEPACKET = 0x4;
/** SCHED1 to SCHED3 are 0x8, 0x10 and 0x20. Since 3.11. */
export const IP_VS_SVC_F_SCHED_SHIFT = 3;
export const IP_VS_SVC_F_SCHED_MASK = 0x38;

/** The low bits of IPVS_DEST_ATTR_FWD_METHOD. */
export const IP_VS_CONN_F_FWD_MASK = 0x7;
export const IP_VS_CONN_F_MASQ = 0;
export const IP_VS_CONN_F_LOCALNODE = 1;
export const IP_VS_CONN_F_TUNNEL = 2;
export const IP_VS_CONN_F_DROUTE = 3;
export const IP_VS_CONN_F_BYPASS = 4;

export const IP_VS_CONN_F_TUNNEL_TYPE_IPIP = 0;
export const IP_VS_CONN_F_TUNNEL_TYPE_GUE = 1;
export const IP_VS_CONN_F_TUNNEL_TYPE_GRE = 2;

export const IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM = 0;
export const IP_VS_TUNNEL_ENCAP_FLAG_CSUM = 0x1;
export const IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM = 0x2;

export const IP_VS_STATE_MASTER = 1;
export const IP_VS_STATE_BACKUP = 2;

/** linux/socket.h */
export const AF_INET = 2;
export const AF_INET6 = 10;
