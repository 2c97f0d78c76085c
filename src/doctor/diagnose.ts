/**
 * All checks, in the order in which a person would look.
 * @module
 */
import { arpFlux } from './arp.js';
import { checkNeverPassed, checkSource, quorumUnreachable } from './checks.js';
import { connectionsFull, expireNodest, ownClient, tableSmall } from './connections.js';
import { arpMute, deviceDown } from './devices.js';
import { type Finding, SEVERITIES } from './finding.js';
import { firewallDrops } from './firewall.js';
import { drBehindRouter, natGatewayUnseen, serverUnreachable } from './forwarding.js';
import { loDown, noCapability, noModule, noScheduler, roleUnknown, schedulerMissing } from './module.js';
import type { Picture } from './picture.js';
import {
  backupOnly,
  connReuseMode,
  conntrackFull,
  defence,
  expireQuiescent,
  noEstimation,
  reuseDelay,
} from './settings.js';
import { gatewaySilent, notProbed, serverSilent } from './silence.js';
import { stepFindings } from './steps.js';
import { syncBuffers, syncExposed, syncIds, syncInterface, syncPeer, syncUnsent, syncVersion } from './sync.js';
import { allQuiesced, noServers, overloaded, portMismatch, quiescedIdle, thresholdUnreachable } from './table.js';
import { tunnelChecksum, tunnelMtu } from './tunnel.js';
import { vipMissing, vipOnWrongDevice, vipSilent, vipUnanswered, vipWrongMask } from './vips.js';
import { gatewayIsDirector, noWayBack, routePastDirector, rpFilterDirector, rpFilterRealServer } from './ways.js';

const CHECKS: readonly ((picture: Picture) => Finding[])[] = [
  noModule,
  roleUnknown,
  noCapability,
  notProbed,
  schedulerMissing,
  loDown,
  deviceDown,
  stepFindings,
  vipMissing,
  vipOnWrongDevice,
  vipWrongMask,
  vipSilent,
  vipUnanswered,
  arpFlux,
  arpMute,
  firewallDrops,
  rpFilterDirector,
  rpFilterRealServer,
  noWayBack,
  routePastDirector,
  gatewayIsDirector,
  gatewaySilent,
  natGatewayUnseen,
  serverUnreachable,
  drBehindRouter,
  serverSilent,
  tunnelChecksum,
  tunnelMtu,
  noScheduler,
  portMismatch,
  noServers,
  allQuiesced,
  quiescedIdle,
  overloaded,
  thresholdUnreachable,
  connReuseMode,
  reuseDelay,
  expireNodest,
  expireQuiescent,
  conntrackFull,
  connectionsFull,
  defence,
  noEstimation,
  backupOnly,
  ownClient,
  tableSmall,
  syncInterface,
  syncIds,
  syncPeer,
  syncUnsent,
  syncExposed,
  syncVersion,
  syncBuffers,
  checkNeverPassed,
  checkSource,
  quorumUnreachable,
];

/** What is wrong in a picture, the worst first. Needs no kernel, and changes nothing. */
export function diagnose(picture: Picture): Finding[] {
  const found = new Map<string, Finding>();
  // Several set-ups of one host need the same of it.
  for (const one of CHECKS.flatMap((check) => check(picture))) {
    const name = `${one.id} ${one.subject}`;
    if (!found.has(name)) found.set(name, one);
  }
  return [...found.values()].toSorted(
    (left, right) => SEVERITIES.indexOf(left.severity) - SEVERITIES.indexOf(right.severity),
  );
}
