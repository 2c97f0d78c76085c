/**
 * Words of a command line -> options with their values, by the habits of popt 1.19, which ipvsadm 1.31 uses: not getopt.
 * @module
 */
import { CommandError } from './command-error.js';
import { type AnyOption, BY_LONG, BY_SHORT } from './options.js';

/**
 * Reads option after option. ipvsadm acts on each before it looks at the next, so of two mistakes the first is told:
 * hence a reader, not a list.
 *
 * `-w 3`, `-w3`, `-w=3`, `--weight 3` and `--weight=3` are the same; letters cluster (`-Ln`, `-At 1.2.3.4:80`); long
 * names must be whole; a required value is the next word even if that begins with `-`; all words after `--`, and `-`
 * itself, are positionals. popt's `!#:+` in values is not known here.
 */
export class ArgumentReader {
  /** The words so far that are neither options nor their values. */
  readonly positionals: string[] = [];
  /** Of the last option: empty for one that takes none; its fallback for one whose value was left out. */
  value = '';
  readonly #words: readonly string[];
  #next = 0;
  /** Letters of the current word that are still to be read. */
  #cluster = '';
  #optionsEnded = false;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  /** The last word that was taken: what popt calls the bad option, even if it was a value. */
  get lastWord(): string {
    return this.#words[this.#next - 1] ?? '';
  }

  /** The next option; undefined at the end. Throws {@link CommandError} with popt's words. */
  next(): AnyOption | undefined {
    while (this.#cluster === '') {
      const word = this.#words[this.#next];
      if (word === undefined) return undefined;
      this.#next++;
      if (this.#optionsEnded || word === '-' || !word.startsWith('-')) this.positionals.push(word);
      else if (word === '--') this.#optionsEnded = true;
      else if (word.startsWith('--')) return this.#readLong(word.slice(2));
      else this.#cluster = word.slice(1);
    }
    return this.#readShort();
  }

  #readLong(text: string): AnyOption {
    const equals = text.indexOf('=');
    const name = equals === -1 ? text : text.slice(0, equals);
    return this.#readValue(BY_LONG.get(name), equals === -1 ? undefined : text.slice(equals + 1));
  }

  #readShort(): AnyOption {
    const option = BY_SHORT.get(this.#cluster.charAt(0));
    const rest = this.#cluster.slice(1);
    const isGlued = rest.startsWith('=') || (rest !== '' && option?.value !== 'none');
    this.#cluster = isGlued ? '' : rest;
    return this.#readValue(option, isGlued ? rest.replace(/^=/, '') : undefined);
  }

  /** `glued` is what stood in the same word. */
  #readValue(option: AnyOption | undefined, glued: string | undefined): AnyOption {
    if (option === undefined) throw this.#refusal('unknown option');
    if (option.value === 'none') {
      if (glued !== undefined) throw this.#refusal('option does not take an argument');
      this.value = '';
      return option;
    }
    const value = glued ?? this.#takeWord(option.value === 'required') ?? option.fallback;
    if (value === undefined) throw this.#refusal('missing argument');
    this.value = value;
    return option;
  }

  #takeWord(evenWithDash: boolean): string | undefined {
    const word = this.#words[this.#next];
    if (word === undefined || (!evenWithDash && word.startsWith('-'))) return undefined;
    this.#next++;
    return word;
  }

  #refusal(reason: string): CommandError {
    return new CommandError(`${this.lastWord}: ${reason}`, 255);
  }
}
