/**
 * `ipvs-ts` in the place of ipvsadm 1.31: the same words, the same text, the same exit codes.
 * @module
 */
import { IpvsError, KernelError } from '../../errors.js';
import { Ipvs } from '../../ipvs.js';
import { type Command, type ListCommand, parseCommand } from '../../ipvsadm/command.js';
import { CommandError, tryHelp } from '../../ipvsadm/command-error.js';
import { formatConnection, formatConnectionTitle } from '../../ipvsadm/connection-listing.js';
import { initMessage, type KernelVerb, kernelMessage } from '../../ipvsadm/kernel-messages.js';
import { formatInfo, formatListing } from '../../ipvsadm/listing.js';
import { numericReverseNames, type ReverseNames } from '../../ipvsadm/reverse-names.js';
import { formatRules, splitWords } from '../../ipvsadm/rules.js';
import { formatDaemons, formatTimeouts, IPVSADM_VERSION_LINE } from '../../ipvsadm/settings-listing.js';
import { isNativeLoaded } from '../../linux/native.js';
import type { NormalChange } from '../../model/change.js';
import type { Connection } from '../../model/connection.js';
import type { ServiceKey } from '../../model/service-key.js';
import type { TableService } from '../../model/table.js';
import { writeHint, writeRemark } from '../hint.js';
import { NOT_COUNTED } from '../not-counted.js';
import { CHANGING } from '../sources.js';
import type { Output, Streams } from '../streams.js';
import { reverseNames, SystemNames } from './system-names.js';

/** The kernel refused a command, or popt a line: ipvsadm exits with -1. */
const REFUSED = 255;
/** A listing failed. */
const NOT_LISTED = 1;
/** Rows of a connection listing whose names are looked up together. */
const ROWS = 1000;
/** Changes of a stream that wait for each other: two datagrams. A line of a pipe is carried out when it has come. */
const PIECE = 256;

/** Columns that the kernel's estimator makes. */
const STATISTICS: ReadonlySet<ListCommand['columns']> = new Set(['stats', 'rate']);

/** ipvsadm ends here, also in the middle of a restore. */
class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** What {@link runIpvsadm} takes. */
export interface IpvsadmOptions {
  /** The network namespace to work in; default: the process's own. */
  readonly netns?: string | undefined;
  /** Where to write in place of `streams.stdout`. */
  readonly stdout?: Output | undefined;
}

/** Does what a command line of ipvsadm says. Returns the exit code. */
export async function runIpvsadm(
  words: readonly string[],
  streams: Streams,
  { netns, stdout = streams.stdout }: IpvsadmOptions = {},
): Promise<number> {
  const names = new SystemNames();
  try {
    const command = await names.resolving((known) => parseCommand(words, known));
    if (command.verb === 'help') stdout.write(await help());
    else if (command.verb === 'version') stdout.write(IPVSADM_VERSION_LINE);
    else return await withIpvs(streams, netns, (ipvs) => new Session(ipvs, names, streams, stdout).execute(command));
    return 0;
  } catch (error) {
    if (error instanceof Exit) return error.code;
    if (!(error instanceof CommandError)) throw error;
    streams.stderr.write(error.stderr);
    return error.exitCode;
  }
}

/** ipvsadm looks for IPVS before anything else, and ends with 2 where there is none or no right to it. */
async function withIpvs(
  streams: Streams,
  netns: string | undefined,
  work: (ipvs: Ipvs) => Promise<number>,
): Promise<number> {
  let ipvs: Ipvs;
  try {
    ipvs = await Ipvs.open({ netns, source: CHANGING });
  } catch (error) {
    if (!(error instanceof IpvsError)) throw error;
    if (!isNativeLoaded()) {
      // ipvsadm's words would send people to look for a kernel module.
      streams.stderr.write(`ipvs-ts: ${error.message}\n`);
      return 2;
    }
    streams.stderr.write(`${initMessage(error instanceof KernelError ? error.code : 'ENOPROTOOPT')}\n`);
    writeHint(error, streams.stderr);
    return 2;
  }
  try {
    return await work(ipvs);
  } finally {
    await ipvs.close();
  }
}

/** The commands, on one table. Each gives the exit code that ipvsadm would end with after it. */
class Session {
  readonly #ipvs: Ipvs;
  readonly #names: SystemNames;
  readonly #streams: Streams;
  readonly #stdout: Output;

  constructor(ipvs: Ipvs, names: SystemNames, streams: Streams, stdout: Output) {
    this.#ipvs = ipvs;
    this.#names = names;
    this.#streams = streams;
    this.#stdout = stdout;
  }

  async execute(command: Command): Promise<number> {
    switch (command.verb) {
      case 'list':
        await this.#list(command);
        return 0;
      case 'save':
        await this.#save(command.numeric);
        return 0;
      case 'restore':
        return this.#restore();
      // As lines of a restore: there too ipvsadm answers and ends (`version_exit`, `usage_exit`).
      case 'help':
        this.#write(await help());
        throw new Exit(0);
      case 'version':
        this.#write(IPVSADM_VERSION_LINE);
        throw new Exit(0);
      default:
        return this.#change([command]);
    }
  }

