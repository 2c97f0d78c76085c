/**
 * Plans and journals as they come from outside: JSON that must be checked before a host is changed by it.
 * @module
 */
import type { z } from 'zod';
import { InvalidArgumentError } from '../errors.js';
import { sysctlPath } from '../linux/sysctl.js';
import { MODES } from '../model/director.js';
import { addressSchema, addressWithPrefixSchema, integer, lazy, name, parse } from '../model/parse.js';
import type { HostPlan } from './plan.js';
import type { AppliedStep, HostRecord, JournalLine } from './record.js';
import { ROLES } from './setup.js';
import { HOST_STEP_IDS, type HostStep, MASQUERADE_PROGRAMS } from './step.js';

/** Checks a plan. @throws {InvalidArgumentError} with the path of every wrong field. */
export function parseHostPlan(input: HostPlan): HostPlan {
  return parse(planSchema, 'host plan', input);
}

/** Checks what a journal said. @throws {InvalidArgumentError} with the path of every wrong field. */
export function parseHostRecord(input: HostRecord): HostRecord {
  return parse(recordSchema, 'host record', input);
}

/** Checks a line of a journal. @throws {InvalidArgumentError} */
export function parseJournalLine(input: unknown): JournalLine {
  return parse(lineSchema, 'undo journal', input);
}

const sysctlName = lazy((z) =>
  z.string().refine(isNetSysctl, { error: 'must be a sysctl of the network, like net.ipv4.ip_forward' }),
);

/** A plan has no say in what is not of a network namespace. */
function isNetSysctl(text: string): boolean {
  try {
    return sysctlPath(text).startsWith('/proc/sys/net/');
  } catch (error) {
    if (error instanceof InvalidArgumentError) return false;
    throw error;
  }
}

const lineOfText = lazy((z) => z.string().regex(/^[^\0\n]+$/, { error: 'must be one line of text' }));

const networkText = lazy((z) =>
  z.string().refine((text) => addressWithPrefixSchema().safeParse(text).success, {
    error: 'must be a network like 10.1.0.0/24',
  }),
);

/** The steps, each with these fields too. */
function stepsSchema(zod: typeof z, more: z.ZodRawShape) {
  const shape = { id: zod.enum(HOST_STEP_IDS), what: zod.string(), why: zod.string(), undo: zod.string(), ...more };
  return zod.discriminatedUnion('kind', [
    zod.strictObject({
      kind: zod.literal('sysctl'),
      ...shape,
      name: sysctlName(),
      value: lineOfText(),
      alsoGood: zod.array(lineOfText()).readonly(),
    }),
    zod.strictObject({
      kind: zod.literal('address'),
      ...shape,
      device: name(15),
      address: addressSchema(),
      prefix: integer(0, 128),
      announce: zod.boolean(),
      deprecated: zod.boolean(),
    }),
    zod.strictObject({
      kind: zod.literal('address-removal'),
      ...shape,
      device: name(15),
      address: addressSchema(),
      prefix: integer(0, 128),
    }),
    zod.strictObject({
      kind: zod.literal('route'),
      ...shape,
      destination: zod.enum(['0.0.0.0/0', '::/0']),
      gateway: addressSchema(),
    }),
    zod.strictObject({ kind: zod.literal('link-up'), ...shape, device: name(15) }),
    zod.strictObject({ kind: zod.literal('gre-device'), ...shape, device: name(15), local: addressSchema() }),
    zod.strictObject({
      kind: zod.literal('fou-port'),
      ...shape,
      port: integer(1, 65535),
      family: zod.enum(['ipv4', 'ipv6']),
    }),
    zod.strictObject({
      kind: zod.literal('masquerade'),
      ...shape,
      tool: zod.enum(MASQUERADE_PROGRAMS),
      mark: zod.string().regex(/^ipvs-ts-[0-9a-f]{8}$/, { error: 'must be like ipvs-ts-1f3a9c02' }),
      network: networkText(),
      vips: zod.array(addressSchema()).readonly(),
    }),
  ]);
}

const stepSchema = lazy((z) => stepsSchema(z, {}) as unknown as z.ZodType<HostStep>);

const planSchema = lazy(
  (z) =>
    z.strictObject({
      namespace: lineOfText(),
      role: z.enum(ROLES),
      mode: z.enum(MODES),
      name: lineOfText(),
      steps: z.array(stepsSchema(z, { done: z.boolean() })).readonly(),
      obstacles: z.array(z.strictObject({ id: z.string(), what: z.string(), hint: z.string() })).readonly(),
    }) as unknown as z.ZodType<HostPlan>,
);

const appliedSchema = lazy((z) => {
  const value = z.strictObject({ name: sysctlName(), value: lineOfText() });
  return z.strictObject({
    step: stepSchema(),
    sysctls: z.array(z.strictObject({ name: sysctlName(), from: lineOfText(), to: lineOfText() })).readonly(),
    routes: z.array(z.base64()).readonly(),
    restoring: z.array(value).readonly().optional(),
  }) as unknown as z.ZodType<AppliedStep>;
});

/** Whose journal it is. */
function headerShape(zod: typeof z) {
  return { version: zod.literal(2), namespace: lineOfText(), role: zod.enum(ROLES), name: lineOfText() };
}

const recordSchema = lazy(
  (z) =>
    z.strictObject({
      ...headerShape(z),
      needs: z.array(stepSchema()).readonly(),
      steps: z.array(appliedSchema()).readonly(),
    }) as unknown as z.ZodType<HostRecord>,
);

const lineSchema = lazy((z) => {
  const index = z.number().int().nonnegative();
  const values = z.array(z.strictObject({ name: sysctlName(), value: lineOfText() })).readonly();
  return z.union([
    z.strictObject(headerShape(z)),
    z.strictObject({ needs: z.array(stepSchema()).readonly() }),
    z.strictObject({ begin: appliedSchema() }),
    z.strictObject({ inherited: appliedSchema() }),
    z.strictObject({ restoring: values, index }),
    z.strictObject({ undone: index }),
  ]) as unknown as z.ZodType<JournalLine>;
});
