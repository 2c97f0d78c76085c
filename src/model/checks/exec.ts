/**
 * Checks by a program of this host, and by a file.
 * @module
 */
import { lazy } from '../parse.js';
import { baseShape, type CheckBase, textSchema, type WithFilled } from './base.js';

/**
 * A program of this host, run without a shell. Exit code 0 passes, another one has failed (soft). A run that takes longer than the
 * timeout is killed, with all processes of its group.
 */
export interface ExecCheck extends CheckBase {
  readonly type: 'exec';
  /**
   * The program and its arguments, in which `%h` is the address, `%p` the port and `%%` a percent sign, as in Piranha's
   * `send_program`. Its environment has CHECK_ADDRESS and CHECK_PORT too.
   */
  readonly command: readonly string[];
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** What it must write to its standard output, of which a last line end is left out, as Piranha's `expect` of a `send_program`. */
  readonly output?: string | undefined;
  /**
   * Exit codes 2 to 255 pass, and ask for a load: code - 2 percent of the weight, so that 102 is all of it, and 253 percent the
   * most. That is keepalived's `misc_dynamic` for a server of weight 100. 0 passes and asks for none, 1 has failed. Default false.
   */
  readonly dynamicWeight?: boolean | undefined;
}

/** With its defaults filled in. */
export type NormalExecCheck = WithFilled<ExecCheck, 'env' | 'dynamicWeight'>;

/**
 * A file of this host, which says in a word whether the server is up. It passes if it is there and empty, or says `up`; a number of
 * percent (`75%`, `75`) passes and asks for so much of the weight. `down`, or anything else, or no file, has failed (soft).
 */
export interface FileCheck extends CheckBase {
  readonly type: 'file';
  /** From the root. */
  readonly path: string;
}

const argumentSchema = lazy((z) => z.string().regex(/^[^\0]*$/, { error: 'must not have a NUL' }));

/** The schema of a program of this host with its arguments. */
export const commandSchema = lazy((z) =>
  z
    .array(argumentSchema(), { error: 'must be a list: the program and its arguments' })
    .min(1, { error: 'must have a program' })
    .max(1000, { error: 'must be at most 1000' })
    .refine(([program]) => program !== '', { path: [0], error: 'must not be empty' }),
);

/** The schema of an exec check. */
export const execSchema = lazy((z) =>
  z.strictObject({
    type: z.literal('exec'),
    ...baseShape(),
    command: commandSchema(),
    env: z
      .record(z.string().regex(/^[^=\0]+$/, { error: 'must be the name of a variable' }), argumentSchema())
      .default({}),
    output: z.string().optional(),
    dynamicWeight: z.boolean().default(false),
  }),
);

/** The schema of a file check. */
export const fileSchema = lazy((z) =>
  z.strictObject({
    type: z.literal('file'),
    ...baseShape(),
    path: textSchema().regex(/^\/[^\0]*$/, { error: 'must be a path from the root: "/run/up"' }),
  }),
);