  /** Changes travel together. What is refused is told, in order; the last decides the code. */
  async #change(changes: readonly NormalChange[]): Promise<number> {
    const failures = await this.#ipvs.applyAll(changes);
    for (const { change, error } of failures) this.#tell(change.verb, error);
    return failures.at(-1)?.place === changes.length - 1 ? REFUSED : 0;
  }

  #tell(verb: KernelVerb, error: unknown): void {
    if (!(error instanceof IpvsError)) throw error;
    const message = error instanceof KernelError ? kernelMessage(verb, error.code) : error.message;
    this.#streams.stderr.write(`${message}\n`);
    writeHint(error, this.#streams.stderr);
  }

  /** Reading for a listing; ipvsadm ends where it fails. */
  async #read<T>(reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch (error) {
      this.#tell('list', error);
      throw new Exit(NOT_LISTED);
    }
  }

  async #list(command: ListCommand): Promise<void> {
    switch (command.subject) {
      case 'timeouts':
        return this.#write(formatTimeouts(await this.#readSilently(this.#ipvs.timeouts())));
      case 'daemons':
        return this.#write(formatDaemons(await this.#readSilently(this.#ipvs.daemons())));
      case 'connections':
        return this.#listConnections(command);
      case 'services':
        if (STATISTICS.has(command.columns) && this.#ipvs.countsTraffic() === false)
          writeRemark(NOT_COUNTED, this.#streams.stderr);
        return command.key === undefined ? this.#listAll(command) : this.#listOne(command, command.key);
    }
  }

  /** Where timeouts and daemons cannot be read ipvsadm says nothing. */
  async #readSilently<T>(reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch {
      throw new Exit(NOT_LISTED);
    }
  }

  async #listAll(command: ListCommand): Promise<void> {
    this.#write(formatInfo(await this.#read(this.#ipvs.info())));
    const { services } = await this.#read(this.#ipvs.snapshot());
    this.#write(formatListing(services, command, { names: await namesIn(services, command.numeric) }));
  }

  async #listOne(command: ListCommand, key: ServiceKey): Promise<void> {
    const entry = await this.#read(this.#ipvs.getService(key));
    if (entry === undefined) {
      this.#streams.stderr.write(`${kernelMessage('list', 'ESRCH')}\n`);
      throw new Exit(NOT_LISTED);
    }
    const services = [{ ...entry, destinations: await this.#read(this.#ipvs.listDestinations(key)) }];
    this.#write(formatListing(services, command, { names: await namesIn(services, command.numeric) }));
  }

  async #listConnections(command: ListCommand): Promise<void> {
    this.#write(formatConnectionTitle(command));
    let rows: Connection[] = [];
    for await (const row of this.#ipvs.connections()) {
      if (rows.push(row) < ROWS) continue;
      await this.#writeConnections(rows, command);
      rows = [];
    }
    await this.#writeConnections(rows, command);
  }

  async #writeConnections(rows: readonly Connection[], command: ListCommand): Promise<void> {
    const names = command.numeric ? numericReverseNames : await reverseNames(rows.flatMap(addressesOf));
    this.#write(rows.map((row) => formatConnection(row, command, names)).join(''));
  }

  async #save(numeric: boolean): Promise<void> {
    if (numeric) return this.#write(await this.#read(this.#ipvs.save()));
    const table = await this.#read(this.#ipvs.snapshot());
    this.#write(formatRules(table, { names: await namesIn(table.services, false) }));
  }

  /**
   * `-R`: line by line as they come. What the kernel or popt refuses is told, and the next line goes on; where ipvsadm
   * itself finds a mistake, it ends there. The last line decides the code.
   */
  async #restore(): Promise<number> {
    let code = 0;
    let rest = '';
    this.#streams.stdin.setEncoding?.('utf8');
    for await (const chunk of this.#streams.stdin) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      code = (await this.#executeLines(lines)) ?? code;
    }
    return (await this.#executeLines([rest])) ?? code;
  }

  /** The code of the last line that is not empty; undefined where there is none. */
  async #executeLines(lines: readonly string[]): Promise<number | undefined> {
    let code: number | undefined;
    let changes: NormalChange[] = [];
    const flush = async () => {
      if (changes.length > 0) code = await this.#change(changes);
      changes = [];
    };
    for (const line of lines) {
      const words = splitWords(line);
      if (words.length === 0) continue;
      const command = await this.#parseLine(words, flush);
      if (command === undefined) code = REFUSED;
      else if (isChange(command)) {
        if (changes.push(command) === PIECE) await flush();
      } else {
        await flush();
        code = await this.execute(command);
      }
    }
    await flush();
    return code;
  }

  /** Undefined where popt refuses the line; {@link Exit} where ipvsadm ends. Before either, what came before is done. */
  async #parseLine(words: readonly string[], flush: () => Promise<void>): Promise<Command | undefined> {
    try {
      const command = await this.#names.resolving((known) => parseCommand(words, known));
      // ipvsadm avoids the loop.
      if (command.verb === 'restore') throw tryHelp();
      return command;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      await flush();
      this.#streams.stderr.write(error.stderr);
      if (error.isFatal) throw new Exit(error.exitCode);
      return undefined;
    }
  }

  #write(text: string): void {
    this.#stdout.write(text);
  }
}

/** Loaded when it is wanted. */
async function help(): Promise<string> {
  const { ipvsadmHelp } = await import('./ipvsadm-help.js');
  return ipvsadmHelp();
}

function isChange(command: Command): command is NormalChange {
  return !['list', 'save', 'restore', 'help', 'version'].includes(command.verb);
}

async function namesIn(services: readonly TableService[], numeric: boolean): Promise<ReverseNames> {
  if (numeric) return numericReverseNames;
  return reverseNames(
    services.flatMap(({ service, destinations }) => [
      ...('address' in service ? [service.address] : []),
      ...destinations.map(({ destination }) => destination.address),
    ]),
  );
}

function addressesOf({ client, virtual, destination }: Connection): string[] {
  return [client.address, destination.address, ...('address' in virtual ? [virtual.address] : [])];
}
