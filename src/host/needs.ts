/**
 * What several set-ups of one host need of it in common, or against each other.
 * @module
 */
import { isServed } from './plan.js';
import type { AppliedStep } from './record.js';
import type { HostStep, SysctlStep } from './step.js';

/** Whether one of these steps is so because of what was done, and would not be so any more if it were taken back. */
export function isNeeded(applied: AppliedStep, needs: readonly HostStep[]): boolean {
  return needs.some((need) => serves(applied, need));
}

function serves({ step, sysctls }: AppliedStep, need: HostStep): boolean {
  switch (step.kind) {
    case 'sysctl': {
      if (need.kind !== 'sysctl' || need.name !== step.name) return false;
      const before = sysctls.find(({ name }) => name === step.name)?.from;
      return goodValues(need).includes(step.value) && !goodValues(need).includes(before ?? '');
    }
    case 'address':
      return need.kind === 'address' && need.device === step.device && isServed(need, step);
    case 'address-removal':
      return need.kind === 'address-removal' && need.device === step.device && need.address === step.address;
    case 'route':
      return need.kind === 'route' && need.destination === step.destination && need.gateway === step.gateway;
    case 'link-up':
      return need.kind === 'link-up' && need.device === step.device;
    case 'gre-device':
      return need.kind === 'gre-device' && need.device === step.device && need.local === step.local;
    case 'fou-port':
      return need.kind === 'fou-port' && need.port === step.port && need.family === step.family;
    case 'masquerade':
      return need.kind === 'masquerade' && need.mark === step.mark;
  }
}

/** The first of these steps that would not be so any more if this one were taken. */
export function contradicted(step: HostStep, needs: readonly HostStep[]): HostStep | undefined {
  return needs.find((need) => {
    if (step.kind === 'sysctl') {
      return need.kind === 'sysctl' && need.name === step.name && !goodValues(need).includes(step.value);
    }
    if (step.kind !== 'route' || need.kind !== 'route') return false;
    return need.destination === step.destination && need.gateway !== step.gateway;
  });
}

function goodValues({ value, alsoGood }: SysctlStep): string[] {
  return [value, ...alsoGood];
}
