#!/usr/bin/env node
import { runIpvsadm } from './ipvsadm/ipvsadm.js';
/**
 * `ipvs-ts-save`, in the place of ipvsadm-save: `ipvs-ts -S` with `-n` where it is given. Words without a dash are ignored
 * (ipvsadm-save, 1.31).
 * @module
 */
import { runProgram } from './program.js';

void runProgram(async (words, streams, stdout) => {
  const options = words.filter((word) => word.startsWith('-'));
  if (options.every((word) => word === '-n'))
    return runIpvsadm(options.length > 0 ? ['-S', '-n'] : ['-S'], streams, { stdout });
  streams.stderr.write('usage: ipvs-ts-save [-n]\n  -n  write numbers, look up no names\n');
  return 1;
});
