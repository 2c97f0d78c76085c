/**
 * One row of the director's connection table.
 * @module
 */
import type { Endpoint } from '../address/endpoint.js';

/** A connection, or a persistence template (client port 0), as /proc/net/ip_vs_conn tells it. */
export interface Connection {
  /** `tcp`, `udp`, `sctp`; `ip` for the templates of fwmark services. */
  readonly protocol: string;
  readonly client: Endpoint;
  /** What the client called; the templates of fwmark services have the mark instead. */
  readonly virtual: Endpoint | { readonly mark: number };
  /** The real server. Of another family than the client where a tunnel crosses families. */
  readonly destination: Endpoint;
  /** The kernel's word: `ESTABLISHED`, `SYN_RECV`, `FIN_WAIT`, `UDP`, `NONE`, ... */
  readonly state: string;
  /** Seconds until the entry goes away if no packet comes. */
  readonly expires: number;
  /** What a persistence engine identifies this client by. */
  readonly engine?: { readonly name: string; readonly data: string };
}
