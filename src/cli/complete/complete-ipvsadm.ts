/**
 * Completion of a command line of ipvsadm. It reads words as popt does (see `ipvsadm/arguments.ts`).
 * @module
 */
import { formatEndpoint } from '../../address/endpoint.js';
import { optionsOf } from '../../ipvsadm/combinations.js';
import {
  COMMANDS,
  type Verb as Command,
  OPTIONS,
  type OptionId,
  type OptionSpec,
  type PlainOption,
} from '../../ipvsadm/options.js';
import type { VerbContext } from '../context.js';
import { behind, type Candidate, type Candidates, NONE, readTable, valuesOf } from './candidates.js';

/** The words before the cursor. */
interface Before {
  readonly command: Command | undefined;
  readonly given: readonly OptionId[];
  /** The service that they name, as the text of a key. */
  readonly service: string | undefined;
  /** The option whose value may be at the cursor. */
  readonly expects: OptionSpec | undefined;
}

/** What may stand at the cursor, where the last of the words is. */
export async function completeIpvsadm(
  words: readonly string[],
  context: Pick<VerbContext, 'open'>,
): Promise<Candidates> {
  const current = words.at(-1) ?? '';
  const before = read(words.slice(0, -1));
  const { expects, command, service } = before;
  const valuesFor = (option: OptionSpec, begin: string) => values(option, { begin, service }, context);
  if (expects?.value === 'required') return valuesFor(expects, current);
  if (expects !== undefined && current !== '' && !current.startsWith('-')) return valuesFor(expects, current);
  const [, long, begin] = /^--([^=]+)=(.*)$/s.exec(current) ?? [];
  if (long !== undefined && begin !== undefined) {
    const option = findOption(`--${long}`);
    return option === undefined ? NONE : behind(`--${long}=`, await valuesFor(option, begin));
  }
  if (words.length === 1) return { words: COMMANDS.flatMap(wordsOf) };
  if (command === undefined || !(current === '' || current.startsWith('-'))) return NONE;
  return { words: openOptions(command, before.given).flatMap(wordsOf) };
}

function findOption(word: string): OptionSpec | undefined {
  return [...COMMANDS, ...OPTIONS].find((option) => wordsOf(option).some(({ text }) => text === word));
}

/** The words that mean an option: `-t`, `--tcp-service`. */
function wordsOf({ short, long, help }: OptionSpec): Candidate[] {
  return [...short.map((letter) => ({ text: `-${letter}`, help })), { text: `--${long}`, help }];
}

function read(words: readonly string[]): Before {
  let command: Command | undefined;
  const given: OptionId[] = [];
  let expects: OptionSpec | undefined;
  let service: string | undefined;
  const take = (option: OptionSpec | undefined) => {
    if (option === undefined) return;
    const isCommand = COMMANDS.find(({ long }) => long === option.long);
    // It must come before any option.
    if (isCommand !== undefined && given.length === 0) command ??= isCommand.long;
    const id = OPTIONS.find(({ long }) => long === option.long)?.long;
    if (id !== undefined) given.push(id);
    if (option.value !== 'none') expects = option;
  };
  for (const word of words) {
    const option: OptionSpec | undefined = expects;
    expects = undefined;
    if (option?.value === 'required' || (option !== undefined && !word.startsWith('-'))) {
      const protocol = SERVICE_OPTIONS.get(option.long);
      if (protocol !== undefined) service = `${protocol}://${word}`;
      continue;
    }
    if (word.startsWith('--')) {
      take(findOption(word.split('=')[0] ?? ''));
      if (word.includes('=')) expects = undefined;
    } else if (word.startsWith('-')) {
      takeLetters(word.slice(1), take, () => expects !== undefined);
      // The value stands behind the letter in the same word.
      if (expects !== undefined && !word.endsWith(lastLetter(expects))) expects = undefined;
    }
  }
  return { command, given, expects, service };
}

/** The letters of a word, up to one that takes the rest of it as its value. */
function takeLetters(letters: string, take: (option: OptionSpec | undefined) => void, ends: () => boolean): void {
  for (const letter of letters) {
    take(findOption(`-${letter}`));
    if (ends()) return;
  }
}

function lastLetter({ short }: OptionSpec): string {
  return short[0] ?? '-';
}

/** The options of a command that may still be given. */
function openOptions(command: Command, given: readonly OptionId[]): PlainOption[] {
  const legal = optionsOf(command);
  const excluded = new Set(
    given.flatMap((id) => {
      const own = legal.find(({ option }) => option.long === id);
      return own?.option.name === undefined ? [] : legal.filter((other) => areRivals(own, other));
    }),
  );
  return OPTIONS.flatMap((option): PlainOption[] => {
    const row = legal.find(({ option: { long } }) => long === option.long);
    const isUseless = option.long === 'ipv6' && !given.includes('fwmark-service');
    return row === undefined || excluded.has(row) || isUseless ? [] : [row.option];
  });
}

type Legal = ReturnType<typeof optionsOf>[number];

/** Whether two options of a command exclude each other; an option that may be given once excludes itself. */
function areRivals(left: Legal, right: Legal): boolean {
  if (left.option.name === right.option.name) return true;
  return (left.rule === 'exclusive' && right.rule === 'exclusive') || areChecksums(left.option, right.option);
}

/** Whatever the kind of tunnel, it has one checksum. */
function areChecksums(left: PlainOption, right: PlainOption): boolean {
  return left.long.endsWith('csum') && right.long.endsWith('csum');
}

async function values(
  { long, choices = [], list, placeholder }: OptionSpec,
  { begin, service }: { readonly begin: string; readonly service: string | undefined },
  context: Pick<VerbContext, 'open'>,
): Promise<Candidates> {
  if (placeholder === 'interface') return valuesOf({ source: 'interface', begin }, context);
  if (SERVICE_OPTIONS.has(long)) return { words: await services(SERVICE_OPTIONS.get(long), context) };
  if (long === 'real-server') return valuesOf({ source: 'server', begin, service }, context);
  const before = list === true ? begin.slice(0, begin.lastIndexOf(',') + 1) : '';
  return behind(before, { words: choices.map((text) => ({ text })) });
}

const SERVICE_OPTIONS: ReadonlyMap<string, string> = new Map([
  ['tcp-service', 'tcp'],
  ['udp-service', 'udp'],
  ['sctp-service', 'sctp'],
  ['fwmark-service', 'fwmark'],
]);

/** The services of a protocol that are there. */
async function services(protocol: string | undefined, context: Pick<VerbContext, 'open'>): Promise<Candidate[]> {
  const { services: entries } = await readTable({}, context);
  return entries
    .filter(({ service }) => service.protocol === protocol)
    .map(({ service }) => ({
      text: 'mark' in service ? String(service.mark) : formatEndpoint(service.address, service.port),
      help: service.scheduler,
    }));
}
