/**
 * Host and service names in command lines. ipvsadm asks the system's resolver; here the caller says what names mean.
 * @module
 */
import type { Protocol } from '../model/service-key.js';

/** What names mean. The look-ups are synchronous: who needs DNS resolves first. */
export interface Names {
  /** The IPv4 address of a host as dotted quad; ipvsadm 1.31 resolves no others. */
  host(name: string): string | undefined;
  /** The port of a service, as /etc/services has it. */
  port(name: string, protocol: Protocol): number | undefined;
  /**
   * Whether addresses are read as ipvsadm reads them, by C's inet_aton: `10.1` is 10.0.0.1 and `010.0.0.9` is 8.0.0.9.
   * Without it such an address is an error.
   */
  readonly looseAddress?: boolean;
}

/** Knows no names, and wants addresses written in full. */
export const numericNames: Names = { host: () => undefined, port: () => undefined };
