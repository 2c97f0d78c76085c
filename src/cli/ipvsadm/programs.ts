/** @module */

/** A program that stands for a script of ipvsadm. */
export interface ProgramSpec {
  readonly name: string;
  readonly options: readonly { readonly short: string; readonly help: string }[];
  /** One line. */
  readonly help: string;
}

/** The programs of this package besides `ipvs-ts`. */
export const PROGRAMS = [
  {
    name: 'ipvs-ts-save',
    options: [{ short: 'n', help: 'write numbers, look up no names' }],
    help: 'in place of ipvsadm-save: write the table as rules to standard output',
  },
  {
    name: 'ipvs-ts-restore',
    options: [],
    help: 'in place of ipvsadm-restore: empty the table, then carry out the rules from standard input',
  },
] as const satisfies readonly ProgramSpec[];
