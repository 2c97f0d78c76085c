/**
 * How the program is: alive, ready, which version.
 * @module
 */

import { healthSchema, liveSchema, readySchema, versionSchema } from '../../json/api.js';
import { findingsJsonSchema } from '../../json/findings.js';
import { healthJson } from '../../json/health.js';
import { Problem } from '../problem.js';
import type { Route } from '../route.js';

export const STATUS_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/livez',
    id: 'live',
    role: 'reader',
    help: 'Whether the loop makes progress: restart the program if it does not',
    answers: { 200: { help: 'it does', schema: liveSchema }, 503: { help: 'it does not' } },
    handle(director) {
      const { stall, look } = director;
      if (stall !== undefined) throw new Problem(503, stall);
      return { json: { alive: true, lastLook: look?.at } };
    },
  },
  {
    method: 'GET',
    path: '/readyz',
    id: 'ready',
    role: 'reader',
    help: 'Whether the table is applied and every check ran once',
    answers: {
      200: { help: 'it is', schema: readySchema },
      503: { help: 'it is not yet, and why', schema: readySchema },
    },
    handle({ unready: reasons, badSource }) {
      const ready = reasons.length === 0;
      return { status: ready ? 200 : 503, json: { ready, reasons, badSource } };
    },
  },
  {
    method: 'GET',
    path: '/v1/version',
    id: 'version',
    role: 'reader',
    help: 'The program, and the IPVS that it runs on',
    answers: { 200: { help: 'the version', schema: versionSchema } },
    async handle({ table, reads, started, options: { version, file } }, { visitor }) {
      const { source, countsTraffic } = { source: table.source, countsTraffic: table.countsTraffic?.() };
      const ipvs = await reads.info();
      const program = { program: 'ipvs-ts', version, node: process.version, pid: process.pid, started, file };
      return { json: { ...program, source, countsTraffic, visitor, ipvs } };
    },
  },
  {
    method: 'GET',
    path: '/v1/health',
    id: 'health',
    role: 'reader',
    help: 'What the health checks found, as "ipvs-ts health --json" writes it',
    answers: { 200: { help: 'every real server with its checks', schema: healthSchema } },
    handle(director) {
      const report = director.healthReport();
      if (report === undefined) throw new Problem(503, 'the program has not begun yet');
      return { json: healthJson(report) };
    },
  },
  {
    method: 'GET',
    path: '/v1/doctor',
    id: 'doctor',
    role: 'reader',
    help: 'What is wrong with this host, as "ipvs-ts doctor --json" writes it',
    answers: { 200: { help: 'the findings', schema: findingsJsonSchema } },
    async handle({ options: { examine } }) {
      return { json: await examine() };
    },
  },
];
