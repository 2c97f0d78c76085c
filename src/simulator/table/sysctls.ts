/**
 * The sysctls `net.ipv4.vs.*` that decide over connections, with the kernel's names.
 * @module
 */
import { InvalidArgumentError } from '../../errors.js';
import { asObject } from '../../model/fields.js';

/** Sysctls of a simulated kernel. What is not here is as the kernel has it at first (`secure_tcp`, `drop_entry`, ... 0). */
export interface Sysctls {
  /**
   * What happens to a new connection with the addresses and ports of one that is over: 0, it goes to the same real server;
   * 1, it is scheduled anew; 3, also where the old one is in FIN_WAIT and the director sees one direction only. Default 1.
   */
  readonly conn_reuse_mode: number;
  /** 1: connections whose real server was removed, or whose client starts anew with a quiesced one, expire. Default 0. */
  readonly expire_nodest_conn: number;
  /** 1: persistence to a real server ends with its weight of 0. Default 0. */
  readonly expire_quiescent_template: number;
  /** Seconds that lblc remembers an address unused. Default 86400. */
  readonly lblc_expiration: number;
  /** Seconds without change after which lblcr takes a server from an address. Default 86400. */
  readonly lblcr_expiration: number;
  /** 0: no statistics. Default 1. */
  readonly run_estimation: number;
  /** 1: any SCTP packet starts a connection. Default 0. */
  readonly sloppy_sctp: number;
  /** 1: any TCP packet but RST starts a connection. Default 0. */
  readonly sloppy_tcp: number;
}

/** As the kernel has them at first. */
export const DEFAULT_SYSCTLS: Sysctls = Object.freeze({
  conn_reuse_mode: 1,
  expire_nodest_conn: 0,
  expire_quiescent_template: 0,
  lblc_expiration: 86_400,
  lblcr_expiration: 86_400,
  run_estimation: 1,
  sloppy_sctp: 0,
  sloppy_tcp: 0,
});

/** Sysctls with some changed. @throws {InvalidArgumentError} for unknown names, and values that are no whole numbers. */
export function changeSysctls(sysctls: Sysctls, changes: Partial<Sysctls>): Sysctls {
  for (const [name, value] of Object.entries(asObject('sysctls', changes))) {
    if (!Object.hasOwn(DEFAULT_SYSCTLS, name)) {
      throw invalid(name, `is not one of ${Object.keys(DEFAULT_SYSCTLS).join(', ')}`);
    }
    if (!Number.isInteger(value) || Number(value) < 0 || Number(value) > 0x7fffffff) {
      throw invalid(name, 'must be a whole number from 0 to 2147483647');
    }
  }
  return { ...sysctls, ...changes };
}

function invalid(path: string, message: string): InvalidArgumentError {
  return new InvalidArgumentError('sysctls', [{ path, message }]);
}
