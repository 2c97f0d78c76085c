/**
 * The steps that mend what was found.
 * @module
 */
import type { HostPlan, PlannedStep } from '../host/plan.js';
import type { AddressRemovalStep, HostStep } from '../host/step.js';
import type { AddressEntry } from '../netlink/route/address.js';
import type { Finding } from './finding.js';
import { isVipStep, type Picture, plansOf } from './picture.js';
import { openSteps } from './steps.js';
import { isWithheld } from './vip-owners.js';
import { removalObstacle, wrongAddresses } from './wrong-vips.js';

/** A plan, with steps that take away virtual IPs in wrong places, and those of its steps that are to be taken. */
export interface Mending {
  readonly plan: HostPlan;
  readonly steps: readonly HostStep[];
}

/** What can be mended, plan by plan; nothing where nothing can. */
export function mendings(picture: Picture): Mending[] {
  return plansOf(picture)
    .map((plan) => mendingOf(plan, picture))
    .filter(({ steps }) => steps.length > 0);
}

function mendingOf(plan: HostPlan, picture: Picture): Mending {
  const open = openSteps(plan, picture).filter((step) => !isWithheld(step, picture));
  const added = new Set(open.map(({ what }) => what));
  const removals = plan.steps.filter(isVipStep).flatMap((step) => {
    // A director's virtual IP may be on a second device. What is withheld stays where it is.
    if (!added.has(step.what) && (step.announce || !step.done)) return [];
    const wrong = wrongAddresses(step, picture);
    return wrong.filter((found) => removalObstacle(found, picture) === undefined).map(removalStep);
  });
  // The right address comes first, so that the virtual IP is never gone.
  const steps: PlannedStep[] = [...plan.steps, ...removals.map((step) => ({ ...step, done: false }))];
  return { plan: { ...plan, steps }, steps: [...plan.steps.filter(({ what }) => added.has(what)), ...removals] };
}

function removalStep({ address, prefix, device }: AddressEntry): AddressRemovalStep {
  const text = `${address}/${prefix}`;
  return {
    kind: 'address-removal',
    id: 'vip',
    what: `delete ${text} from ${device}`,
    why: 'The virtual IP is in the wrong place, or with the wrong mask.',
    undo: `add ${text} to ${device}`,
    device,
    address,
    prefix,
  };
}

/** The findings that no step on this host mends. */
export function leftToPeople(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ fix }) => fix.step === undefined || fix.on !== undefined);
}
