/**
 * A real server that keeps connections, started by a test inside its namespace as `node request-server.mjs PORT...`; writes one
 * line once it listens.
 *
 * A connection ends after some requests, with `connection: close` in the last answer, as web servers have it (nginx:
 * keepalive_requests): a client that never pauses would keep its connection for ever, and no drain would end before its
 * deadline. It is never ended between two answers, where a request may be under way already.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';

const REQUESTS = 20;

for (const port of process.argv.slice(2)) {
  const server = createServer({ keepAliveTimeout: 0 }, (_request, response) => response.end('here\n'));
  server.maxRequestsPerSocket = REQUESTS;
  await once(server.listen(Number(port), '::'), 'listening');
}
console.log('listening');
