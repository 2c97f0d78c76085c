// Runs a program that asks for the running kernel on a simulated one instead, which begins with an empty table:
//
//   node --import ./test/lab/simulated/preload.mjs .build/examples/list.js
//
// Only for programs that need no network namespaces: those are the real kernel's.

import { register } from 'node:module';

register('./hooks.mjs', import.meta.url);
console.error('Kernel: a simulated one, in memory');
