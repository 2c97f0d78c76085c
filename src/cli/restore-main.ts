#!/usr/bin/env node
/**
 * `ipvs-ts-restore`, in the place of ipvsadm-restore: empties the table and carries out the rules on standard input. Where
 * ipvsadm-restore has emptied the table before it finds a mistake, this reads the rules first and then changes nothing.
 * @module
 */
import { runProgram } from './program.js';
import { runVerb } from './run-verb.js';

void runProgram((_, streams) => runVerb('restore', ['--replace', '--allow-empty'], streams));
