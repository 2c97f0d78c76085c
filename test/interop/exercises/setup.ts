/**
 * Hosts made directors and real servers, by the library's plans.
 *
 * @module
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { apply } from '../../../src/host/apply.js';
import { planDirector } from '../../../src/host/director-plan.js';
import type { HostPlan } from '../../../src/host/plan.js';
import { planRealServer } from '../../../src/host/real-server-plan.js';
import type { HostStepId } from '../../../src/host/step.js';
import type { Director } from '../../../src/model/director.js';
import type { RealServer } from '../../../src/model/real-server.js';
import type { Host } from '../../lab/network.js';

/** Makes a host the director, but for the steps to leave out. */
export async function setUpDirector(host: Host, description: Director, without: readonly HostStepId[]): Promise<void> {
  await take(host, await planDirector(description, { netns: host.namespacePath }), without);
}

/** Makes a host a real server, but for the steps to leave out. */
export async function setUpRealServer(
  host: Host,
  description: RealServer,
  without: readonly HostStepId[],
): Promise<void> {
  await take(host, await planRealServer(description, { netns: host.namespacePath }), without);
}

async function take(host: Host, plan: HostPlan, without: readonly HostStepId[]): Promise<void> {
  const missing = without.filter((id) => plan.steps.every((step) => step.id !== id));
  if (missing.length > 0) throw new Error(`the plan has no step ${missing.join(', ')}`);
  const steps = plan.steps.filter(({ id }) => !without.includes(id));
  const record = join(tmpdir(), `${plan.role}-${host.namespace}.jsonl`);
  await apply({ ...plan, steps }, { netns: host.namespacePath, record });
}
