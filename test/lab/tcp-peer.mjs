/**
 * A TCP peer on one host, told what to do: every line that comes in is a JSON object with a `do`, every line that goes out
 * says that it is done. Started inside the host's namespace by whoever wants connections in certain states.
 *
 * `listen` on a port; `connect` from an address and port to another, and keep it under a name; `end` (FIN) or `reset` (RST) the
 * one of a name, or the one that was accepted last; `datagram` sends one without contents.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import { createInterface } from 'node:readline';

/** @typedef {import('node:net').Socket} Socket */

/** @type {Map<string, Socket>} */
const sockets = new Map();
/** @type {Socket | undefined} */
let accepted;

/** @type {Record<string, (order: Record<string, any>) => Promise<unknown> | unknown>} */
const orders = {
  async listen({ port }) {
    // Half-open is what these tests are about: whoever is left does not follow by itself.
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined).resume();
      accepted = socket;
    });
    await once(server.listen(port), 'listening');
  },
  async connect({ name, from, port, to, toPort }) {
    const socket = createConnection({
      host: to,
      port: toPort,
      localAddress: from,
      localPort: port,
      allowHalfOpen: true,
    });
    sockets.set(name, socket.on('error', () => undefined).resume());
    await once(socket, 'connect');
  },
  async datagram({ from, port, to, toPort }) {
    const socket = createSocket(from.includes(':') ? 'udp6' : 'udp4').on('error', () => undefined);
    socket.bind({ address: from, port, exclusive: true });
    await once(socket, 'listening');
    await new Promise((resolve) => socket.send('', toPort, to, resolve));
    socket.close();
  },
  end: ({ name }) => chosen(name)?.end(),
  reset: ({ name }) => chosen(name)?.resetAndDestroy(),
};

/** @param {string | undefined} name */
function chosen(name) {
  return name === undefined ? accepted : sockets.get(name);
}

for await (const line of createInterface(process.stdin)) {
  const order = JSON.parse(line);
  await orders[order.do]?.(order);
  console.log('done');
}
process.exit();
