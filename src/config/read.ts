/**
 * A file of the desired state, read: text or value -> how the host should be.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { ConfigError, type ConfigIssue, InvalidArgumentError } from '../errors.js';
import { parseHealth } from '../model/health.js';
import { withoutUndefined } from '../model/parse.js';
import type { DesiredState } from './desired-state.js';
import { type Environment, substitute } from './environment.js';
import { type Finding, Findings, pathText } from './path.js';
import { directorOf, realServerOf } from './roles.js';
import type { StateFile } from './schema.js';
import { checkSections } from './sections.js';
import { expandServices, warnOfUnusedPools } from './services.js';
import { readYaml } from './yaml.js';

/** How to read a file of the desired state. */
export interface ReadOptions {
  /** The file's name in errors. Default `state file`; of {@link loadStateFile} the path. */
  readonly name?: string | undefined;
  /**
   * The variables that `${NAME}` stands for. Default: none; of {@link loadStateFile} the environment of the process.
   */
  readonly env?: Environment | undefined;
  /** Is told what is allowed, and probably not meant: a pool that no service uses. */
  readonly onWarning?: ((warning: ConfigIssue) => void) | undefined;
}

/**
 * Reads YAML or JSON; docs/state-file.md tells the format. Reads no other file and changes nothing.
 *
 * Throws {@link ConfigError} with everything that is wrong, each by line and column. Where the text is no YAML at all,
 * that is all it tells.
 *
 * @example
 * ```ts
 * import { parseStateText } from 'ipvs-ts/config';
 * const { services } = parseStateText('services: [{ service: tcp://192.0.2.1:80, destinations: [10.0.0.11] }]');
 * ```
 */
export function parseStateText(
  text: string,
  { name = 'state file', env = {}, onWarning }: ReadOptions = {},
): DesiredState {
  const yaml = readYaml(text);
  const findings = new Findings();
  const state = yaml.value === undefined ? {} : stateOf(substitute(yaml.value, env, findings), findings);
  const placed = ({ path, message, key }: Finding): ConfigIssue => {
    const { line, column } = yaml.positionOf(path, key === true);
    return { line, column, path: pathText(path), message };
  };
  const issues = [...yaml.problems.map((problem) => ({ path: '', ...problem })), ...findings.problems.map(placed)];
  if (issues.length > 0) throw new ConfigError(name, inOrder(issues));
  for (const warning of inOrder(findings.warnings.map(placed))) onWarning?.(warning);
  return state;
}

/**
 * Checks a file of the desired state that a program made as a value: {@link parseStateText} without the text. Texts are
 * taken as they are, without variables. Throws {@link InvalidArgumentError} with the path of everything that is wrong.
 */
export function parseStateFile(input: StateFile): DesiredState {
  const findings = new Findings();
  const state = stateOf(input, findings);
  const issues = findings.problems.map(({ path, message }) => ({ path: pathText(path), message }));
  if (issues.length > 0) throw new InvalidArgumentError('state file', issues);
  return state;
}

/**
 * Reads the file at `path`, in UTF-8. Throws {@link ConfigError} as {@link parseStateText} does, and the error of
 * node:fs where the file cannot be read.
 *
 * @example
 * ```ts
 * import { loadStateFile } from 'ipvs-ts/config';
 * const { services } = await loadStateFile('/etc/ipvs.yaml', { onWarning: ({ message }) => console.warn(message) });
 * ```
 */
export async function loadStateFile(path: string, options: ReadOptions = {}): Promise<DesiredState> {
  return readStateBytes(await readFile(path), path, options);
}

/** What {@link loadStateFile} does with the bytes of the file. Throws {@link ConfigError}. */
export function readStateBytes(bytes: Uint8Array, path: string, options: ReadOptions = {}): DesiredState {
  const { name = path, env = process.env, onWarning } = options;
  return parseStateText(decode(bytes, name), { name, env, onWarning });
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError(name, [{ line: 1, column: 1, path: '', message: 'the file is not UTF-8 text' }]);
  }
}

function stateOf(input: unknown, findings: Findings): DesiredState {
  const sections = checkSections(input, findings);
  const { services, health } = expandServices(sections, findings);
  warnOfUnusedPools(sections, findings);
  return withoutUndefined({
    services: sections.services && services,
    health: health.length === 0 || findings.problems.length > 0 ? undefined : parseHealth(health),
    timeouts: sections.timeouts && withoutUndefined(sections.timeouts),
    daemons: sections.daemons?.map(withoutUndefined),
    director: directorOf(sections, services, findings),
    realServer: realServerOf(sections, services, findings),
  });
}

/** An alias is in several places of the value, and in one of the text. */
function inOrder(issues: readonly ConfigIssue[]): ConfigIssue[] {
  const different = new Map(issues.map((issue) => [`${issue.line}:${issue.column}: ${issue.message}`, issue]));
  return [...different.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}
