/**
 * How long work may hold the event loop.
 * @module
 */

/** Milliseconds after which work that goes on lets others have a turn: with what one step more takes, 10 are not passed. */
export const TIME_SLICE = 4;
