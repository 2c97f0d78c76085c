/**
 * When a real server has as many connections as its upper threshold allows (IP_VS_DEST_F_OVERLOAD in ip_vs_ctl.c and
 * ip_vs_conn.c): two rules, of older and of newer kernels.
 * @module
 */

/** Numbers of connections; 0 is none. */
export interface Thresholds {
  readonly upperThreshold: number;
  readonly lowerThreshold: number;
}

/** What a rule looks at, and the flag that it sets. */
export interface Loaded extends Thresholds {
  readonly activeConnections: number;
  readonly inactiveConnections: number;
  overloaded: boolean;
}

/** Is told what happens to a real server, after it happened. */
export interface OverloadRule {
  /** It was added, or has other settings. @param before its thresholds until now. */
  configured(server: Loaded, before: Thresholds): void;
  /** A connection came. */
  gained(server: Loaded): void;
  /** A connection went. */
  lost(server: Loaded): void;
}

/**
 * Kernels before July 2026: a higher upper threshold, or none, ends an overload at once; a lower one shows with the next
 * connection only.
 */
export const EDITS_END_OVERLOAD: OverloadRule = {
  configured(server, before) {
    const { upperThreshold } = server;
    if (upperThreshold === 0 || upperThreshold > before.upperThreshold) server.overloaded = false;
  },
  gained(server) {
    if (server.upperThreshold !== 0 && connectionsOf(server) >= server.upperThreshold) server.overloaded = true;
  },
  lost(server) {
    const { lowerThreshold, upperThreshold } = server;
    const connections = connectionsOf(server);
    const isFree = lowerThreshold === 0 ? connections * 4 < upperThreshold * 3 : connections < lowerThreshold;
    if (upperThreshold === 0 || isFree) server.overloaded = false;
  },
};

/** Kernels since July 2026: other thresholds are compared with the connections at once, and later only where one is crossed. */
export const EDITS_COUNT: OverloadRule = {
  configured(server, before) {
    const { upperThreshold, lowerThreshold } = server;
    if (upperThreshold === before.upperThreshold && lowerThreshold === before.lowerThreshold) return;
    const connections = connectionsOf(server);
    if (upperThreshold !== 0 && connections >= upperThreshold) server.overloaded = true;
    else if (upperThreshold === 0 || connections < freeBelow(server)) server.overloaded = false;
  },
  gained(server) {
    if (server.upperThreshold !== 0 && connectionsOf(server) === server.upperThreshold) server.overloaded = true;
  },
  lost(server) {
    const connections = connectionsOf(server);
    if (connections !== freeBelow(server) - 1) return;
    server.overloaded = server.upperThreshold !== 0 && connections >= server.upperThreshold;
  },
};

function connectionsOf({ activeConnections, inactiveConnections }: Loaded): number {
  return activeConnections + inactiveConnections;
}

/** An overload ends below this many: the lower threshold, or three quarters of the upper one, rounded up. */
function freeBelow({ upperThreshold, lowerThreshold }: Thresholds): number {
  return lowerThreshold || upperThreshold - (upperThreshold >>> 2);
}
