/**
 * Planning: what a set-up needs of a host, compared with what the host has.
 * @module
 */
import type { Family } from '../address/ip.js';
import { unusableVips, withoutIPv6 } from './common-steps.js';
import { directorNeeds, masqueradeFamilies } from './director-plan.js';
import { type HostPlan, planned } from './plan.js';
import { realServerNeeds } from './real-server-plan.js';
import { type HostSetup, type NormalHostSetup, parseHostSetup } from './setup.js';
import type { HostState } from './state.js';

/**
 * The plan for a set-up on a host in this state. Pure: it reads nothing and changes nothing. For masquerading and for GUE,
 * the state must have been asked for it.
 * @throws {InvalidArgumentError} for a description that is wrong.
 */
export function planFor(setup: HostSetup, state: HostState): HostPlan {
  const checked = parseHostSetup(setup);
  const { role, name, description } = checked;
  const { steps, obstacles } =
    checked.role === 'director'
      ? directorNeeds(checked.description, state)
      : realServerNeeds(checked.description, state);
  const { mode } = description;
  const vips = 'vips' in description ? description.vips : [];
  return {
    namespace: state.namespace,
    role,
    mode,
    name,
    steps: planned(steps, state),
    obstacles: [...obstacles, ...unusableVips(vips, state), ...withoutIPv6(steps, state)],
  };
}

/** Whether the state of a host must be asked for FOU ports. */
export function needsFou({ description }: HostSetup | NormalHostSetup): boolean {
  return 'tunnel' in description && description.tunnel === 'gue';
}

/** The families in which the state of a host must be asked for a program that can masquerade. */
export function masqueradeFamiliesOf(setup: NormalHostSetup): Family[] {
  return setup.role === 'director' ? masqueradeFamilies(setup.description) : [];
}
