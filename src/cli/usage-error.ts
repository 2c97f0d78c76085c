/** The arguments of a command are wrong: the user's mistake, found before anything is changed. */
export class UsageError extends Error {}
