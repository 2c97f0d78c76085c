import type { ScheduledDestination, SchedulerEnvironment, SchedulerFactory } from './scheduler.js';

/** Whether a new connection may go to a destination. */
export function isUsable(destination: ScheduledDestination): boolean {
  return destination.weight > 0 && !destination.overloaded;
}

/** A scheduler that remembers nothing: it looks at the destinations, and neither at the packet nor back. */
export function choice(
  choose: (
    destinations: readonly ScheduledDestination[],
    environment: SchedulerEnvironment,
  ) => ScheduledDestination | undefined,
): SchedulerFactory {
  return (service, environment) => ({
    addDestination: nothing,
    deleteDestination: nothing,
    updateDestination: nothing,
    schedule: () => choose(service.destinations, environment),
  });
}

function nothing(): void {}
