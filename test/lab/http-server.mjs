/**
 * A real server: answers every HTTP request with its name. Started by network.ts inside a namespace as
 * `node http-server.mjs NAME PORT`; writes one line once it listens.
 */
import { createServer } from 'node:http';

const [name = 'server', port = '80'] = process.argv.slice(2);

const server = createServer((_request, response) => {
  // A connection for every request, so that the scheduler is asked every time.
  response.writeHead(200, { connection: 'close', 'content-type': 'text/plain' });
  response.end(`${name}\n`);
});

server.listen(Number(port), '::', () => console.log('listening'));
