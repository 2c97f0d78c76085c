/**
 * The doctor: looks at a director or a real server, and says what is wrong.
 * @module
 */
import { diagnose } from './diagnose.js';
import type { Finding } from './finding.js';
import { type ExamineOptions, gather } from './gather.js';

/**
 * What is wrong with a host, the worst first; nothing is changed.
 * @throws {InvalidArgumentError} for a description that is wrong.
 * @throws {UnavailableError} without the addon, or if the namespace can't be entered.
 *
 * @example
 * ```ts
 * import { examine } from 'ipvs-ts/doctor';
 * for (const { severity, what, fix } of await examine()) console.log(severity, what, fix?.command);
 * ```
 */
export async function examine(options: ExamineOptions = {}): Promise<Finding[]> {
  return diagnose(await gather(options));
}
