/**
 * Starts connections from any local address, one after the other. Started once by scheduler-lan.ts, inside the client's
 * namespace: every line that comes in is a JSON array of what `Client` in scheduler-model.ts says, every line that goes out
 * says that their first packets have left. Nobody answers, and nothing is sent twice.
 */
import { createSocket } from 'node:dgram';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';

/** @typedef {import('./scheduler-model.js').Client} Client */

for await (const line of createInterface(process.stdin)) {
  /** @type {Client[]} */
  const clients = JSON.parse(line);
  for (const client of clients) await (client.protocol === 'udp' ? sendDatagram(client) : sendSyn(client));
  console.log('done');
}

/**
 * @param {Client} client
 * @returns {Promise<void>}
 */
async function sendDatagram({ source, sourcePort, destination, destinationPort }) {
  const socket = createSocket(source.includes(':') ? 'udp6' : 'udp4');
  await new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address: source, port: sourcePort, exclusive: true }, () => {
      socket.send('', destinationPort, destination, (error) => (error === null ? resolve(undefined) : reject(error)));
    });
  });
  socket.close();
}

/**
 * @param {Client} client
 * @returns {Promise<void>}
 */
async function sendSyn({ source, sourcePort, destination, destinationPort }) {
  const socket = createConnection({
    host: destination,
    port: destinationPort,
    localAddress: source,
    localPort: sourcePort,
  });
  socket.on('error', (error) => {
    // That nobody takes the connection is what the kernel says when the scheduler has no real server.
    if ('code' in error && error.code === 'ECONNREFUSED') return;
    throw error;
  });
  // connect(2) is called before the next turn of the event loop, and has sent the packet when it returns.
  await setImmediate();
  socket.destroy();
}
