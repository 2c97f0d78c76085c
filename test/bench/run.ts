/**
 * `npm run bench`: every measurement, one after the other in one kernel.
 */
await import('./restore.js');
await import('./programs.js');
