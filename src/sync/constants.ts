/**
 * Numbers of the sync protocol, with the kernel's names (net/netfilter/ipvs/ip_vs_sync.c, include/net/ip_vs.h and
 * include/uapi/linux/ip_vs.h, Linux 6.1 to 6.18).
 * @module
 */

/** The group and UDP port of sync messages unless a daemon has others. */
export const IP_VS_SYNC_GROUP = '224.0.0.81';
export const IP_VS_SYNC_PORT = 8848;

/** The newest version of the messages. Receivers take both, whatever the sysctl `sync_version` says. */
export const SYNC_PROTO_VER = 1;

/** Bits of a connection's type: its addresses are IPv6. */
export const STYPE_F_INET6 = 1;
/** A connection's size and version share 16 bits. */
export const SVER_SHIFT = 12;
export const SVER_MASK = 0x0fff;

export const IPVS_OPT_SEQ_DATA = 1;
export const IPVS_OPT_PE_DATA = 2;
export const IPVS_OPT_PE_NAME = 3;
/** On an option's type: who does not know it may skip it. */
export const IPVS_OPT_F_PARAM = 1 << 6;

/** Bytes. */
export const IP_VS_PENAME_MAXLEN = 16;
export const IP_VS_PEDATA_MAXLEN = 255;

/** How packets are forwarded, in the lowest bits of a connection's flags. */
export const IP_VS_CONN_F_FWD_MASK = 0x0007;
export const IP_VS_CONN_F_LOCALNODE = 0x0001;
/** Counted as inactive by its real server. */
export const IP_VS_CONN_F_INACTIVE = 0x0100;
/** The connection has sequence deltas for what the client sends, or for what the real server sends. */
export const IP_VS_CONN_F_SEQ_MASK = 0x0600;
/** A persistence template. */
export const IP_VS_CONN_F_TEMPLATE = 0x1000;
/** Gone with the packet that made it. */
export const IP_VS_CONN_F_ONE_PACKET = 0x2000;
