/**
 * The steps that mend what was found.
 * @module
 */
import type { HostPlan } from '../host/plan.js';
import type { Finding } from './finding.js';
import { type Picture, plansOf } from './picture.js';
import { openSteps } from './steps.js';
import { isWithheld } from './vip-owners.js';

/** Plans with those steps alone that do not hold and may be taken: what `apply` takes. None where nothing can be mended. */
export function mendingPlans(picture: Picture): HostPlan[] {
  return plansOf(picture)
    .map((plan) => ({ ...plan, steps: mendingSteps(plan, picture), obstacles: [] }))
    .filter(({ steps }) => steps.length > 0);
}

function mendingSteps(plan: HostPlan, picture: Picture): HostPlan['steps'] {
  const open = new Set(
    openSteps(plan, picture)
      .filter((step) => !isWithheld(step, picture))
      .map(({ what }) => what),
  );
  return plan.steps.filter(({ what }) => open.has(what));
}

/** The findings that no step on this host mends. */
export function leftToPeople(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ fix }) => fix.step === undefined || fix.on !== undefined);
}
