/**
 * What keeps a drain from ending, and what meets the connections that are left when it does: persistence, and three sysctls.
 * @module
 */
import { closeSync, constants, readSync } from 'node:fs';
import { type NamespaceOptions, openFile } from '../linux/namespace.js';
import type { ServiceFields } from '../model/service.js';

/** The sysctls of net.ipv4.vs that drains depend on. Undefined: this kernel has it not, or IPVS is not loaded. */
export interface DrainSysctls {
  /** 1: a client's persistence template is not followed to a server of weight 0. Kernel's default 0. */
  readonly expire_quiescent_template: number | undefined;
  /** 0: a client that uses the port of an old connection again is led to the same server. Kernel's default 1. */
  readonly conn_reuse_mode: number | undefined;
  /** 1: connections whose server was removed end at once. Kernel's default 0. */
  readonly expire_nodest_conn: number | undefined;
}

/** Something to know before a server of a service is drained. */
export interface DrainNote {
  /** The sysctl, as sysctl(8) names it. */
  readonly sysctl: string;
  /** What will happen, and what to do about it. */
  readonly text: string;
}

const DIRECTORY = '/proc/sys/net/ipv4/vs';

/** Reads them. @throws {UnavailableError} if the namespace can't be entered. */
export function readDrainSysctls({ netns }: NamespaceOptions = {}): DrainSysctls {
  return {
    expire_quiescent_template: readNumber('expire_quiescent_template', netns),
    conn_reuse_mode: readNumber('conn_reuse_mode', netns),
    expire_nodest_conn: readNumber('expire_nodest_conn', netns),
  };
}

function readNumber(name: string, netns: string | undefined): number | undefined {
  const descriptor = openFile(`${DIRECTORY}/${name}`, constants.O_RDONLY, netns);
  if (descriptor < 0) return undefined;
  try {
    const text = Buffer.alloc(32);
    return Number(text.toString('latin1', 0, readSync(descriptor, text)));
  } finally {
    closeSync(descriptor);
  }
}

/**
 * What is worth knowing, by a service's settings and the sysctls (kernel: ip_vs_in, ip_vs_check_template and
 * expire_quiescent_template in ip_vs_core.c and ip_vs_conn.c, Linux 6.1). Empty: nothing stands in the way.
 */
export function drainNotes(service: ServiceFields, sysctls: DrainSysctls): DrainNote[] {
  return [...persistenceNotes(service, sysctls), ...reuseNotes(sysctls), ...removalNotes(sysctls)];
}

function persistenceNotes({ persistence }: ServiceFields, sysctls: DrainSysctls): DrainNote[] {
  if (persistence === undefined || sysctls.expire_quiescent_template !== 0) return [];
  const text =
    `the service is persistent (${persistence.timeout} s): clients that the server knows are sent to it although its weight ` +
    'is 0, and the drain may not end while they come; with 1 they are given another server';
  return [{ sysctl: 'net.ipv4.vs.expire_quiescent_template', text }];
}

function reuseNotes({ conn_reuse_mode }: DrainSysctls): DrainNote[] {
  if (conn_reuse_mode !== 0) return [];
  const text =
    'a client that uses the port of an earlier connection again is sent to the same server although its weight is 0; with 1 ' +
    'such a connection is scheduled anew once the earlier one is closing';
  return [{ sysctl: 'net.ipv4.vs.conn_reuse_mode', text }];
}

function removalNotes({ expire_nodest_conn }: DrainSysctls): DrainNote[] {
  if (expire_nodest_conn !== 0) return [];
  const text =
    'packets of connections that are left at the deadline are dropped without a word until their clients give up; with 1 ' +
    'the connections end at once, and clients can try again';
  return [{ sysctl: 'net.ipv4.vs.expire_nodest_conn', text }];
}
