/**
 * Hosts made directors and real servers, by the library's plans.
 *
 * @module
 */
import type { HostSetup } from '../../../src/host/setup.js';
import type { HostStepId } from '../../../src/host/step.js';
import { Host as SetUpHost } from '../../../src/host.js';
import type { Director } from '../../../src/model/director.js';
import type { RealServer } from '../../../src/model/real-server.js';
import type { Host } from '../../lab/network.js';

/** Makes a host the director, but for the steps to leave out. */
export async function setUpDirector(host: Host, description: Director, without: readonly HostStepId[]): Promise<void> {
  await take(host, { role: 'director', description }, without);
}

/** Makes a host a real server, but for the steps to leave out. */
export async function setUpRealServer(
  host: Host,
  description: RealServer,
  without: readonly HostStepId[],
): Promise<void> {
  await take(host, { role: 'real-server', description }, without);
}

async function take({ namespacePath }: Host, setup: HostSetup, without: readonly HostStepId[]): Promise<void> {
  const host = await SetUpHost.open({ netns: namespacePath });
  const plan = await host.plan(setup);
  const missing = without.filter((id) => plan.steps.every((step) => step.id !== id));
  if (missing.length > 0) throw new Error(`the plan has no step ${missing.join(', ')}`);
  await host.apply(plan, { only: ({ id }) => !without.includes(id) });
}
