/**
 * `import { Host } from 'ipvs-ts/host'`: what a director and a real server need around the table, as plans that can be looked
 * at, carried out, checked and taken back.
 * @module
 */
import { examine } from './doctor/examine.js';
import type { Finding } from './doctor/finding.js';
import type { ExamineOptions } from './doctor/gather.js';
import { type ApplyOptions, type ApplyResult, applyHostPlan } from './host/apply.js';
import { Journals } from './host/journals.js';
import { checkPlan, type HostPlan } from './host/plan.js';
import { masqueradeFamiliesOf, needsFou, planFor } from './host/plan-for.js';
import type { HostRecord } from './host/record.js';
import { type RevertOptions, type RevertTarget, revertHost } from './host/revert.js';
import { parseHostPlan } from './host/schema.js';
import { type HostSetup, parseHostSetup } from './host/setup.js';
import { type HostState, type HostStateOptions, readHostState } from './host/state.js';
import type { RevertResult } from './host/undo.js';
import { type NamespaceOptions, namespacePath } from './linux/namespace.js';
import { namespaceOfThisBoot } from './linux/namespace-identity.js';

export type { Finding } from './doctor/finding.js';
export type { ExamineOptions } from './doctor/gather.js';
export { HostApplyError, type HostApplyFailure } from './errors.js';
export type { ApplyOptions, ApplyResult } from './host/apply.js';
export type { LockWaitOptions } from './host/journals.js';
export type { MasqueradeState } from './host/masquerade.js';
export type { HostPlan, Obstacle, PlannedStep } from './host/plan.js';
export { planFor } from './host/plan-for.js';
export type { AppliedStep, HostRecord, JournalHeader, SysctlChange, SysctlValue } from './host/record.js';
export type { RevertOptions, RevertTarget } from './host/revert.js';
export type { HostSetup, Role } from './host/setup.js';
export type { FouState, HostState, HostStateOptions } from './host/state.js';
export type {
  AddressRemovalStep,
  AddressStep,
  FouPortStep,
  GreDeviceStep,
  HostStep,
  HostStepId,
  HostStepWords,
  LinkUpStep,
  MasqueradeStep,
  MasqueradeTool,
  RouteStep,
  SysctlStep,
} from './host/step.js';
export type { HostProgress, HostRunOptions, RevertResult } from './host/undo.js';
export type { Director, Mode } from './model/director.js';
export type { RealServer } from './model/real-server.js';
export { announce, type NeighbourOptions, type WhoHasOptions, whoHas } from './neighbours/neighbour-probe.js';
export type { FouPort } from './netlink/fou.js';
export type { AddressEntry, AddressFlag, AddressKey } from './netlink/route/address.js';
export type { RouteScope } from './netlink/route/constants.js';
export type { LinkEntry } from './netlink/route/link.js';
export type { RouteEntry, RouteProtocol, RouteSpec, RouteTable, RouteType } from './netlink/route/route.js';

/**
 * A host: a network namespace, and what a director or a real server needs in it.
 *
 * Reading needs no rights; what changes the host needs CAP_NET_ADMIN, and CAP_NET_RAW to ask and tell the network of
 * addresses. One program at a time changes a host: others wait for it.
 *
 * @example
 * ```ts
 * import { Host } from 'ipvs-ts/host';
 * const host = await Host.open();
 * const plan = await host.plan({ role: 'real-server', description: { mode: 'dr', vips: ['192.0.2.10'] } });
 * const { path } = await host.apply(plan);
 * await host.revert({ record: path });
 * ```
 */
export class Host {
  /** The file of the network namespace; undefined: the process's own. */
  readonly netns: string | undefined;
  /** The network namespace by a name that is never used again, also not after a reboot. Plans and journals bear it. */
  readonly namespace: string;

  private constructor(netns: string | undefined) {
    this.netns = namespacePath(netns);
    this.namespace = namespaceOfThisBoot({ netns });
  }

  /** @throws {UnavailableError} without the addon, or if the namespace can't be entered. */
  static async open({ netns }: NamespaceOptions = {}): Promise<Host> {
    return new Host(netns);
  }

  /** What the host has of all that a set-up may need. @throws {UnavailableError} if the namespace can't be entered. */
  read({ masquerade, fou }: HostStateOptions = {}): Promise<HostState> {
    return readHostState({ netns: this.netns, masquerade, fou });
  }

  /**
   * What is to be done for a set-up, and what of it is so already. It changes nothing.
   * @throws {InvalidArgumentError} for a description that is wrong.
   */
  async plan(setup: HostSetup): Promise<HostPlan> {
    const checked = parseHostSetup(setup);
    const state = await this.read({ masquerade: masqueradeFamiliesOf(checked), fou: needsFou(checked) });
    return planFor(setup, state);
  }

  /**
   * Does those steps of a plan that the host does not have yet, in their order. Before each, the undo journal says what is
   * about to be changed and what was there, so that `revert` puts it back whatever happens in between. Doing it again does
   * nothing. A plan of a set-up that is in force in another form, by its name, takes that form's place.
   *
   * Before an address is taken that clients or real servers call, the network is asked who else has it.
   * @throws {InvalidArgumentError} for what is no plan.
   * @throws {HostApplyError} if a step is refused.
   * @throws {LockedError} if another program changes this host, and does not end within the timeout.
   * @throws {UnavailableError} if the plan has obstacles or is of another namespace, if another set-up needs the opposite, if
   *   another host has an address, or if the journal can't be written: nothing was changed.
   */
  apply(plan: HostPlan, options: ApplyOptions = {}): Promise<ApplyResult> {
    return applyHostPlan(plan, this.netns, options);
  }

  /**
   * The same plan with every `done` as the host is now.
   * @throws {InvalidArgumentError} for what is no plan.
   * @throws {UnavailableError} if it is of another namespace, or the firewall's program fails.
   */
  async check(plan: HostPlan): Promise<HostPlan> {
    return await checkPlan(parseHostPlan(plan), { netns: this.netns });
  }

  /**
   * Puts back what was there before: for one set-up, by its description, name or journal, or for all; the last step first. It
   * does not matter how far the steps came, nor how often this is called. Of what somebody set to a third value meanwhile
   * nothing is touched, and what another set-up needs stays until that one is taken back too. No journal is nothing to take
   * back: but for a description the result then says what of it stands.
   * @throws {InvalidArgumentError} for a target that is none.
   * @throws {KernelError} if a step can't be taken back; it and those before it stay in the journal.
   * @throws {LockedError} as {@link apply}.
   * @throws {ProtocolError} if the file is no journal.
   * @throws {UnavailableError} if the journal is of another namespace, or can't be read or written.
   */
  revert(target: RevertTarget = {}, options: RevertOptions = {}): Promise<RevertResult> {
    return revertHost(target, this.netns, options);
  }

  /** The set-ups that are in force here, by their journals. @throws {ProtocolError} if a file is no journal. */
  async setups(): Promise<HostRecord[]> {
    return new Journals(this.namespace).all().map(({ record }) => record);
  }

  /**
   * What is wrong with the host, as the doctor sees it: the worst first. It changes nothing, and asks the network unless
   * `probe` is false.
   * @throws {InvalidArgumentError} for a description that is wrong.
   */
  examine(options: Omit<ExamineOptions, 'netns'> = {}): Promise<Finding[]> {
    return examine({ ...options, netns: this.netns } as ExamineOptions);
  }
}
