/**
 * What can be completed, whatever the shell: both tables brought into one form.
 * @module
 */
import { optionsOf } from '../../ipvsadm/combinations.js';
import {
  COMMANDS,
  OPTIONS,
  type OptionId,
  type OptionSpec,
  type PlainOption,
  type ValueKind,
  type Verb,
} from '../../ipvsadm/options.js';
import type { OperandSpec, Source, VerbOptionSpec } from '../verbs.js';

/** What a shell can offer for a value. `list` values are joined by commas. */
export interface Values {
  readonly choices: readonly string[];
  readonly list: boolean;
  readonly source?: Source;
}

/** An option of either table as a shell meets it. */
export interface Offer {
  /** Without the dashes. */
  readonly long: string;
  readonly short: readonly string[];
  readonly value: ValueKind;
  /** What stands for the value. */
  readonly placeholder: string;
  readonly values: Values;
  /** It may be given several times. */
  readonly many: boolean;
  readonly help: string;
}

/** A command of ipvsadm, or one of its options. */
export interface IpvsadmOffer<Long extends string = string> extends Offer {
  readonly long: Long;
}

/** The commands of ipvsadm. */
export const COMMAND_OFFERS: readonly IpvsadmOffer<Verb>[] = COMMANDS.map((spec) => ({
  ...offerOf(spec),
  long: spec.long,
}));

/** The options of ipvsadm. */
export const OPTION_OFFERS: readonly IpvsadmOffer<OptionId>[] = OPTIONS.map((spec) => ({
  ...offerOf(spec),
  long: spec.long,
}));

function offerOf({ long, short, value, placeholder = '', choices = [], list, help }: OptionSpec): Offer {
  const source = placeholder === 'interface' ? ({ source: placeholder } as const) : {};
  return { long, short, value, placeholder, values: { choices, list: list === true, ...source }, many: false, help };
}

/** An option of a verb. */
export function verbOffer({ long, short, placeholder, choices = [], source, many, help }: VerbOptionSpec): Offer {
  return {
    long,
    short: short === undefined ? [] : [short],
    value: placeholder === undefined ? 'none' : 'required',
    placeholder: placeholder ?? '',
    values: { choices, list: false, ...(source !== undefined && { source }) },
    many: many === true,
    help,
  };
}

/** What a verb's other word may be. */
export function operandValues({ choices = [], source }: OperandSpec): Values {
  return { choices, list: false, ...(source !== undefined && { source }) };
}

/** Whether there is anything to offer. */
export function hasValues({ choices, source }: Values): boolean {
  return choices.length > 0 || source !== undefined;
}

/** The words that are an option: `-t`, `--tcp-service`. */
export function wordsOf({ short, long }: Pick<Offer, 'short' | 'long'>): string[] {
  return [...short.map((letter) => `-${letter}`), `--${long}`];
}

/** The options that go with a command of ipvsadm. */
export function legalOptions(verb: Verb): readonly IpvsadmOffer<OptionId>[] {
  const legal = new Set(optionsOf(verb).map(({ option }) => option.long));
  return OPTION_OFFERS.filter(({ long }) => legal.has(long));
}

/** The options that may not stand beside an option of a command, itself among them unless it may be repeated. */
export function rivalsOf(verb: Verb, id: OptionId): readonly OptionId[] {
  const legal = optionsOf(verb);
  const own = legal.find(({ option }) => option.long === id);
  if (own?.option.name === undefined) return [];
  return legal.filter((other) => areRivals(own, other)).map(({ option }) => option.long);
}

type Legal = ReturnType<typeof optionsOf>[number];

function areRivals(left: Legal, right: Legal): boolean {
  if (left.option.name === right.option.name) return true;
  return (left.rule === 'exclusive' && right.rule === 'exclusive') || areChecksums(left.option, right.option);
}

/** Whatever the kind of tunnel, only one of the checksums can be had. */
function areChecksums(left: PlainOption, right: PlainOption): boolean {
  return left.long.endsWith('csum') && right.long.endsWith('csum');
}
