/**
 * What a verb of the command is: a name, operands, options, help, and what it does. The parser, the help, the completion and
 * the manual page read the same description.
 * @module
 */
import type { VerbContext } from './context.js';
import type { ExitCode } from './exit-codes.js';

/** Where values come from that are no fixed choice. */
export type Source = 'file' | 'netns' | 'interface' | 'service' | 'server' | 'verb';

/** What operands and options that have a value share. */
export interface ValueSpec<Value> {
  /** What stands for the value in help texts. */
  readonly placeholder: string;
  readonly choices?: readonly string[];
  /** `choices` are only the usual ones: any other value is accepted too. */
  readonly open?: true;
  readonly source?: Source;
  /** Turns the text into the value, or throws a `UsageError` that continues "--option ". Default: the text. */
  readonly read?: (text: string) => Value;
  /** One line. */
  readonly help: string;
}

/** An argument that is no option. */
export interface OperandSpec<Value = unknown> extends ValueSpec<Value> {
  /** It may be left out; this says what happens then. */
  readonly fallback?: string;
}

/** An option without a value. */
export interface FlagSpec {
  readonly short?: string;
  readonly placeholder?: never;
  readonly many?: never;
  readonly help: string;
}

/** An option with a value. */
export interface ValueOptionSpec<Value = unknown> extends ValueSpec<Value> {
  readonly short?: string;
  readonly default?: string;
  /** It may be given several times. */
  readonly many?: true;
}

/** An option of a verb. */
export type OptionSpec = FlagSpec | ValueOptionSpec;
/** Operands in their order, by name. */
export type OperandSpecs = Readonly<Record<string, OperandSpec>>;
/** Options by their long name, without the dashes. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** The groups of the help, in its order. */
export const VERB_GROUPS = ['Table', 'Rules', 'State', 'Hosts', 'Other'] as const;
/** One of {@link VERB_GROUPS}. */
export type VerbGroup = (typeof VERB_GROUPS)[number];

/** A verb. */
export interface Verb<Options extends OptionSpecs = OptionSpecs, Operands extends OperandSpecs = OperandSpecs> {
  readonly name: string;
  readonly group: VerbGroup;
  /** All but those with a `fallback` are required. */
  readonly operands: Operands;
  readonly options: Options;
  /** One line, at most 56 characters. */
  readonly help: string;
  /** Whole sentences. */
  readonly details?: string;
  /** Its output reports on work; without it the work is the output. */
  readonly reports?: true;
  /** If they are not the usual ones. */
  readonly exitCodes?: readonly ExitCode[];
  /** Does the work. Returns the exit code. */
  run(args: Arguments<Options, Operands>, context: VerbContext): Promise<number>;
}

/** Arguments of a verb, checked and read. */
export interface Arguments<Options extends OptionSpecs, Operands extends OperandSpecs> {
  readonly values: { readonly [Name in keyof Options]: OptionValue<Options[Name]> };
  readonly operands: {
    readonly [Name in keyof Operands]: Operands[Name] extends { readonly fallback: string }
      ? One<Operands[Name]> | undefined
      : One<Operands[Name]>;
  };
}

type OptionValue<Option> = Option extends { readonly placeholder: string }
  ? Option extends { readonly many: true }
    ? readonly One<Option>[]
    : Option extends { readonly default: string }
      ? One<Option>
      : One<Option> | undefined
  : boolean;

type One<Spec> = Spec extends { readonly read: (text: string) => infer Value }
  ? Value
  : Spec extends { readonly open: true }
    ? string
    : Spec extends { readonly choices: readonly (infer Choice)[] }
      ? Choice
      : string;

const HELP_OPTION = { short: 'h', help: 'explain the verb' } as const satisfies FlagSpec;

type Nothing = Readonly<Record<never, never>>;

/** A verb as its file describes it. */
type Description<Options extends OptionSpecs, Operands extends OperandSpecs> = Omit<
  Verb<Options, Operands>,
  'operands' | 'options'
> & { readonly operands?: Operands; readonly options?: Options };

/** Makes a verb of its description. Every verb has `--help`. */
export function defineVerb<const Options extends OptionSpecs = Nothing, const Operands extends OperandSpecs = Nothing>({
  operands = {} as Operands,
  options = {} as Options,
  ...rest
}: Description<Options, Operands>): Verb<Options, Operands> {
  return { ...rest, operands, options: { ...options, help: HELP_OPTION } };
}
