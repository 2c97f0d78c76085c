import type { ScheduledDestination } from './scheduler.js';

type Weight = (destination: ScheduledDestination) => number;

/** The greatest common divisor of the weights other than 0; 0 if there are none. */
export function commonWeight(destinations: readonly ScheduledDestination[], weight: Weight): number {
  return destinations.reduce((common, destination) => divisor(weight(destination), common), 0);
}

/** The greatest weight; 0 if there are none. */
export function maximumWeight(destinations: readonly ScheduledDestination[], weight: Weight): number {
  return destinations.reduce((maximum, destination) => Math.max(maximum, weight(destination)), 0);
}

function divisor(left: number, right: number): number {
  return right === 0 ? left : divisor(right, left % right);
}
