/**
 * `import { examine } from 'ipvs-ts/doctor'`: what is wrong with a director or a real server, as findings.
 * @module
 */

export type { PacketRoute } from '../netlink/route/lookup.js';
export type { NeighbourEntry, NeighbourState } from '../netlink/route/neighbour.js';
export { diagnose } from './diagnose.js';
export { examine } from './examine.js';
export { FINDING_IDS, type Finding, type FindingId, type Fix, type Severity } from './finding.js';
export type { FilteredPacket, FirewallChain, FirewallMatch, FirewallRule, Ruleset } from './firewall-rules.js';
export { type ExamineOptions, gather, type OneOrSeveral, type RoleOptions } from './gather.js';
export { leftToPeople, type Mending, mendings } from './mend.js';
export type { CheckedPicture, IpvsPicture, JudgedPacket, Passage, Picture } from './picture.js';
