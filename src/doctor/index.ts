/**
 * `import { examine } from 'ipvs-ts/doctor'`: what is wrong with a director or a real server, as findings.
 * @module
 */
export { examine } from './examine.js';
export { FINDING_IDS, type Finding, type FindingId, type Severity } from './finding.js';
export type { ExamineOptions } from './gather.js';
