/**
 * The sections of a file, each checked by itself: one that is wrong does not hide what is wrong with the others.
 * @module
 */
import type { z } from 'zod';
import type { NormalCheck } from '../model/check.js';
import { withoutUndefined } from '../model/parse.js';
import { DAEMON_ROLES, type NormalSyncDaemon } from '../model/sync-daemon.js';
import { type Findings, type Path, pathText } from './path.js';
import {
  type Defaults,
  type DestinationItem,
  daemonSchema,
  destinationItemSchema,
  type ServiceEntry,
  serviceEntrySchema,
  stateFileSchema,
} from './schema.js';

/** A part of the file, and where it stands. */
export interface Placed<Value> {
  readonly path: Path;
  readonly value: Value;
}

type Checked = z.output<ReturnType<typeof stateFileSchema>>;

/** The file as written, as far as it is right. */
export interface Sections extends Pick<Checked, 'timeouts' | 'director' | 'realServer'> {
  readonly defaults: Defaults;
  /** Checks by name; undefined for one that is wrong. */
  readonly checks: ReadonlyMap<string, NormalCheck | undefined>;
  readonly pools: ReadonlyMap<string, readonly Placed<DestinationItem>[]>;
  readonly daemons: readonly NormalSyncDaemon[] | undefined;
  readonly services: readonly Placed<ServiceEntry>[] | undefined;
}

/** Checks every section. What is wrong goes to `findings`, and is absent from the result. */
export function checkSections(input: unknown, findings: Findings): Sections {
  const schemas = stateFileSchema().shape;
  const file = isObject(input) ? input : {};
  if (file !== input) findings.add([], `must be an object with some of ${Object.keys(schemas).join(', ')}`);
  for (const key of Object.keys(file).filter((name) => !Object.hasOwn(schemas, name))) {
    findings.add([key], `unknown field; known here: ${Object.keys(schemas).join(', ')}`, true);
  }
  const section = <Output>(name: string, schema: z.ZodType<Output>) => check(schema, [name], file[name], findings);
  section('version', schemas.version);
  return {
    defaults: section('defaults', schemas.defaults) ?? {},
    timeouts: section('timeouts', schemas.timeouts),
    daemons: checkDaemons(file['daemons'], findings),
    checks: checkChecks(file['checks'], findings),
    pools: checkPools(file['pools'], findings),
    services: checkList(serviceEntrySchema(), ['services'], file['services'], findings),
    director: section('director', schemas.director),
    realServer: section('realServer', schemas.realServer),
  };
}

function checkDaemons(input: unknown, findings: Findings): NormalSyncDaemon[] | undefined {
  const daemons = checkList(daemonSchema(), ['daemons'], input, findings);
  for (const role of DAEMON_ROLES) {
    const [first, second] = daemons?.filter(({ value }) => value.role === role) ?? [];
    if (first && second) findings.add([...second.path, 'role'], `a ${role} is already in ${pathText(first.path)}`);
  }
  return daemons?.map(({ value }) => withoutUndefined(value));
}

function checkChecks(input: unknown, findings: Findings): Sections['checks'] {
  if (input !== undefined && !isObject(input)) findings.add(['checks'], 'must be an object: checks by name');
  const schema = stateFileSchema().shape.checks.unwrap().valueType;
  const checks = Object.entries(isObject(input) ? input : {}).map(
    ([name, item]) => [name, check(schema, ['checks', name], item ?? null, findings)] as const,
  );
  return new Map(checks);
}

function checkPools(input: unknown, findings: Findings): Sections['pools'] {
  if (input !== undefined && !isObject(input))
    findings.add(['pools'], 'must be an object: lists of real servers by name');
  const pools = Object.entries(isObject(input) ? input : {}).map(([name, items]) => {
    const path = ['pools', name];
    // undefined would mean that it is not there.
    return [name, checkList(destinationItemSchema(), path, items ?? null, findings) ?? []] as const;
  });
  return new Map(pools);
}

/** Each item by itself. Undefined where there is no list. */
function checkList<Output>(
  schema: z.ZodType<Output>,
  path: Path,
  input: unknown,
  findings: Findings,
): Placed<Output>[] | undefined {
  if (input === undefined) return undefined;
  if (!Array.isArray(input)) {
    findings.add(path, 'must be a list; [] is one of nothing');
    return undefined;
  }
  return input.flatMap((item: unknown, index) => {
    const place = [...path, index];
    const value = check(schema, place, item, findings);
    return value === undefined ? [] : [{ path: place, value }];
  });
}

function check<Output>(schema: z.ZodType<Output>, path: Path, input: unknown, findings: Findings): Output | undefined {
  const result = schema.safeParse(input, { error: inWords });
  if (result.success) return result.data;
  for (const issue of result.error.issues) report(issue, path, findings);
  return undefined;
}

/** What is wrong with a union is what is wrong with that alternative which is of the value's kind. */
function report(issue: z.core.$ZodIssue, base: Path, findings: Findings): void {
  const path = [...base, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) findings.add([...path, key], issue.message, true);
    return;
  }
  const alternatives = issue.code === 'invalid_union' ? issue.errors : [];
  const meant = alternatives.filter((issues) => !issues.some(isOfAnotherKind));
  if (meant.length !== 1) findings.add(path, issue.message);
  else for (const inner of meant.flat()) report(inner, path, findings);
}

function isOfAnotherKind(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' && issue.path.length === 0;
}

/** zod's most common issues in this library's words. */
function inWords(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return issue.input === undefined ? 'is required' : `must be ${KINDS[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(', ')}`;
    case 'unrecognized_keys':
      return 'unknown field';
    default:
      return undefined;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list; [] is one of nothing',
  object: 'an object',
  record: 'an object',
};

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
