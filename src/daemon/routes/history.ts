/**
 * The documents that were in force, and the way back to one of them.
 * @module
 */

import { historySchema, putSchema } from '../../json/api.js';
import { documentOf } from '../desired-file.js';
import { Problem } from '../problem.js';
import type { Route } from '../route.js';
import { putDocument } from './desired.js';

export const HISTORY_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/history',
    id: 'history',
    role: 'reader',
    help: 'The documents that were in force, newest first: when, by whom, why',
    answers: { 200: { help: 'at most 1,000 entries', schema: historySchema } },
    handle: ({ history }) => ({ json: [...history.list()].reverse() }),
  },
  {
    method: 'POST',
    path: '/v1/history/{number}/rollback',
    id: 'rollback',
    role: 'admin',
    help: 'Puts a document of the history in force again',
    query: { dryRun: 'only tell what would be done' },
    match: true,
    answers: {
      200: { help: 'done, as far as the kernel takes it', schema: putSchema },
      202: { help: 'the file is written, and the table follows', schema: putSchema },
      404: { help: 'the history has no such entry' },
    },
    handle(director, call) {
      const { number = '' } = call.params;
      const bytes = /^[1-9]\d{0,8}$/.test(number) ? director.history.document(Number(number)) : undefined;
      if (bytes === undefined) throw new Problem(404, `the history has no entry ${number}`);
      return putDocument(director, call, documentOf(bytes));
    },
  },
];
