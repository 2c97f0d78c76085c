/**
 * Variables of the environment in the texts of a file: `${NAME}`, `${NAME:-default}`, and `$$` for a dollar.
 * @module
 */
import type { Findings, Path } from './path.js';
import { BadAlias } from './yaml.js';

/** Variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The last alternative is a dollar that stands for nothing. */
const VARIABLE = /\$(?:(\$)|\{([A-Za-z_]\w*)(?::-([^}]*))?\}|)/g;

/**
 * Puts variables in their places, in every text of a value; keys stay as they are. A text that is one variable and
 * reads as a whole number, true or false then is that, so that `weight: ${W:-3}` works; what a variable holds is never
 * read as YAML. An alias that means nothing is reported, and nothing more is said of its place.
 */
export function substitute(value: unknown, environment: Environment, findings: Findings, path: Path = []): unknown {
  if (value instanceof BadAlias) {
    findings.close(path, [value.message]);
    return undefined;
  }
  if (typeof value === 'string') return substituteText(value, environment, findings, path);
  if (Array.isArray(value)) {
    return value.map((item, index) => substitute(item, environment, findings, [...path, index]));
  }
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).map(
    ([key, item]) => [key, substitute(item, environment, findings, [...path, key])] as const,
  );
  return Object.fromEntries(entries);
}

function substituteText(text: string, environment: Environment, findings: Findings, path: Path): unknown {
  if (!text.includes('$')) return text;
  const problems: string[] = [];
  const result = text.replace(VARIABLE, (whole: string, dollar?: string, name?: string, fallback?: string) => {
    if (dollar !== undefined) return dollar;
    const found = name === undefined ? undefined : environment[name];
    // As in the shell, ":-" is for the unset and the empty.
    if (found !== undefined && (found !== '' || fallback === undefined)) return found;
    if (fallback === undefined) problems.push(name === undefined ? NO_VARIABLE : notSet(name));
    return fallback ?? whole;
  });
  findings.close(path, problems);
  return /^\$\{[^}]*\}$/.test(text) ? scalarOf(result) : result;
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: this is how a variable is written.
const NO_VARIABLE = 'a variable is ${NAME} or ${NAME:-default}; write $$ for a dollar sign';

function notSet(name: string): string {
  return `the environment has no ${name}; set it, or write \${${name}:-default}`;
}

function scalarOf(text: string): unknown {
  if (/^-?(0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}
