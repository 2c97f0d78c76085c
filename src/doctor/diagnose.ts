/**
 * All checks, in the order in which a person would look.
 * @module
 */
import { arpFlux } from './arp.js';
import { expireNodest, ownClient, tableSmall } from './connections.js';
import { type Finding, SEVERITIES } from './finding.js';
import { drBehindRouter, natGatewayUnseen, rpFilterDirector, serverSilent, serverUnreachable } from './forwarding.js';
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
import { stepFindings } from './steps.js';
import { syncIds, syncInterface, syncPeer } from './sync.js';
import { allQuiesced, noServers, overloaded, portMismatch, quiescedIdle, thresholdUnreachable } from './table.js';
import { tunnelMtu } from './tunnel.js';
import { vipMissing, vipOnWrongDevice, vipSilent, vipUnanswered, vipWrongMask } from './vips.js';

const CHECKS: readonly ((picture: Picture) => Finding[])[] = [
  roleUnknown,
  noModule,
  noCapability,
  schedulerMissing,
  loDown,
  stepFindings,
  vipMissing,
  vipOnWrongDevice,
  vipWrongMask,
  vipSilent,
  vipUnanswered,
  arpFlux,
  rpFilterDirector,
  natGatewayUnseen,
  serverUnreachable,
  drBehindRouter,
  serverSilent,
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
  defence,
  noEstimation,
  backupOnly,
  ownClient,
  tableSmall,
  syncInterface,
  syncIds,
  syncPeer,
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
