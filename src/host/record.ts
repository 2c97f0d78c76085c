/**
 * What an undo journal says.
 * @module
 */
import type { Role } from './setup.js';
import type { HostStep } from './step.js';

/** A sysctl that a step changes. */
export interface SysctlChange {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

/** A sysctl and its value. */
export interface SysctlValue {
  readonly name: string;
  readonly value: string;
}

/** A step that was begun, with all that was there before it and is not after it. */
export interface AppliedStep {
  readonly step: HostStep;
  /** Every sysctl that it changes, also by the kernel's own hand; the step's own first. */
  readonly sysctls: readonly SysctlChange[];
  /** The routes that it takes away: the kernel's own messages, in base64. */
  readonly routes: readonly string[];
  /** Once taking it back has begun: the values that sysctls are to have in the end. */
  readonly restoring?: readonly SysctlValue[] | undefined;
}

/** Whose journal it is. */
export interface JournalHeader {
  readonly version: 2;
  /** The network namespace, by a name that is never used again. */
  readonly namespace: string;
  readonly role: Role;
  /** The name of the set-up. */
  readonly name: string;
}

/** What a journal says: what a set-up needs, and what was done to its host and not taken back yet. Plain JSON. */
export interface HostRecord extends JournalHeader {
  /** All steps of its plan. What another set-up did stays in force while it is needed here. */
  readonly needs: readonly HostStep[];
  /** Oldest first. */
  readonly steps: readonly AppliedStep[];
}

/** One line of the file. Numbers count the steps that were not taken back, from 0. */
export type JournalLine =
  | JournalHeader
  | { readonly needs: readonly HostStep[] }
  | { readonly begin: AppliedStep }
  /** What another set-up did, and this one still needs. It comes before the others. */
  | { readonly inherited: AppliedStep }
  | { readonly restoring: readonly SysctlValue[]; readonly index: number }
  | { readonly undone: number };
