/**
 * `import { examine } from 'ipvs-ts/doctor'`: what is wrong with a director or a real server, as findings.
 * @module
 */
export { diagnose } from './diagnose.js';
export { examine } from './examine.js';
export { FINDING_IDS, type Finding, type FindingId, type Severity } from './finding.js';
export { type ExamineOptions, gather } from './gather.js';
export { leftToPeople, type Mending, mendings } from './mend.js';
export type { Picture } from './picture.js';
