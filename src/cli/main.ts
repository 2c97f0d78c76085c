#!/usr/bin/env node
/**
 * The `ipvs-ts` command.
 * @module
 */
import { runProgram } from './program.js';
import { run } from './run.js';

void runProgram(run);
