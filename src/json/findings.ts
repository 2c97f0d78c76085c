/**
 * The JSON of `doctor --json`, and its schema. Fields may be added; those that are here stay.
 * @module
 */
import { z } from 'zod';
import { FINDING_IDS, type Finding, SEVERITIES } from '../doctor/finding.js';
import { prettyJson } from './pretty.js';

const findingJsonSchema = z.object({
  id: z.enum(FINDING_IDS).describe('stable; versions to come may have more'),
  severity: z.enum(SEVERITIES),
  subject: z.string().describe('a virtual IP, device, sysctl, service or real server'),
  what: z.string(),
  why: z.string(),
  fix: z.object({
    command: z.string().describe('what a person types into a shell'),
    step: z.string().optional().describe('the step of a set-up that mends it; absent: no step does'),
    manual: z.string().optional().describe('why "--fix" leaves it to a person'),
    on: z.string().optional().describe('the other host where the command is typed; absent: this host'),
  }),
  page: z.string().describe('path in the package'),
});

/** What `doctor --json` writes. */
export const findingsJsonSchema = z.array(findingJsonSchema).meta({ title: 'ipvs-ts doctor --json' });

/** Findings as `doctor --json` writes them. */
export function findingsJson(findings: readonly Finding[]): string {
  return prettyJson(findings);
}
