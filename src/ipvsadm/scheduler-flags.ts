/**
 * The argument of `-b` and its opposite.
 * @module
 */
import {
  bitsOfFlags,
  flagsOfBits,
  SCHEDULER_FLAGS,
  type Scheduler,
  type SchedulerFlag,
  type ServiceFields,
} from '../model/service.js';
import { CommandError } from './command-error.js';

/**
 * `sh-fallback,sh-port` -> the flags in their one form (ipvsadm.c 1.31, `parse_sched_flags`). An empty text gives none;
 * a text of commas alone, which crashes ipvsadm, is an invalid flag here. Throws {@link CommandError}.
 */
export function parseSchedulerFlags(scheduler: Scheduler, text: string): readonly SchedulerFlag[] {
  if (text === '') return [];
  const names = text.split(',').filter((name) => name !== '');
  if (names.length === 0) throw new CommandError(`invalid scheduler flag \`${text}'`);
  return flagsOfBits(scheduler, bitsOfFlags(names.map((name) => readFlag(scheduler, name))));
}

function readFlag(scheduler: Scheduler, name: string): SchedulerFlag {
  const flag = SCHEDULER_FLAGS.find((known) => known === name);
  if (flag === undefined) throw new CommandError(`invalid scheduler flag \`${name}'`);
  const owner = /^[sm]h/.exec(flag)?.[0];
  if (owner !== undefined && owner !== scheduler) throw new CommandError(`incompatible scheduler flag \`${name}'`);
  return flag;
}

/**
 * What ipvsadm 1.31 prints for a service's flags, joined by commas; undefined for a service without any. It has no name
 * for the third flag of `sh` and `mh` and leaves it out, so that the text may be empty.
 */
export function schedulerFlagsText({ scheduler, schedulerFlags }: ServiceFields): string | undefined {
  const nameless = scheduler === 'sh' || scheduler === 'mh' ? 'flag-3' : undefined;
  return schedulerFlags?.filter((flag) => flag !== nameless).join(',');
}
