/**
 * A command line of ipvsadm 1.31 -> what it asks for. All of ipvsadm's checks, in its order, with its messages.
 * @module
 */
import { DEFAULT_SCHEDULER } from '../model/service.js';
import { DAEMON_ROLES, type DaemonRole } from '../model/sync-daemon.js';
import { ArgumentReader } from './arguments.js';
import { buildCommand, type Command } from './build-command.js';
import { checkCommandOptions } from './combinations.js';
import { CommandError, tryHelp } from './command-error.js';
import { applyOption, type Dialect, type Draft, newDraft, readTimeouts } from './draft.js';
import { type Names, numericNames } from './names.js';
import type { AnyOption, Verb } from './options.js';
import { parseSchedulerFlags } from './scheduler-flags.js';

export type { Command, ListColumns, ListCommand } from './build-command.js';

/**
 * Reads the words after the program's name; no words at all ask for the list of services. Throws {@link CommandError}.
 */
export function parseCommand(
  words: readonly string[],
  names: Names = numericNames,
  dialect: Dialect = 'ipvsadm',
): Command {
  const draft = newDraft(dialect);
  if (words.length === 0) return buildCommand('list', draft);
  const reader = new ArgumentReader(words);
  const verb = readVerb(reader);
  // ipvsadm answers these at once and does not read on.
  if (verb === 'help' || verb === 'version') return { verb };
  if (verb === 'start-daemon') draft.role = readRole(reader.value, 'illegal start-daemon parameter specified');
  if (verb === 'stop-daemon') draft.role = readRole(reader.value, 'illegal start_daemon specified');
  readOptions(reader, draft, names);
  if (verb === 'set') draft.timeouts = readTimeouts(reader.positionals.splice(0, 3));
  const unexpected = reader.positionals[0];
  if (unexpected !== undefined) throw new CommandError(`unexpected argument ${unexpected}`);
  if (draft.schedulerFlagsText !== '') {
    draft.schedulerFlags = parseSchedulerFlags(draft.scheduler || DEFAULT_SCHEDULER, draft.schedulerFlagsText);
  }
  checkCommandOptions(verb, draft.given);
  return buildCommand(verb, draft);
}

/** The first option must be a command; what is wrong with it otherwise, ipvsadm does not say. */
function readVerb(reader: ArgumentReader): Verb {
  const first = readFirst(reader);
  if (first?.kind !== 'command') throw tryHelp();
  return first.long;
}

function readFirst(reader: ArgumentReader): AnyOption | undefined {
  try {
    return reader.next();
  } catch (error) {
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

function readRole(text: string, message: string): DaemonRole {
  const role = DAEMON_ROLES.find((known) => known === text);
  if (role === undefined) throw new CommandError(message);
  return role;
}

function readOptions(reader: ArgumentReader, draft: Draft, names: Names): void {
  for (;;) {
    const option = reader.next();
    if (option === undefined) return;
    if (option.kind === 'command') throw new CommandError(`invalid option \`${reader.lastWord}'`);
    if (option.name !== undefined) {
      if (draft.given.includes(option.name)) throw new CommandError(`multiple '${option.name}' options specified`);
      draft.given.push(option.name);
    }
    applyOption(draft, option.long, reader.value, names);
  }
}
